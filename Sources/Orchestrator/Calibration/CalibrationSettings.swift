import ArgumentParser
import Report
import Testbed

/// Every parameter of a calibration.
struct CalibrationSettings: Codable, Equatable, Sendable {
    /// Of the one Reader.
    var viewers = 4_000
    /// Comments per second on the channels with many viewers.
    var rate = 50.0
    /// Of each part.
    var seconds = 6.0
    var file = "calibration.json"

    var commandLine: String {
        "Orchestrator calibrate --viewers \(viewers) --rate \(Format.plain(rate)) --duration \(Format.plain(seconds))"
            + " --file \(file)"
    }
}

/// The options of `calibrate` as they are typed.
struct CalibrationArguments: ParsableArguments {
    @Option(parsing: .unconditional, help: "Viewers of the one Reader, 200 and more (4,000).") var viewers: String?
    @Option(parsing: .unconditional, help: "Comments per second, 1 to 2,000 (50).") var rate: String?
    @Option(parsing: .unconditional, help: "Seconds of each part, 1 to 600 (6).") var duration: String?
    @Option(help: "The file that plan reads (calibration.json).") var file: String?

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func settings(limits: Capacity) throws(Failure) -> CalibrationSettings {
        var check = ArgumentCheck()
        var settings = CalibrationSettings()
        let most = max(200, limits.viewersPerProcess)
        settings.viewers = min(settings.viewers, most)
        check.read("--viewers", viewers, 200...most, into: &settings.viewers)
        check.read("--rate", rate, 1...2_000, into: &settings.rate)
        check.read("--duration", duration, 1...600, into: &settings.seconds)
        settings.file = file ?? settings.file
        if settings.file.isEmpty { check.refuse("--file: must be the name of a file") }
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return settings
    }
}

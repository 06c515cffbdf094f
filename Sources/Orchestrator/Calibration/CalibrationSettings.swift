import Report

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

/// The options of `calibrate` as they were typed.
struct CalibrationArguments: Equatable, Sendable {
    var viewers: String?
    var rate: String?
    var duration: String?
    var file: String?

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func settings(limits: DescriptorLimits) throws(Failure) -> CalibrationSettings {
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

import ArgumentParser
import Audience
import Placement
import Report
import Testbed

/// The options of `predict` as they are typed.
struct PredictArguments: ParsableArguments {
    @Option(parsing: .unconditional, help: "Channels, 1 to 1,000,000.") var streams: String?
    @Option(parsing: .unconditional, help: "Viewers, 1 to 100,000,000.") var viewers: String?
    @Option(parsing: .unconditional, help: "Numbers of Readers: 5, 3,5,10 or 3..100.") var readers: String?
    @Option(parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share>.")
    var audience: String?
    @Option(parsing: .unconditional, help: "Placements, separated by commas (random,rendezvous,overflow).")
    var placement: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audience.") var seed: String?

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func settings() throws(Failure) -> PredictSettings {
        var check = ArgumentCheck()
        var settings = PredictSettings()
        check.read("--streams", streams, 1...Audience.channelsMax, into: &settings.streams)
        check.read("--viewers", viewers, 1...Audience.viewersMax, into: &settings.viewers)
        var range = ReaderRange(numbers: settings.readers)
        check.read("--readers", readers, with: ReaderRange.parse, into: &range)
        settings.readers = range.numbers
        check.read("--audience", audience, with: AudienceSpec.parse, into: &settings.audience)
        check.read("--placement", placement, with: PlacementStrategy.parseList, into: &settings.placements)
        check.readSeed("--seed", seed, into: &settings.seed)
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return settings
    }
}

/// Every parameter of one prediction.
struct PredictSettings: Codable, Equatable, Sendable {
    var streams = 90_000
    var viewers = 2_000_000
    var readers = Array(3...20)
    var audience = AudienceSpec.zipf(exponent: 1)
    var placements: [PlacementStrategy] = [.random, .rendezvous, .overflow]
    var seed: UInt64 = 1

    var title: String { "Prediction: \(audience), \(Format.grouped(viewers)) viewers" }

    var commandLine: String {
        "Orchestrator predict --streams \(streams) --viewers \(viewers) --readers \(ReaderRange(numbers: readers))"
            + " --audience \(audience) --placement \(placements.map(\.rawValue).joined(separator: ",")) --seed \(seed)"
    }
}

import ArgumentParser
import Audience
import Placement
import Report
import Testbed

/// Every parameter of one scale run.
struct ScaleSettings: Codable, Equatable, Sendable {
    var streams = 90_000
    var viewers = 2_000_000
    var readers = [14]
    var audience = AudienceSpec.zipf(exponent: 1)
    var placements: [PlacementStrategy] = [.random, .overflow]
    var seed: UInt64 = 1
    /// In which all viewers arrive.
    var arrivalSeconds = 30.0
    /// Viewers that have a socket, which somebody reads: they pay for the write.
    var sockets = 2_000
    /// Comments per second, over all streams, of the part in which the hubs deliver.
    var rate = 200.0
    /// Of that part.
    var durationSeconds = 10.0
    /// Of the part in which Redis gets as much as it takes.
    var burstSeconds = 8.0

    var title: String { "Scale: \(Format.grouped(streams)) streams, \(Format.grouped(viewers)) viewers" }

    /// The command that repeats it.
    var commandLine: String {
        [
            "Orchestrator scale", "--streams \(streams)", "--viewers \(viewers)",
            "--readers \(ReaderRange(numbers: readers))", "--audience \(audience)",
            "--placement \(placements.map(\.rawValue).joined(separator: ","))", "--seed \(seed)",
            "--arrival \(Format.plain(arrivalSeconds))", "--sockets \(sockets)", "--rate \(Format.plain(rate))",
            "--duration \(Format.plain(durationSeconds))",
            "--burst \(Format.plain(burstSeconds))",
        ].joined(separator: " ")
    }
}

/// The options of `scale` as they are typed.
struct ScaleArguments: ParsableArguments {
    @Option(parsing: .unconditional, help: "Streams, 1 to 1,000,000 (90,000).") var streams: String?
    @Option(parsing: .unconditional, help: "Viewers, 1 to 20,000,000 (2,000,000).") var viewers: String?
    @Option(parsing: .unconditional, help: "Numbers of Readers: 14, 3,7,14 or 3..5; at most 100 (14).") var readers:
        String?
    @Option(parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share> (zipf:1.0).")
    var audience: String?
    @Option(parsing: .unconditional, help: "Placements, separated by commas (random,overflow).") var placement: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audience, 0 to 2^64-1.") var seed: String?
    @Option(parsing: .unconditional, help: "Seconds in which all viewers arrive, 0 to 3,600 (30).") var arrival: String?
    @Option(parsing: .unconditional, help: "Viewers with a socket that somebody reads, 0 to 100,000 (2,000).")
    var sockets: String?
    @Option(parsing: .unconditional, help: "Comments per second that the hubs deliver, 0.1 to 100,000 (200).")
    var rate: String?
    @Option(parsing: .unconditional, help: "Seconds of that, 1 to 3,600 (10).") var duration: String?
    @Option(parsing: .unconditional, help: "Seconds in which Redis gets as much as it takes, 1 to 600 (8).")
    var burst: String?

    /// Reader processes in one case: each is a process with a hub, and shares this machine with all others.
    static let readersMax = 100

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func settings() throws(Failure) -> ScaleSettings {
        var check = ArgumentCheck()
        var settings = ScaleSettings()
        check.read("--streams", streams, 1...Audience.channelsMax, into: &settings.streams)
        check.read("--viewers", viewers, 1...20_000_000, into: &settings.viewers)
        var range = ReaderRange(numbers: settings.readers)
        check.read("--readers", readers, with: ReaderRange.parse, into: &range)
        settings.readers = range.numbers
        check.read("--audience", audience, with: AudienceSpec.parse, into: &settings.audience)
        check.read("--placement", placement, with: PlacementStrategy.parseList, into: &settings.placements)
        check.readSeed("--seed", seed, into: &settings.seed)
        check.read("--arrival", arrival, 0...3_600, into: &settings.arrivalSeconds)
        check.read("--sockets", sockets, 0...100_000, into: &settings.sockets)
        check.read("--rate", rate, 0.1...100_000, into: &settings.rate)
        check.read("--duration", duration, 1...3_600, into: &settings.durationSeconds)
        check.read("--burst", burst, 1...600, into: &settings.burstSeconds)
        check.problems += ScaleArguments.problems(settings)
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return settings
    }

    private static func problems(_ settings: ScaleSettings) -> [String] {
        var problems: [String] = []
        if let most = settings.readers.last, most > readersMax {
            problems.append("--readers \(most): must be at most \(readersMax), each is a process on this machine")
        }
        let cases = settings.readers.count * settings.placements.count
        if cases > 32 {
            problems.append(
                "--readers, --placement: \(cases) cases, one after the other; take at most 32 (readers × placements)")
        }
        return problems
    }
}

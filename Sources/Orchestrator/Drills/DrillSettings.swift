import ArgumentParser
import Audience
import Report
import Testbed

/// Every parameter of a drill.
struct DrillSettings: Codable, Equatable, Sendable {
    /// Whether comments are kept in PostgreSQL.
    enum Postgres: String, Codable, CaseIterable, Sendable {
        /// In the drills that are about it.
        case auto
        case always
        case never
    }

    var viewers = 2_000
    var streams = 100
    /// Comments per second, over all streams.
    var rate = 200.0
    var readers = 3
    var seed: UInt64 = 1
    /// Part of the viewers that never read, in `slow-viewers`.
    var slowShare = 0.01
    var postgres = Postgres.auto
    /// Of publishing before the fault.
    var calmSeconds = 4.0
    /// Of publishing after the fault's end, at least.
    var afterSeconds = 6.0

    /// A crowd that has not recovered after so long is not waited for.
    static let recoverySecondsWaited = 20.0
    /// The promise.
    static let recoverySecondsMax = 5.0

    /// What is done when nothing else is asked for: enough viewers for the fault to be seen.
    static func standard(for drill: Drill?) -> DrillSettings {
        var settings = DrillSettings()
        drill?.size(&settings)
        return settings
    }

    func usesPostgres(_ drill: Drill) -> Bool {
        switch postgres {
        case .auto: drill.database != .unneeded
        case .always: true
        case .never: false
        }
    }

    /// The command that repeats it; `name` is a drill's or `all`.
    func commandLine(_ name: String) -> String {
        var words = [
            "Orchestrator drill \(name)", "--viewers \(viewers)", "--streams \(streams)",
            "--rate \(Format.plain(rate))", "--readers \(readers)", "--seed \(seed)",
        ]
        if slowShare != DrillSettings().slowShare { words.append("--slow-share \(Format.plain(slowShare))") }
        if postgres != .auto { words.append("--postgres \(postgres.rawValue)") }
        return words.joined(separator: " ")
    }
}

/// The options of `drill` as they are typed.
struct DrillArguments: ParsableArguments {
    @Argument(help: "The drill's name, or all.") var name: String
    @Option(parsing: .unconditional, help: "Viewers, 1 to 100,000 (2,000; join-leave 10,000).")
    var viewers: String?
    @Option(parsing: .unconditional, help: "Videos, 1 to 1,000,000 (100; join-leave 1,000).")
    var streams: String?
    @Option(parsing: .unconditional, help: "Comments per second, 1 to 10,000 (200; join-leave 50).")
    var rate: String?
    @Option(parsing: .unconditional, help: "Reader processes, 1 to 20 (3; join-leave 6).")
    var readers: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audience, 0 to 2^64-1.") var seed: String?
    @Option(parsing: .unconditional, help: "Part of the viewers that never read, in slow-viewers (0.01).")
    var slowShare: String?
    @Option(help: "auto: in the drills that are about it; always; never.") var postgres: String?

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func read(limits: DescriptorLimits) throws(Failure) -> (drills: [Drill], settings: DrillSettings) {
        var check = ArgumentCheck()
        var settings = DrillSettings.standard(for: Drill.named(name))
        let drills = name == "all" ? Drill.all : [Drill.named(name)].compactMap { $0 }
        if drills.isEmpty {
            check.refuse("\(name): must be all or one of " + Drill.all.map(\.name).joined(separator: ", "))
        }
        check.read("--viewers", viewers, 1...100_000, into: &settings.viewers)
        check.read("--streams", streams, 1...Audience.channelsMax, into: &settings.streams)
        check.read("--rate", rate, 1...10_000, into: &settings.rate)
        check.read("--readers", readers, 1...20, into: &settings.readers)
        check.readSeed("--seed", seed, into: &settings.seed)
        check.read("--slow-share", slowShare, 0.0001...1, into: &settings.slowShare)
        if let postgres {
            if let known = DrillSettings.Postgres(rawValue: postgres) {
                settings.postgres = known
            } else {
                check.refuse("--postgres \(postgres): must be auto, always or never")
            }
        }
        if drills.first?.crowd == .likes, name != "all" {
            for (option, value) in [
                ("--viewers", viewers), ("--streams", streams), ("--rate", rate), ("--readers", readers),
                ("--slow-share", slowShare), ("--postgres", postgres),
            ] where value != nil { check.refuse("\(option): \(name) has a crowd of its own") }
        }
        check.problems += DrillArguments.problems(drills, settings, limits, isAll: name == "all")
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return (drills.filter { settings.postgres != .never || !$0.needsPostgres }, settings)
    }

    private static func problems(
        _ drills: [Drill], _ settings: DrillSettings, _ limits: DescriptorLimits, isAll: Bool
    ) -> [String] {
        var problems: [String] = []
        if !isAll, settings.postgres == .never, let drill = drills.first(where: { $0.needsPostgres }) {
            problems.append("--postgres never: \(drill.name) is about PostgreSQL")
        }
        if !isAll, settings.readers < 2, let drill = drills.first(where: \.movesViewers) {
            problems.append("--readers \(settings.readers): \(drill.name) needs another Reader to go to")
        }
        // Of all Readers but one, and of the swarm.
        let each = settings.viewers / max(1, settings.readers - 1)
        if each > limits.viewersPerProcess {
            problems.append("--readers \(settings.readers): \(settings.viewers) viewers do not fit on one Reader less")
        }
        return problems
    }
}

import ArgumentParser
import Audience
import Placement
import Report
import Testbed

/// Every parameter of a plan.
struct PlanSettings: Codable, Equatable, Sendable {
    var streams = 90_000
    var viewers = 2_000_000
    /// Comments per second, over all streams.
    var rate = 100.0
    /// 99% of the deliveries within so many milliseconds.
    var p99Milliseconds = 500.0
    var audience = AudienceSpec.zipf(exponent: 1)
    var placements: [PlacementStrategy] = [.random, .rendezvous, .overflow]
    var seed: UInt64 = 1
    /// Readers whose number is given; `nil`: the smallest that suffices is looked for.
    var readers: Int?
    var host = PlanHost()
    var calibration = "calibration.json"
    /// A plan may go beyond what the calibration measured.
    var extrapolates = false
    var check = PlanCheckSettings()

    var title: String { "Plan: \(Format.grouped(streams)) streams, \(Format.grouped(viewers)) viewers" }

    var commandLine: String {
        ([
            "Orchestrator plan", "--streams \(streams)", "--viewers \(viewers)", "--rate \(Format.plain(rate))",
            "--p99 \(Format.plain(p99Milliseconds))", "--audience \(audience)",
            "--placement \(placements.map(\.rawValue).joined(separator: ","))", "--seed \(seed)",
            "--cores \(host.cores)", "--memory \(Format.plain(host.memoryGiB))",
            "--network \(Format.plain(host.networkGbit))", "--descriptors \(host.descriptors)",
            "--fill \(Format.plain(host.fill))", "--calibration \(calibration)",
        ] + (readers.map { ["--readers \($0)"] } ?? []) + (extrapolates ? ["--extrapolate"] : []) + check.words)
        .joined(separator: " ")
    }
}

/// What of a plan is measured.
struct PlanCheckSettings: Codable, Equatable, Sendable {
    /// The planned topology, and one with a Reader less.
    var plan = false
    /// Names of ``PlanCheck/references``.
    var points: [String] = []
    var runs = 5
    /// Of publishing, in each run.
    var seconds = 4.0

    var isWanted: Bool { plan || !points.isEmpty }

    var words: [String] {
        guard isWanted else { return [] }
        return (plan ? ["--check"] : []) + (points.isEmpty ? [] : ["--check-points \(points.joined(separator: ","))"])
            + ["--runs \(runs)", "--duration \(Format.plain(seconds))"]
    }
}

/// The machine that one Reader has for itself, and one Redis node.
struct PlanHost: Codable, Equatable, Sendable {
    var cores = 0
    var memoryGiB = 0.0
    var networkGbit = 10.0
    var descriptors = 0
    /// Part of processor, memory and network that may be used: the rest is for what nobody planned.
    var fill = 0.7

    var memoryBytes: Double { memoryGiB * Double(1 << 30) }
    var networkBytesPerSecond: Double { networkGbit * 1e9 / 8 }
}

/// The options of `plan` as they are typed.
struct PlanArguments: ParsableArguments {
    @Option(parsing: .unconditional, help: "Streams, 1 to 1,000,000 (90,000).") var streams: String?
    @Option(parsing: .unconditional, help: "Viewers, 1 to 20,000,000 (2,000,000).") var viewers: String?
    @Option(parsing: .unconditional, help: "Comments per second over all streams, 0.01 to 10,000,000 (100).")
    var rate: String?
    @Option(parsing: .unconditional, help: "99% of the deliveries within so many ms, 1 to 600,000 (500).")
    var p99: String?
    @Option(parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share> (zipf:1.0).")
    var audience: String?
    @Option(parsing: .unconditional, help: "Placements, separated by commas (random,rendezvous,overflow).")
    var placement: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audience, 0 to 2^64-1.") var seed: String?
    @Option(parsing: .unconditional, help: "Cores of a Reader's machine, 1 to 1,024.") var cores: String?
    @Option(parsing: .unconditional, help: "Its memory in GiB, 0.25 to 65,536.") var memory: String?
    @Option(parsing: .unconditional, help: "Its network in Gbit/s, 0.01 to 1,000 (10).") var network: String?
    @Option(parsing: .unconditional, help: "Descriptors of a Reader process, 256 and more.") var descriptors: String?
    @Option(parsing: .unconditional, help: "Part of cores, memory and network that may be used, 0.05 to 1 (0.7).")
    var fill: String?
    @Option(parsing: .unconditional, help: "Does this number of Readers suffice? 2 to 1,000.") var readers: String?
    @Option(help: "The file of 'Orchestrator calibrate' (calibration.json).") var calibration: String?
    @Flag(help: "Let a plan go beyond the loads that the calibration measured.") var extrapolate = false
    @Flag(help: "Run the planned topology, and one Reader fewer, on this machine: prediction beside measurement.")
    var check = false
    @Option(
        name: .customLong("check-points"),
        help: "Loads that were not used for the fit: all, or some of \(PlanCheck.names.joined(separator: ", ")).")
    var checkPoints: String?
    @Option(parsing: .unconditional, help: "Runs of each load that is checked, 1 to 100 (5).") var runs: String?
    @Option(parsing: .unconditional, help: "Seconds of each, 1 to 600 (4).") var duration: String?

    /// - Parameter machine: what a host has where nothing is said: the machine of the calibration.
    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func settings(machine: Report.Environment?) throws(Failure) -> PlanSettings {
        var check = ArgumentCheck()
        var settings = PlanSettings()
        check.read("--streams", streams, 1...Audience.channelsMax, into: &settings.streams)
        check.read("--viewers", viewers, 1...20_000_000, into: &settings.viewers)
        check.read("--rate", rate, 0.01...10_000_000, into: &settings.rate)
        check.read("--p99", p99, 1...600_000, into: &settings.p99Milliseconds)
        check.read("--audience", audience, with: AudienceSpec.parse, into: &settings.audience)
        check.read("--placement", placement, with: PlacementStrategy.parseList, into: &settings.placements)
        check.readSeed("--seed", seed, into: &settings.seed)
        if let machine {
            settings.host.cores = machine.cores
            settings.host.memoryGiB = (Double(machine.memoryBytes) / Double(1 << 30) * 10).rounded() / 10
            settings.host.descriptors = machine.descriptorsMax
        }
        check.read("--cores", cores, 1...1_024, into: &settings.host.cores)
        check.read("--memory", memory, 0.25...65_536, into: &settings.host.memoryGiB)
        check.read("--network", network, 0.01...1_000, into: &settings.host.networkGbit)
        check.read("--descriptors", descriptors, 256...100_000_000, into: &settings.host.descriptors)
        check.read("--fill", fill, 0.05...1, into: &settings.host.fill)
        if let readers {
            var number = 2
            check.read("--readers", readers, 2...Planner.readersMax, into: &number)
            settings.readers = number
        }
        settings.calibration = calibration ?? settings.calibration
        settings.extrapolates = extrapolate
        settings.check.plan = self.check
        check.read("--check-points", checkPoints, with: PlanCheck.parse, into: &settings.check.points)
        check.read("--runs", runs, 1...100, into: &settings.check.runs)
        check.read("--duration", duration, 1...600, into: &settings.check.seconds)
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return settings
    }
}

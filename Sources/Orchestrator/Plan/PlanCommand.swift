import ArgumentParser
import Audience
import Placement
import Report

/// `Orchestrator plan`: how many Readers and Redis nodes an audience needs.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "The smallest number of Readers and Redis nodes for an audience, with one Reader lost.",
        discussion: """
            Counts with the costs that 'Orchestrator calibrate' measured, and needs its file. Every Reader and every Redis \
            node has a machine for itself; without --cores, --memory and --descriptors it is one like that of the \
            calibration.

            Exit codes: 0 a number of Readers suffices under some placement, 64 bad arguments, 65 under none, 69 no \
            calibration.
            """)

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
    @Option(help: "The file of 'Orchestrator calibrate' (calibration.json).") var calibration: String?
    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let (thresholds, result) = (try report.limits(PlanResult.metrics.definitions), try plan())
            let base = await Report.begin("plan", result.settings.title, command: result.settings.commandLine)
            return try report.finish(result.report(base), in: try report.folder(for: base), thresholds)
        }
    }

    private func plan() throws -> PlanResult {
        let arguments = PlanArguments(
            streams: streams, viewers: viewers, rate: rate, p99: p99, audience: audience, placement: placement,
            seed: seed, cores: cores, memory: memory, network: network, descriptors: descriptors, fill: fill,
            calibration: calibration)
        // What was typed is looked at first: a file that is missing must not hide what is wrong besides.
        _ = try arguments.settings(machine: nil)
        let costs = try Calibration.read(calibration ?? PlanSettings().calibration)
        let settings = try arguments.settings(machine: costs.environment)
        return PlanResult(settings: settings, calibration: costs, answers: try Self.answers(settings, costs))
    }

    private static func answers(_ settings: PlanSettings, _ costs: Calibration) throws(Failure) -> [PlanAnswer] {
        let audience = try Audience.of(
            settings.audience, channels: settings.streams, viewers: settings.viewers, seed: settings.seed)
        let limits = PlanLimits(
            costs: costs, host: settings.host, p99Milliseconds: settings.p99Milliseconds, rate: settings.rate,
            channels: audience.sizes.channels)
        var planner = Planner(model: PlanModel(audience, rate: settings.rate), limits: limits)
        return settings.placements.map { planner.answer($0) }
    }
}

import ArgumentParser
import Audience
import Placement
import Report
import Testbed

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

    @OptionGroup var arguments: PlanArguments
    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let (thresholds, result) = (try report.limits(PlanResult.metrics.definitions), try plan())
            let base = await Report.begin("plan", result.settings.title, command: result.settings.commandLine)
            return try report.finish(result.report(base), in: try report.folder(for: base), thresholds)
        }
    }

    private func plan() throws -> PlanResult {
        // What was typed is looked at first: a file that is missing must not hide what is wrong besides.
        _ = try arguments.settings(machine: nil)
        let costs = try Calibration.read(arguments.calibration ?? PlanSettings().calibration)
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

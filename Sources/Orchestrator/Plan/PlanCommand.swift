import ArgumentParser
import Audience
import Options
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
            calibration. --check and --check-points put loads on this machine, and show what the plan predicts for them \
            beside what was measured.

            Exit codes: 0 it fits: a number of Readers suffices under some placement (or the given one does), the loads are \
            like those that were measured, and what was checked was as predicted; 65 one of these does not hold, 64 bad \
            arguments, 69 no calibration, 70 a process died, 130 interrupted.
            """)

    @OptionGroup var settings: PlanSettings
    @OptionGroup var report: ReportOptions
    @OptionGroup var binaries: BinariesOption

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let thresholds = try report.limits(PlanResult.metrics.definitions)
            // What was typed is looked at first: a file that is missing must not hide what is wrong besides.
            let typed = try settings.valid()
            let costs = try Calibration.read(typed.calibration)
            let settings = typed.on(costs.environment)
            let binaries = try settings.measures ? binaries.find(Binaries.services) : Binaries()
            let base = await Report.begin(
                "plan", settings.title, command: settings.commandLine("plan"), directory: binaries.directory)
            let folder = try report.folder(for: base)
            var result = PlanResult(
                settings: settings, calibration: costs, answers: try Self.answers(settings, costs))
            if settings.measures {
                result.checked = try await PlanCheck(settings: settings, costs: costs, answers: result.answers).run(
                    in: folder, binaries)
            }
            return try report.finish(result.report(base), in: folder, thresholds)
        }
    }

    private static func answers(_ settings: PlanSettings, _ costs: Calibration) throws(Failure) -> [PlanAnswer] {
        let audience = try settings.makeAudience()
        let limits = PlanLimits(
            costs: costs, host: settings.host, p99Milliseconds: settings.p99,
            channels: audience.sizes.channels)
        var planner = Planner(model: PlanModel(audience, rate: settings.rate), limits: limits)
        return settings.placement.map { planner.answer($0, readers: settings.readers) }
    }
}

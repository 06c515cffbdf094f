import ArgumentParser
import Options
import Primitives
import Report
import Testbed

/// `Orchestrator compare`: what became worse between runs.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare reports of one kind with the first of them; exit code 65 when something became worse.",
        discussion: """
            Reads report.json of every command, and calibration.json. A number is worse when it changed by more than the \
            tolerance and by more than its own noise. Lost, repeated and misplaced deliveries are worse as soon as there \
            is one more; so is a number that is missing, and a run that did not pass. With --out it writes a report: one \
            page with the numbers, the plots and the maps of all runs.
            """)

    @Argument(help: "The report to compare with, its report.json or its folder, and those that are compared with it.")
    var reports: [String]
    @OptionGroup var settings: CompareSettings
    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let runs = try read()
            let thresholds = try report.limits(runs.flatMap(\.metrics).map(\.definition).unique())
            let command = (["compare"] + reports).joined(separator: " ")
            var result = await Report.begin(
                "comparison", "Comparison of \(runs.count) runs", command: settings.commandLine(command))
            try result.compare(runs, tolerance: settings.tolerance / 100)
            result.finishedAt = Report.now()
            return try report.finish(result, thresholds)
        }
    }

    private func read() throws -> [Report] {
        var (problems, runs) = (settings.problems, [Report]())
        for path in reports {
            do throws(ReportError) { runs.append(try Report.read(path)) } catch { problems.append(error.description) }
        }
        guard problems.isEmpty else { throw Failure.arguments(problems) }
        return runs
    }
}

struct CompareSettings: ParsableArguments {
    @Option("Percent by which a number may become worse, 0 to 1,000.", within(0...1_000.0))
    @Checked var tolerance = 10.0
}

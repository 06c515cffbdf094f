import ArgumentParser
import Options
import Primitives
import Report
import Testbed

/// `Orchestrator compare`: what became worse between two runs.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two reports of one kind; exit code 65 when something became worse.",
        discussion: """
            Reads report.json of every command, and calibration.json. A number is worse when it changed by more than the \
            tolerance and by more than its own noise. Lost, repeated and misplaced deliveries are worse as soon as there \
            is one more; so is a number that is missing, and a new run that did not pass.
            """)

    @Argument(help: "The report to compare with: its report.json or its folder.") var old: String
    @Argument(help: "The newer report.") var new: String
    @OptionGroup var settings: CompareSettings

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let comparison = try compare()
            StandardOutput.write(comparison.table.plain())
            for note in comparison.notes { StandardOutput.write("Note: \(note)") }
            StandardOutput.write(comparison.summary)
            return comparison.passed ? .fine : .auditFailed
        }
    }

    private func compare() throws -> Comparison {
        var (problems, reports) = (settings.problems, [Report]())
        for path in [old, new] {
            do throws(ReportError) { reports.append(try Report.read(path)) } catch {
                problems.append(error.description)
            }
        }
        guard problems.isEmpty else { throw Failure.arguments(problems) }
        return try Comparison(old: reports[0], new: reports[1], tolerance: settings.tolerance / 100)
    }
}

struct CompareSettings: ParsableArguments {
    @Option("Percent by which a number may become worse, 0 to 1,000.", within(0...1_000.0))
    @Checked var tolerance = 10.0
}

import ArgumentParser
import Audience

/// `Orchestrator compare`: what became worse between two runs.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two report.json of run; exit code 65 when something became worse.",
        discussion: """
            A number is worse when it grew by more than the tolerance and by more than its own noise. Lost, repeated and \
            misplaced deliveries are worse as soon as there is one more.
            """)

    @Argument(help: "report.json of the run to compare with.") var old: String
    @Argument(help: "report.json of the newer run.") var new: String
    @Option(parsing: .unconditional, help: "Percent by which a number may grow, 0 to 1,000 (10).") var tolerance:
        String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let comparison = try compare()
            Terminal.output(comparison.table.plain())
            for note in comparison.notes { Terminal.output("Note: \(note)") }
            Terminal.output(comparison.conclusion)
            return comparison.regressions.isEmpty ? .fine : .auditFailed
        }
    }

    private func compare() throws(Failure) -> Comparison {
        var check = ArgumentCheck()
        var percent = 10.0
        check.read("--tolerance", tolerance, 0...1_000, into: &percent)
        var reports: [RunReport] = []
        for path in [old, new] {
            do throws(Failure) {
                reports.append(try ReportFiles.read(path))
            } catch {
                check.refuse(error.description)
            }
        }
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return Comparison(old: reports[0], new: reports[1], tolerance: percent / 100)
    }
}

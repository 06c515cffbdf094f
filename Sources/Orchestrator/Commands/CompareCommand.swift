import ArgumentParser
import Audience

/// `Orchestrator compare`: what became worse between two runs.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two reports of one kind; exit code 65 when something became worse.",
        discussion: """
            Reads report.json of run, predict, sweep, scale and plan, and calibration.json. A number is worse when it \
            changed by more than the tolerance and by more than its own noise. Lost, repeated and misplaced deliveries are \
            worse as soon as there is one more.
            """)

    @Argument(help: "The report.json to compare with.") var old: String
    @Argument(help: "The newer report.json.") var new: String
    @Option(parsing: .unconditional, help: "Percent by which a number may become worse, 0 to 1,000 (10).")
    var tolerance: String?

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
        var reports: [any ComparableReport] = []
        for path in [old, new] {
            do throws(Failure) {
                reports.append(try ReportFiles.readComparable(path))
            } catch {
                check.refuse(error.description)
            }
        }
        let kinds = reports.map { type(of: $0).kind }
        if kinds.count == 2, kinds[0] != kinds[1] {
            check.refuse("\(old), \(new): must be of one kind; they are of \(kinds[0]) and \(kinds[1])")
        }
        guard check.problems.isEmpty else { throw .arguments(check.problems) }
        return Comparison(old: reports[0], new: reports[1], tolerance: percent / 100)
    }
}

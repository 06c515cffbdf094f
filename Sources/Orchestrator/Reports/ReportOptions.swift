import ArgumentParser
import Foundation
import Options
import Primitives
import Report
import Testbed
import Wire

/// What every command that makes a report is told about it.
struct ReportOptions: ParsableArguments {
    @Option(
        help: "Folder in which the report gets a folder of its own, <kind>-<time>, and 'latest' points to it (report).")
    var out: String?
    @Option(
        name: .customLong("threshold"),
        help:
            "Limit on a metric of the report, such as 'p99<150ms' or 'dropped<1%'; exit code 65 when it does not hold.")
    var thresholds: [String] = []
    @OptionGroup var output: OutputOptions

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func limits(_ known: [MetricDefinition]) throws(Failure) -> [Threshold] {
        try Self.limits(thresholds.map { ($0, "--threshold") }, known)
    }

    /// Each with where it stands, for what is wrong with it.
    static func limits(
        _ texts: [(text: String, place: String)], _ known: [MetricDefinition]
    ) throws(Failure) -> [Threshold] {
        var (limits, problems) = ([Threshold](), [String]())
        for (text, place) in texts {
            do throws(ReportError) { limits.append(try Threshold(text, known: known)) } catch {
                problems.append("\(place)\(error.description.dropFirst("--threshold".count))")
            }
        }
        guard problems.isEmpty else { throw .arguments(problems) }
        return limits
    }

    func folder(for report: Report) throws -> ReportFolder {
        try ReportFolder(in: out ?? "report", kind: report.kind, startedAt: report.startedAt)
    }

    /// Runs an experiment, writes its report into a folder of its own, and shows it.
    func measure(
        _ experiment: some Experiment, _ runner: ExperimentRunner, _ limits: [Threshold]
    ) async throws -> ExitStatus {
        let folder = try folder(for: experiment.base)
        return try finish(await runner.run(experiment, in: folder), in: folder, limits)
    }

    /// Of a command that measures nothing: it writes only where it is told to.
    func finish(_ report: Report, _ limits: [Threshold]) throws -> ExitStatus {
        try finish(report, in: out.map { _ in try folder(for: report) }, limits)
    }

    /// Holds the report against the thresholds, writes it and shows it.
    func finish(_ report: Report, in folder: ReportFolder?, _ limits: [Threshold]) throws -> ExitStatus {
        var report = report
        report.apply(limits)
        if let folder {
            if let note = try folder.write(report) { StandardError.write("Note: \(note)") }
        }
        try output.show(report)
        if let folder { StandardError.write("Report: \(folder.path)/report.html, report.md, report.json") }
        return report.verdict.status
    }
}

/// How a command shows what came of it.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print the report as JSON instead of tables; nothing else is on standard output.") var json = false

    func show(_ report: Report) throws(ReportError) { StandardOutput.write(json ? try report.json() : report.text()) }
}

extension ParsableArguments {
    /// These, unless something is wrong with them.
    ///
    /// - Parameter others: problems that are not of one option alone.
    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func valid(_ others: [String] = []) throws(Failure) -> Self {
        let problems = problems + others
        guard problems.isEmpty else { throw .arguments(problems) }
        return self
    }
}

/// Where the programs are that a command starts.
struct BinariesOption: ParsableArguments {
    @Option(help: ArgumentHelp("Folder of Chorus's programs.", visibility: .hidden)) var binaries: String?

    /// - Throws: ``Failure/missing(_:)`` with all that is missing.
    func find(_ own: [String], postgres: Bool = false) throws(Failure) -> Binaries {
        let found = Binaries(directory: binaries)
        try found.check(own: own, postgres: postgres)
        return found
    }
}

extension Report {
    /// UTC.
    static func now() -> String {
        Timestamp.text(millisecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1000))
    }

    /// One report of several, each under its title: its verdict as a check, and the metrics of one group.
    mutating func gather(_ reports: [(name: String, report: Report)], groups: [String]) {
        verdict.checks += reports.map { name, report in
            Check(
                name, passed: report.verdict.status == .fine, "\(name): \(report.verdict.reason)",
                exitCode: report.verdict.status)
        }
        metrics += reports.flatMap { $0.report.metrics(under: $0.name) }.filter { groups.contains($0.group) }
    }
}

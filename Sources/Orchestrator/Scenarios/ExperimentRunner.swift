import Foundation
import Primitives
import Report
import Testbed

/// A value that several tasks work on.
final class Locked<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value { state.withLock { $0 } }

    func update(_ change: (inout Value) -> Void) { state.withLock { change(&$0) } }
}

/// What an experiment gathers while it goes on, so that an interrupted one has written what it knew.
protocol ExperimentResult: Sendable {
    /// What the report begins with.
    var base: Report { get set }
    /// What each process has used; set when all have ended.
    var processes: [ProcessCosts] { get set }

    /// The whole report, judged.
    func report(_ failure: Failure?) -> Report
}

/// Runs experiments: each has a testbed of its own, ends with everything that it started, and leaves a report.
struct ExperimentRunner: Sendable {
    let binaries: Binaries
    let progress: Progress
    /// A server or service that does not answer for so long ends the experiment; `nil` where that is the experiment.
    var silenceMax: Duration? = .seconds(20)
    /// Shows the dashboard in a browser, in a run.
    var opensDashboard = false

    /// One part of an experiment: its folder inside the report's, empty for the only one, and what happens on a testbed.
    struct Part<Result: Sendable>: Sendable {
        var folder = ""
        var body: @Sendable (Testbed, Locked<Result>) async throws -> Void
    }

    /// Runs the parts one after the other, as long as none fails; a failure stands in the report's verdict.
    func run<Result: ExperimentResult>(
        _ result: Result, in folder: ReportFolder, _ parts: [Part<Result>]
    ) async -> Report {
        progress.step("\(result.base.title): \(result.base.command)")
        let gathered = Locked(result)
        let failure = await Failure.of {
            for part in parts {
                let folders = try Folders(report: part.folder.isEmpty ? folder.path : "\(folder.path)/\(part.folder)")
                try await Testbed.run(folders, binaries, silenceMax: silenceMax) { testbed in
                    do {
                        try await part.body(testbed, gathered)
                        progress.step("stopping")
                    } catch {
                        progress.step("stopping")
                        gathered.update { $0.processes = ProcessCosts.all(testbed) }
                        throw error
                    }
                    gathered.update { $0.processes = ProcessCosts.all(testbed) }
                }
            }
        }
        gathered.update { $0.base.finishedAt = Report.now() }
        return gathered.value.report(failure)
    }
}

import Foundation
import Synchronization
import Wire

/// Gathers a report while its run goes on, so that an interrupted run has written what it knew.
final class RunRecorder: Sendable {
    private let state: Mutex<State>

    private struct State {
        var report: RunReport
        var plant: Plant?
    }

    init(_ report: RunReport) {
        state = Mutex(State(report: report))
    }

    var report: RunReport { state.withLock { $0.report } }

    func update(_ change: (inout RunReport) -> Void) {
        state.withLock { change(&$0.report) }
    }

    /// Whose processes the report is about.
    func attach(_ plant: Plant) {
        state.withLock { $0.plant = plant }
    }

    /// Does a part of the run and notes how long it took, also when it fails.
    func phase<Answer>(_ name: String, _ body: () async throws -> Answer) async throws -> Answer {
        let start = ContinuousClock.now
        defer {
            let seconds = (ContinuousClock.now - start).seconds
            update { $0.phases.append(RunReport.Phase(name: name, seconds: seconds)) }
        }
        return try await body()
    }

    /// The report with what only the end knows: what each process has used, and the verdict.
    func finished(_ failure: Failure?) -> RunReport {
        let plant = state.withLock { $0.plant }
        update { report in
            report.finishedAt = RunRecorder.now()
            report.processes = (plant?.nodes ?? []).map {
                RunReport.Process(name: $0.name, role: $0.role, starts: $0.starts, usage: $0.usage)
            }
            for index in report.readers.indices {
                let node = plant?.nodes.first { $0.name == report.readers[index].name }
                if let node { report.readers[index].usage = node.usage }
            }
            report.verdict = Judge.verdict(on: report, failure: failure)
        }
        return report
    }

    static func now() -> String {
        Timestamp.text(millisecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1000))
    }
}

import Audience
import Foundation
import Synchronization

/// Gathers what a run of likes shows, from the tasks that watch it.
final class LikesRecorder: Sendable {
    private struct State {
        var report: LikesReport
        var start = ContinuousClock.now
        var plant: Plant?
    }

    private let state: Mutex<State>

    init(_ report: LikesReport) {
        state = Mutex(State(report: report))
    }

    func update(_ change: (inout LikesReport) -> Void) {
        state.withLock { change(&$0.report) }
    }

    func attach(_ plant: Plant) {
        state.withLock { $0.plant = plant }
    }

    /// The first like is sent now.
    func begin() {
        state.withLock { $0.start = .now }
    }

    func mark(_ kind: DrillReport.Mark.Kind, _ text: String) {
        state.withLock { state in
            let seconds = (ContinuousClock.now - state.start).seconds
            state.report.marks.append(DrillReport.Mark(seconds: seconds, kind: kind, text: text))
        }
    }

    func take(_ message: LikesMessage) {
        state.withLock { state in
            guard state.report.samples.count < LikesReport.samplesMax else { return }
            state.report.samples.append(
                LikesReport.Sample(
                    seconds: (ContinuousClock.now - state.start).seconds, acknowledged: message.acknowledged ?? 0,
                    refused: message.refused ?? 0, unanswered: message.unanswered ?? 0,
                    underWay: message.underWay ?? 0, updates: message.updates ?? 0))
        }
    }

    /// The whole report, judged.
    func finished(_ failure: Failure?) -> LikesReport {
        state.withLock { state in
            var report = state.report
            report.finishedAt = RunRecorder.now()
            report.processes = (state.plant?.nodes ?? []).map {
                RunReport.Process(name: $0.name, role: $0.role, starts: $0.starts, usage: $0.usage)
            }
            report.verdict = LikesJudge.verdict(on: report, failure: failure)
            return report
        }
    }
}

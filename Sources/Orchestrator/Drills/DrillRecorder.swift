import Audience
import Foundation
import Synchronization

/// Gathers what one pass of a drill shows, from the tasks that watch it.
final class DrillRecorder: Sendable {
    private let state: Mutex<State>

    private struct State {
        var pass: DrillResult.Pass
        /// µs since 1970.
        var start: Int64 = 0
        var latest: Int64 = 0
    }

    init(name: String) {
        state = Mutex(State(pass: DrillResult.Pass(name: name)))
    }

    var pass: DrillResult.Pass { state.withLock { $0.pass } }

    func update(_ change: (inout DrillResult.Pass) -> Void) {
        state.withLock { change(&$0.pass) }
    }

    /// Publishing begins.
    func begin() {
        state.withLock { $0.start = DrillRecorder.microseconds() }
    }

    func mark(_ kind: FaultMark.Kind, _ text: String) {
        state.withLock { state in
            let seconds = Double(DrillRecorder.microseconds() - state.start) / 1e6
            state.pass.marks.append(FaultMark(seconds: seconds, kind: kind, text: text))
        }
    }

    /// Keeps what the swarms told, unless it is known.
    func take(_ crowd: SwarmMessage.CrowdState, acknowledged: Int, delivered: Int) {
        state.withLock { state in
            guard crowd.at > state.latest, state.pass.samples.count < DrillResult.samplesMax else { return }
            state.latest = crowd.at
            state.pass.samples.append(
                DrillResult.Sample(
                    seconds: Double(crowd.at - state.start) / 1e6, acknowledged: acknowledged, delivered: delivered,
                    away: crowd.away, behind: crowd.behind,
                    wholeThrough: crowd.wholeThrough == 0 ? -1 : Double(crowd.wholeThrough - state.start) / 1e6,
                    attempts: crowd.attempts, connects: crowd.connects))
        }
    }

    private static func microseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1e6) }
}

import Audience
import Foundation
import Report
import Testbed

/// Gathers what one pass of a drill shows, from the tasks that watch it.
typealias DrillRecorder = Locked<DrillResult.Pass>

extension DrillRecorder {
    convenience init(name: String) { self.init(DrillResult.Pass(name: name)) }

    var pass: DrillResult.Pass { value }

    /// Publishing begins.
    func begin() {
        update { $0.start = DrillRecorder.microseconds() }
    }

    func mark(_ kind: FaultMark.Kind, _ text: String) {
        update { pass in
            let seconds = Double(DrillRecorder.microseconds() - pass.start) / 1e6
            pass.marks.append(FaultMark(seconds: seconds, kind: kind, text: text))
        }
    }

    /// Keeps what the swarms told, unless it is known.
    func take(_ crowd: SwarmMessage.CrowdState, acknowledged: Int, delivered: Int) {
        update { pass in
            guard crowd.at > pass.latest, pass.samples.count < DrillResult.samplesMax else { return }
            pass.latest = crowd.at
            pass.samples.append(
                DrillResult.Sample(
                    seconds: Double(crowd.at - pass.start) / 1e6, acknowledged: acknowledged,
                    unacknowledged: crowd.unacknowledged, delivered: delivered,
                    away: crowd.away, behind: crowd.behind,
                    wholeThrough: crowd.wholeThrough == 0 ? -1 : Double(crowd.wholeThrough - pass.start) / 1e6,
                    attempts: crowd.attempts, connects: crowd.connects))
        }
    }

    private static func microseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1e6) }
}

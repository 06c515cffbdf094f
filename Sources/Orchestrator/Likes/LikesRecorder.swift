import Audience
import Report
import Testbed

typealias LikesRecorder = Locked<LikesResult>

/// Gathers what a run of likes shows, from the tasks that watch it.
extension LikesRecorder {
    func mark(_ kind: FaultMark.Kind, _ text: String) {
        update { result in
            let seconds = (ContinuousClock.now - result.start).seconds
            result.marks.append(FaultMark(seconds: seconds, kind: kind, text: text))
        }
    }

    func take(_ message: LikesMessage) {
        update { result in
            guard result.samples.count < LikesResult.samplesMax else { return }
            result.samples.append(
                LikesResult.Sample(
                    seconds: (ContinuousClock.now - result.start).seconds, acknowledged: message.acknowledged ?? 0,
                    refused: message.refused ?? 0, unanswered: message.unanswered ?? 0,
                    underWay: message.underWay ?? 0, updates: message.updates ?? 0))
        }
    }

    /// The whole report, judged.
    func finished(_ failure: Failure?) -> Report {
        update { result in
            result.base.finishedAt = Report.now()
            result.processes = ProcessCosts.all(result.testbed)
        }
        return value.report(failure)
    }
}

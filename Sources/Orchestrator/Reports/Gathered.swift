import Synchronization

/// A report while it is gathered, so that an interrupted run has written what it knew.
final class Gathered<Report: Sendable>: Sendable {
    private let state: Mutex<Report>

    init(_ report: Report) { state = Mutex(report) }

    var value: Report { state.withLock { $0 } }
    func update(_ change: (inout Report) -> Void) { state.withLock { change(&$0) } }
}

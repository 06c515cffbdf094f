internal import Audience
internal import Foundation
internal import Primitives

/// Writes down who joins, leaves and comments while a swarm publishes, for a ``Trace``.
final class TraceRecorder: Sendable {
    private struct Noted: Sendable {
        /// Monotonic, of the start of publishing; `nil` before it.
        var start: UInt64?
        var events: [Trace.Event] = []
        var refused = 0
    }

    private let noted = Mutex(Noted())

    /// Publishing begins: what comes from now on is noted.
    func begin(at nanoseconds: UInt64) { noted.withLock { $0.start = nanoseconds } }

    /// - Parameter nanoseconds: monotonic; what came before the start counts as there from the start.
    func note(_ action: Trace.Action, _ video: String, _ viewer: String, at nanoseconds: UInt64) {
        noted.withLock { noted in
            guard let start = noted.start else { return }
            guard noted.events.count < Trace.eventsMax else { return noted.refused += 1 }
            // Microseconds are enough, and shorter.
            let seconds = Double((max(nanoseconds, start) - start) / 1_000) / 1e6
            noted.events.append(Trace.Event(action, video, viewer: viewer, at: seconds))
        }
    }

    /// Writes what was noted.
    ///
    /// - Throws: ``RunFailure/traceNotWritten(_:)``.
    func write(to path: String) throws(RunFailure) {
        var noted = noted.withLock { $0 }
        guard noted.refused == 0 else {
            throw .traceNotWritten("there were more than \(Trace.eventsMax) events")
        }
        // Viewers and who writes are noted by different threads.
        noted.events = noted.events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .map(\.element)
        let lines = noted.events.map { $0.line + "\n" }.joined()
        do { try Data(lines.utf8).write(to: URL(fileURLWithPath: path)) } catch {
            throw .traceNotWritten("\(path): \(error.localizedDescription)")
        }
    }
}

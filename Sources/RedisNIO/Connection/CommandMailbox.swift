import NIOCore
import Synchronization

/// Commands on their way from any task to the connection's event loop.
///
/// The first command of a turn wakes the loop, the others ride along: one buffer, one write, one flush. Commands in
/// flight are those here and those that wait for a reply; their number is bounded.
final class CommandMailbox: Sendable {
    typealias Continuation = CheckedContinuation<Result<[RESPValue], RedisError>, Never>

    struct Request {
        let continuation: Continuation
        let replies: Int
        let deadline: NIODeadline
    }

    /// What the loop takes in one turn.
    struct Batch {
        let bytes: ByteBuffer
        let requests: [Request]
    }

    enum Admission {
        /// The loop must be woken.
        case first
        case joined
        case refused(RedisError)
    }

    private struct State {
        var bytes = ByteBuffer()
        var requests: [Request] = []
        var inFlight = 0
        var failure: RedisError?
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: the most commands in flight, 1 or more.
    init(limit: Int) {
        self.limit = limit
    }

    var inFlight: Int { state.withLock { $0.inFlight } }

    func post(_ commands: [RedisCommand], deadline: NIODeadline, continuation: Continuation) -> Admission {
        state.withLock { state in
            if let failure = state.failure { return .refused(failure) }
            guard state.inFlight + commands.count <= limit else {
                return .refused(RedisError(.overloaded, "\(limit) commands are in flight"))
            }
            state.inFlight += commands.count
            for command in commands { command.encode(into: &state.bytes) }
            state.requests.append(Request(continuation: continuation, replies: commands.count, deadline: deadline))
            return state.requests.count == 1 ? .first : .joined
        }
    }

    func take() -> Batch {
        state.withLock { state in
            defer {
                state.bytes = ByteBuffer()
                state.requests = []
            }
            return Batch(bytes: state.bytes, requests: state.requests)
        }
    }

    func replied(_ count: Int) {
        state.withLock { $0.inFlight -= count }
    }

    /// Refuses everything from now on; returns what the loop has not taken yet.
    func close(_ failure: RedisError) -> [Request] {
        state.withLock { state in
            if state.failure == nil { state.failure = failure }
            defer { state.requests = [] }
            return state.requests
        }
    }
}

import DequeModule
import Fanout
import Primitives
import SocketIO

/// What clients of Socket.IO sent and nobody has looked at yet: in order for each of them, one at a time, so that a slow
/// answer of another service holds up nobody else.
final class SocketIOInbox: SessionHandler {
    typealias Input = SocketIOConnection.Input

    /// Inputs of one session that may wait.
    static let waitingMax = 64
    /// Sessions that are served at the same time; each waits for at most one answer.
    static let parallelMax = 512

    private struct State {
        /// Inputs by session; a session without any is not being served.
        var waiting: [SessionID: Deque<Input>] = [:]
        var ended: [SessionID] = []
    }

    private let state = Mutex(State())
    private let ready = BatchWorker<SessionID>(batchMax: 256)

    func received(_ input: Input, from session: SessionID) -> Bool {
        let (isTaken, isFirst) = state.withLock { state -> (Bool, Bool) in
            guard let count = state.waiting[session]?.count else {
                state.waiting[session] = [input]
                return (true, true)
            }
            guard count < Self.waitingMax else { return (false, false) }
            state.waiting[session]?.append(input)
            return (true, false)
        }
        if isFirst { ready.submit(session) }
        return isTaken
    }

    func ended(_ session: SessionID) {
        state.withLock { state in
            state.waiting[session]?.removeAll()
            state.ended.append(session)
        }
        ready.submit(session)
    }

    /// Hands every input to `serve`, and every session that is over to `forget`, until the task is cancelled.
    func run(
        serve: @escaping @Sendable (Input, SessionID) async -> Void, forget: @escaping @Sendable (SessionID) -> Void
    ) async {
        await ready.runEach(parallelMax: Self.parallelMax) { [self] session in
            for ended in state.withLock({ state -> [SessionID] in
                defer { state.ended = [] }
                return state.ended
            }) { forget(ended) }
            while let input = next(of: session) { await serve(input, session) }
        }
    }

    /// The next input. A session has an entry as long as one of its inputs waits or is being served.
    private func next(of session: SessionID) -> Input? {
        state.withLock { state in
            guard let input = state.waiting[session]?.popFirst() else {
                state.waiting[session] = nil
                return nil
            }
            return input
        }
    }
}

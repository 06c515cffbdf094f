import Glibc
import Primitives
import Subprocess

/// A process that a ``Supervisor`` started: its id, its end, its lines.
final class Child: Sendable {
    let specification: ChildSpecification
    /// What it writes to standard output, if it converses. Ends with the process.
    let lines: AsyncStream<String>

    private let linesInput: AsyncStream<String>.Continuation
    private let state = Mutex(State())

    private struct State {
        var pid: Int32?
        var exit: ChildExit?
        var stopping = false
        var usage = ProcessUsage()
        var writer: StandardInputWriter?
        var linesDropped = 0
    }

    /// Lines that nobody has read yet; more are dropped and counted.
    static let linesMax = 4_096

    init(_ specification: ChildSpecification) {
        self.specification = specification
        (lines, linesInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Child.linesMax))
    }

    var name: String { specification.name }
    /// `nil` before the start; stays after the end.
    var pid: Int32? { state.withLock { $0.pid } }
    /// `nil` while it runs.
    var exit: ChildExit? { state.withLock { $0.exit } }
    var isRunning: Bool { state.withLock { $0.pid != nil && $0.exit == nil } }
    /// The last sample.
    var usage: ProcessUsage { state.withLock { $0.usage } }
    var linesDropped: Int { state.withLock { $0.linesDropped } }

    /// Writes one line to its standard input.
    ///
    /// - Throws: ``ConversationEnded`` when it has ended or does not converse.
    func send(line: String) async throws(ConversationEnded) {
        guard let writer = state.withLock({ $0.writer }) else { throw ConversationEnded(name: name) }
        do {
            _ = try await writer.write(Array((line + "\n").utf8))
        } catch {
            throw ConversationEnded(name: name)
        }
    }

    struct ConversationEnded: Error, Equatable, CustomStringConvertible {
        var name: String
        var description: String { "\(name) no longer listens" }
    }

    /// Sends a signal to the process, or to all processes of its group; without effect when it has ended.
    func signal(_ signal: Signal, group: Bool = false) {
        // After the end the number may be another process's.
        state.withLock { state in
            guard let pid = state.pid, state.exit == nil else { return }
            _ = Glibc.kill(group ? -pid : pid, signal.rawValue)
        }
    }

    /// From now on its end is no surprise.
    func expectEnd() {
        state.withLock { $0.stopping = true }
    }

    func takeSample() {
        guard isRunning, let pid, let sample = ProcessUsage.sample(pid: pid) else { return }
        state.withLock { $0.usage.take(sample) }
    }
}

extension Child {
    func started(pid: Int32, writer: StandardInputWriter? = nil) {
        state.withLock {
            $0.pid = pid
            $0.writer = writer
        }
    }

    func wrote(line: String) {
        if case .dropped = linesInput.yield(line) { state.withLock { $0.linesDropped += 1 } }
    }

    /// The process is gone; returns its death when that is a surprise.
    func ended(_ exit: ChildExit) -> ChildDeath? {
        linesInput.finish()
        let surprise = state.withLock { state in
            state.exit = exit
            state.writer = nil
            return !state.stopping && !specification.life.expects(exit)
        }
        guard surprise else { return nil }
        return ChildDeath(name: name, exit: exit, log: specification.log, tail: LogTail.read(specification.log))
    }
}

extension ChildSpecification.Life {
    func expects(_ exit: ChildExit) -> Bool {
        switch (self, exit) {
        case (.ends(let codes), .code(let code)): codes.contains(code)
        default: false
        }
    }
}

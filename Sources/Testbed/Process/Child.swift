import Foundation
import Glibc
import Primitives
import Subprocess

/// A process that a ``Supervisor`` started: its id, its end, its lines.
public final class Child: Sendable {
    public let specification: ChildSpecification
    /// What it writes to standard output, if it converses. Ends with the process.
    public let lines: AsyncStream<String>

    private let linesInput: AsyncStream<String>.Continuation
    private let died: @Sendable (ChildDeath) -> Void
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
    public static let linesMax = 4_096

    init(_ specification: ChildSpecification, died: @escaping @Sendable (ChildDeath) -> Void) {
        self.specification = specification
        self.died = died
        (lines, linesInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Child.linesMax))
    }

    public var name: String { specification.name }
    /// `nil` before the start; stays after the end.
    public var pid: Int32? { state.withLock { $0.pid } }
    /// `nil` while it runs.
    public var exit: ChildExit? { state.withLock { $0.exit } }
    public var isRunning: Bool { state.withLock { $0.pid != nil && $0.exit == nil } }
    var hasStarted: Bool { state.withLock { $0.pid != nil || $0.exit != nil } }
    /// The last sample.
    public var usage: ProcessUsage { state.withLock { $0.usage } }
    public var linesDropped: Int { state.withLock { $0.linesDropped } }

    /// Writes one line to its standard input.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when it has ended or does not converse.
    public func send(line: String) async throws(Failure) {
        do {
            guard let writer = state.withLock({ $0.writer }) else { throw Failure.unavailable("") }
            _ = try await writer.write(Array((line + "\n").utf8))
        } catch {
            throw .unavailable("\(name) no longer listens")
        }
    }

    /// Sends a signal to the process, or to its group and to all that descend from it (each backend of PostgreSQL has a
    /// group of its own); without effect when it has ended.
    public func signal(_ signal: Int32, withDescendants: Bool = false) {
        let others = withDescendants ? descendants() : []
        // After the end the number may be another process's.
        state.withLock { state in
            guard let pid = state.pid, state.exit == nil else { return }
            for other in others { Glibc.kill(other, signal) }
            Glibc.kill(withDescendants ? -pid : pid, signal)
        }
    }

    /// Processes that it made, and those that they made.
    func descendants() -> [Int32] {
        guard isRunning, let pid else { return [] }
        var (found, next) = ([Int32](), [pid])
        while let parent = next.popLast() {
            let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task")) ?? []
            for thread in threads {
                let children = KernelFigures.text("/proc/\(parent)/task/\(thread)/children")
                next += children.split(separator: " ").compactMap { Int32($0) }
            }
            if parent != pid { found.append(parent) }
        }
        return found
    }

    /// From now on its end is no surprise.
    public func expectEnd() { state.withLock { $0.stopping = true } }

    public func takeSample() {
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

    func ended(_ exit: ChildExit) {
        linesInput.finish()
        let isSurprise = state.withLock { state in
            state.exit = exit
            state.writer = nil
            return !state.stopping && !specification.life.expects(exit)
        }
        if isSurprise { died(ChildDeath(specification, exit)) }
    }
}

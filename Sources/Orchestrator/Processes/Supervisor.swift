import Foundation
import Primitives
import Subprocess
import SystemPackage

/// Starts processes, watches them, and ends them in reverse order. None outlives it.
final class Supervisor: Sendable {
    /// Deaths that nobody had asked for, in their order.
    let deaths: AsyncStream<ChildDeath>

    private let deathsInput: AsyncStream<ChildDeath>.Continuation
    private let requests: AsyncStream<Child>
    private let requestsInput: AsyncStream<Child>.Continuation
    private let children = Mutex<[Child]>([])
    private let known = Mutex<ChildDeath?>(nil)
    /// The binary that has the `supervise-child` command.
    private let launcher: String

    /// Children in one run, the ended ones included.
    static let childrenMax = 1_024

    /// The first of ``deaths``, as soon as it is known.
    var firstDeath: ChildDeath? { known.withLock { $0 } }

    private init(launcher: String) {
        self.launcher = launcher
        (deaths, deathsInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(64))
        (requests, requestsInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Supervisor.childrenMax))
    }

    /// Runs `body` with a supervisor; when it returns or throws, all children are stopped in reverse order of their start.
    ///
    /// Cancelling the caller cancels `body`; the children are stopped as gently as ever.
    static func with<Answer: Sendable>(
        launcher: String, body: @escaping @Sendable (Supervisor) async throws -> Answer
    ) async throws -> Answer {
        let supervisor = Supervisor(launcher: launcher)
        // Not cancelled with the caller: Subprocess would kill the children at once and out of order.
        let keeper = Task { await supervisor.keepChildren() }
        let outcome: Result<Answer, any Error>
        do { outcome = .success(try await body(supervisor)) } catch { outcome = .failure(error) }
        await Task { await supervisor.stopAll() }.value
        supervisor.requestsInput.finish()
        await keeper.value
        return try outcome.get()
    }

    /// Starts a process and returns as soon as it has an id.
    ///
    /// - Throws: ``ChildDeath`` when it cannot be started.
    func start(_ specification: ChildSpecification) async throws -> Child {
        let child = Child(specification)
        children.withLock { $0.append(child) }
        if case .dropped = requestsInput.yield(child) {
            throw ChildDeath(
                name: child.name, exit: .notStarted("too many processes"), log: specification.log, tail: [])
        }
        try await waitForStart(of: child)
        if case .notStarted = child.exit, let exit = child.exit {
            throw ChildDeath(name: child.name, exit: exit, log: specification.log, tail: [])
        }
        return child
    }

    /// Asks a process to end, and kills its group when it has not after its grace. Returns how it ended; `nil` when the
    /// caller was cancelled meanwhile, and then it is stopped with all the others.
    @discardableResult
    func stop(_ child: Child) async -> ChildExit? {
        child.expectEnd()
        do {
            try await waitForStart(of: child)
            child.takeSample()
            // One that was paused cannot hear the wish.
            child.signal(.resume)
            child.signal(child.specification.stopSignal)
            let grace = child.specification.grace
            if let exit = try await Polling.wait(atMost: grace, every: .milliseconds(5), for: { child.exit }) {
                return exit
            }
        } catch {
            return nil
        }
        return await kill(child)
    }

    /// Ends a process and its group at once.
    @discardableResult
    func kill(_ child: Child) async -> ChildExit? {
        child.expectEnd()
        try? await waitForStart(of: child)
        child.takeSample()
        child.signal(.kill, group: true)
        return try? await Polling.wait(atMost: .seconds(10), every: .milliseconds(2)) { child.exit }
    }

    /// Reads processor time and memory of all that run.
    func takeSamples() {
        for child in children.withLock({ $0 }) { child.takeSample() }
    }

    private func stopAll() async {
        // Those too whose start was interrupted: they may not have their id yet.
        for child in children.withLock({ $0 }).reversed() where child.exit == nil { await stop(child) }
    }

    private func waitForStart(of child: Child) async throws {
        _ = try await Polling.wait(atMost: .seconds(30), every: .milliseconds(2)) {
            child.pid != nil || child.exit != nil ? true : nil
        }
    }
}

extension Supervisor {
    private func keepChildren() async {
        await withDiscardingTaskGroup { group in
            for await child in requests {
                group.addTask { await self.keep(child) }
            }
        }
        deathsInput.finish()
    }

    private func keep(_ child: Child) async {
        let exit: ChildExit
        do {
            let status = child.specification.converses ? try await converse(with: child) : try await hold(child)
            exit = ChildExit(status)
        } catch {
            exit = .notStarted(String(describing: error))
        }
        guard let death = child.ended(exit) else { return }
        known.withLock { $0 = $0 ?? death }
        deathsInput.yield(death)
    }

    private func hold(_ child: Child) async throws -> TerminationStatus {
        try await Subprocess.run(
            configuration(of: child.specification), input: .none, output: .discarded, error: .discarded
        ) {
            child.started(pid: $0.processIdentifier.value)
        }.terminationStatus
    }

    private func converse(with child: Child) async throws -> TerminationStatus {
        try await Subprocess.run(
            configuration(of: child.specification), input: .inputWriter, output: .sequence, error: .discarded
        ) {
            child.started(pid: $0.processIdentifier.value, writer: $0.standardInputWriter)
            // A report carries a histogram on one line.
            for try await line in $0.standardOutput.strings(bufferingPolicy: .maxLineLength(16 << 20)) {
                child.wrote(line: line)
            }
        }.terminationStatus
    }

    private func configuration(of child: ChildSpecification) -> Subprocess.Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        var environment = ProcessInfo.processInfo.environment.filter { ChildSpecification.passedOn.contains($0.key) }
        environment.merge(child.environment) { $1 }
        var keys: [Environment.Key: String] = [:]
        for (name, value) in environment { keys[Environment.Key(stringLiteral: name)] = value }
        return Configuration(
            executable: .path(FilePath(launcher)),
            arguments: Arguments(
                SuperviseChildCommand.arguments(for: child, parent: ProcessInfo.processInfo.processIdentifier)),
            environment: .custom(keys), platformOptions: options)
    }
}

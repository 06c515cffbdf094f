import Foundation
import Glibc
import Primitives
import Subprocess
import SystemPackage

/// Starts processes, watches them, and ends them phase by phase. None outlives it, nor this process.
public final class Supervisor: Sendable {
    /// Deaths that nobody had asked for, in their order.
    public let deaths: AsyncStream<ChildDeath>

    private let deathsInput: AsyncStream<ChildDeath>.Continuation
    private let state = Mutex(State())

    private struct State {
        var children: [Child] = []
        var firstDeath: ChildDeath?
    }

    /// Children that run at a time.
    public static let childrenMax = 1_024

    /// The first of ``deaths``, as soon as it is known.
    public var firstDeath: ChildDeath? { state.withLock { $0.firstDeath } }

    /// Whoever makes one calls ``stopAll()`` in the end.
    public init() {
        (deaths, deathsInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(64))
    }

    /// Starts a process.
    ///
    /// - Throws: ``ChildDeath`` when it cannot be started.
    public func start(_ specification: ChildSpecification) async throws(ChildDeath) -> Child {
        let child = Child(specification) { [weak self] death in self?.note(death) }
        let fits = state.withLock { state in
            state.children.removeAll { $0.exit != nil }
            guard state.children.count < Supervisor.childrenMax else { return false }
            state.children.append(child)
            return true
        }
        guard fits else { throw ChildDeath(specification, .notStarted("too many processes")) }
        // Lives as long as the process, whoever started it: Subprocess would kill the process of a cancelled task.
        Task { await keep(child) }
        let started = Task {
            try? await Polling.until(atMost: .seconds(30), every: .milliseconds(2)) { child.hasStarted }
        }
        _ = await started.value
        if let exit = child.exit, case .notStarted = exit { throw ChildDeath(specification, exit) }
        return child
    }

    /// Runs a program to its end.
    ///
    /// - Returns: what it wrote to its log.
    /// - Throws: ``Failure/unavailable(_:)`` with that when it ends with another code than 0 or takes longer than `limit`.
    @discardableResult
    public func run(_ specification: ChildSpecification, atMost limit: Duration = .seconds(60)) async throws -> String {
        var specification = specification
        // However it ends is no death: the caller is told.
        specification.life = .ends(codes: Set(0...255))
        let child = try await start(specification)
        let exit = try await Polling.wait(atMost: limit, every: .milliseconds(5)) { child.exit }
        if exit == nil { await kill(child) }
        let text = (try? String(contentsOfFile: specification.log, encoding: .utf8)) ?? ""
        guard exit == .code(0) else {
            throw Failure.unavailable("\(child.name) \(exit.map { "\($0)" } ?? "took too long"):\n    \(text)")
        }
        return text
    }

    /// Asks a process to end, and kills it with all that descends from it when it has not after its grace. Returns how it
    /// ended; `nil` when the caller was cancelled meanwhile, and then it is stopped with all the others.
    @discardableResult
    public func stop(_ child: Child) async -> ChildExit? {
        await stop([child])
        return child.exit
    }

    /// The same for many at once.
    public func stop(_ children: [Child]) async {
        for child in children {
            child.expectEnd()
            child.takeSample()
            // One that was paused cannot hear the wish.
            child.signal(SIGCONT, withDescendants: true)
            child.signal(child.specification.stopSignal)
        }
        let start = ContinuousClock.now
        func isDue(_ child: Child) -> Bool {
            child.isRunning && ContinuousClock.now - start >= child.specification.grace
        }
        for child in children {
            let grace = child.specification.grace - (ContinuousClock.now - start)
            let ended = try? await Polling.wait(atMost: grace, every: .milliseconds(5)) { child.exit }
            if Task.isCancelled { return }
            if ended == .some(nil), isDue(child) { await kill(child) }
        }
    }

    /// Ends a process and all that descends from it at once; returns when they are gone.
    @discardableResult
    public func kill(_ child: Child) async -> ChildExit? {
        child.expectEnd()
        child.takeSample()
        let others = child.descendants()
        child.signal(SIGKILL, withDescendants: true)
        return try? await Polling.wait(atMost: .seconds(10), every: .milliseconds(2)) {
            others.contains { ProcessUsage.isAlive(pid: $0) } ? nil : child.exit
        }
    }

    /// Reads processor time and memory of all that run.
    public func takeSamples() {
        for child in state.withLock({ $0.children }) { child.takeSample() }
    }

    private func keep(_ child: Child) async {
        let specification = child.specification
        guard access(specification.executable, X_OK) == 0 else {
            return child.ended(.notStarted("\(specification.executable): \(String(cString: strerror(errno)))"))
        }
        do {
            let status = specification.converses ? try await converse(with: child) : try await hold(child)
            switch status {
            case .exited(let code): child.ended(.code(code))
            case .signaled(let signal): child.ended(.signal(signal))
            }
        } catch {
            child.ended(.notStarted(String(describing: error)))
        }
    }

    private func hold(_ child: Child) async throws -> TerminationStatus {
        try await Subprocess.run(
            configuration(of: child.specification), input: .none, output: log(of: child), error: log(of: child)
        ) {
            child.started(pid: $0.processIdentifier.value)
        }.terminationStatus
    }

    private func converse(with child: Child) async throws -> TerminationStatus {
        try await Subprocess.run(
            configuration(of: child.specification), input: .inputWriter, output: .sequence, error: log(of: child)
        ) {
            child.started(pid: $0.processIdentifier.value, writer: $0.standardInputWriter)
            // A report carries a histogram on one line.
            for try await line in $0.standardOutput.strings(bufferingPolicy: .maxLineLength(16 << 20)) {
                child.wrote(line: line)
            }
        }.terminationStatus
    }

    private func log(of child: Child) throws -> FileDescriptorOutput {
        let file = try FileDescriptor.open(
            FilePath(child.specification.log), .writeOnly, options: [.append, .create, .closeOnExec],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
        return .fileDescriptor(file, closeAfterSpawningProcess: true)
    }

    /// The program behind util-linux's setpriv and prlimit, which become it: the kernel is asked to end it with the
    /// *thread* that made it, and Subprocess makes all on one thread that lives as long as this process (prctl(2),
    /// PR_SET_PDEATHSIG). The user is changed by setpriv, too: between fork and exec, setgroups(3) waits for ever for a thread
    /// that was being made when this process forked.
    private func configuration(of child: ChildSpecification) throws -> Subprocess.Configuration {
        let binaries = Binaries()
        var words = [child.executable] + child.arguments
        let user = child.user.map { ["--reuid=\($0.id)", "--regid=\($0.group)", "--clear-groups"] } ?? []
        words =
            [try binaries.system("setpriv", package: "util-linux"), "--pdeathsig", child.deathSignal.rawValue] + user
            + ["--"] + words
        if let most = child.descriptorsMax {
            words = [try binaries.system("prlimit", package: "util-linux"), "--nofile=\(most):\(most)", "--"] + words
        }
        var options = PlatformOptions()
        options.processGroupID = 0
        var environment = ProcessInfo.processInfo.environment.filter { ChildSpecification.passedOn.contains($0.key) }
        environment.merge(child.environment) { $1 }
        var keys: [Environment.Key: String] = [:]
        for (name, value) in environment { keys[Environment.Key(stringLiteral: name)] = value }
        return Configuration(
            executable: .path(FilePath(words[0])), arguments: Arguments(Array(words.dropFirst())),
            environment: .custom(keys), platformOptions: options)
    }

    private func note(_ death: ChildDeath) {
        state.withLock { $0.firstDeath = $0.firstDeath ?? death }
        deathsInput.yield(death)
    }

    private var running: [Child] { state.withLock { $0.children }.filter(\.isRunning) }

    /// Stops all children, phase by phase.
    public func stopAll() async {
        for phase in ChildSpecification.Phase.allCases {
            await stop(running.filter { $0.specification.phase == phase })
        }
        deathsInput.finish()
    }

    /// For a process that is about to exit: waits for nobody longer than two seconds.
    public func endAtOnce() {
        let children = running
        for child in children {
            child.expectEnd()
            child.signal(SIGCONT, withDescendants: true)
            let isGentle = child.specification.deathSignal == .quit
            child.signal(isGentle ? SIGQUIT : SIGKILL, withDescendants: !isGentle)
        }
        for _ in 0..<200 where children.contains(where: \.isRunning) { usleep(10_000) }
        for child in children { child.signal(SIGKILL, withDescendants: true) }
    }
}

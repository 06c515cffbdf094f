import CKernel
import Dispatch
import Glibc
import Primitives
import ServiceLifecycle
import ServiceRuntime

/// Hashes passwords on threads of its own, with a bounded queue in front: 20 ms of work each must block neither an event
/// loop nor Swift's threads, and what cannot be done soon is refused at once.
///
/// The threads run at a lower priority (`nice`): a flood of log-ins takes what is left over.
final class PasswordHasher: Service {
    struct Settings: Sendable {
        var threads: Int
        var queueMax: Int
        var hash = PasswordHash.standard

        init(threads: Int, queueMax: Int, hash: PasswordHash = .standard) {
            self.threads = threads
            self.queueMax = queueMax
            self.hash = hash
        }

        init(from reader: inout SettingsReader) {
            threads = reader.integer(
                "PASSWORD_THREADS", default: 1, in: 1...64, unit: "threads",
                "Threads that hash passwords; each takes 19 MiB while it does.")
            queueMax = reader.integer(
                "PASSWORD_QUEUE_MAX", default: 64, in: 1...10_000, unit: "passwords",
                "Passwords that may wait to be hashed; more are answered with `503 busy`.")
        }
    }

    /// What became of a check.
    struct Verdict: Equatable, Sendable {
        var isRight: Bool
        /// The hash was made with weaker parameters than today's.
        var isOutdated = false
    }

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isStopped = false
        var refused = 0
    }

    let settings: Settings
    private let state = Mutex(State())
    private let alarm = DispatchSemaphore(value: 0)
    /// What a password is held against when there is no user of the name: the answer takes as long.
    private let dummy = Mutex<String?>(nil)

    init(settings: Settings) {
        PasswordHash.start()
        self.settings = settings
    }

    var waiting: Int { state.withLock { $0.jobs.count } }
    var refused: Int { state.withLock { $0.refused } }

    /// Threads live until the task is cancelled or the service stops.
    func run() async {
        start()
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
        }
        stop()
    }

    /// - Throws: ``APIError`` 503 `busy`.
    func hash(_ password: [UInt8]) async throws(APIError) -> String {
        guard let text = try await work({ [settings] in settings.hash.make(password) }) else { throw .passwordsBusy }
        return text
    }

    /// - Parameter hash: `nil`: there is no such user, and the same work is done for nothing.
    /// - Throws: ``APIError`` 503 `busy`.
    func check(_ password: [UInt8], against hash: String?) async throws(APIError) -> Verdict {
        try await work { [self] in
            guard let hash else {
                _ = PasswordHash.matches(password, dummyHash())
                return Verdict(isRight: false)
            }
            let isRight = PasswordHash.matches(password, hash)
            return Verdict(isRight: isRight, isOutdated: isRight && settings.hash.isOutdated(hash))
        }
    }

    private func dummyHash() -> String {
        if let known = dummy.withLock({ $0 }) { return known }
        let made = settings.hash.make(Array("nobody".utf8)) ?? ""
        dummy.withLock { $0 = made }
        return made
    }

    private func work<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws(APIError) -> Value {
        let result: Result<Value, APIError> = await withCheckedContinuation { continuation in
            let isTaken = state.withLock { state in
                guard !state.isStopped, state.jobs.count < settings.queueMax else {
                    state.refused += 1
                    return false
                }
                state.jobs.append { continuation.resume(returning: .success(body())) }
                return true
            }
            if isTaken { alarm.signal() } else { continuation.resume(returning: .failure(.passwordsBusy)) }
        }
        return try result.get()
    }

    func start() {
        // The dummy exists before the first request needs it, so that the first unknown name takes no longer.
        state.withLock { $0.jobs.append { [self] in _ = dummyHash() } }
        alarm.signal()
        for _ in 0..<settings.threads {
            var handle = pthread_t()
            let box = Unmanaged.passRetained(self)
            let failure = pthread_create(
                &handle, nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<PasswordHasher>.fromOpaque(argument).takeRetainedValue().runThread()
                    return nil
                }, box.toOpaque())
            guard failure == 0 else { return box.release() }
            pthread_detach(handle)
        }
    }

    /// What waits is still done.
    func stop() {
        state.withLock { $0.isStopped = true }
        for _ in 0..<settings.threads { alarm.signal() }
    }

    private func runThread() {
        chorus_lower_priority()
        while true {
            alarm.wait()
            let (job, isOver) = state.withLock { state -> ((@Sendable () -> Void)?, Bool) in
                state.jobs.isEmpty ? (nil, state.isStopped) : (state.jobs.removeFirst(), false)
            }
            if let job { job() } else if isOver { return }
        }
    }
}

extension APIError {
    static let passwordsBusy = APIError.unavailable("busy", "too many log-ins at the moment")
}

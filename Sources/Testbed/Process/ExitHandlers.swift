import Dispatch
import Glibc
import Primitives

/// What is done when this process ends before its time: by `exit`, or by a second SIGINT, SIGTERM or SIGHUP.
enum ExitHandlers {
    private static let state = Mutex((next: 0, handlers: [Int: @Sendable () -> Void]()))
    private static let registered: Void = { atexit { ExitHandlers.run() } }()

    /// - Returns: a number to remove it by.
    static func add(_ handler: @escaping @Sendable () -> Void) -> Int {
        _ = registered
        return state.withLock { state in
            state.next += 1
            state.handlers[state.next] = handler
            return state.next
        }
    }

    static func remove(_ number: Int) { state.withLock { _ = $0.handlers.removeValue(forKey: number) } }

    /// Runs each once, the newest first.
    static func run() {
        let handlers = state.withLock { state in
            defer { state.handlers = [:] }
            return state.handlers
        }
        for (_, handler) in handlers.sorted(by: { $0.key > $1.key }) { handler() }
    }
}

/// SIGINT, SIGTERM and SIGHUP, trapped from the first experiment on until this process ends: the first is remembered, so
/// that nothing starts after it, and the second ends this process with all its children and temporary folders.
public enum Interruption {
    private static let count = Mutex(0)

    /// From now on the signals are trapped.
    public static func trap() { _ = trapped }

    private static let trapped: Void = {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: DispatchQueue.global())
            source.setEventHandler {
                let isFirst = count.withLock { count in
                    count += 1
                    return count == 1
                }
                guard !isFirst else { return }
                ExitHandlers.run()
                _exit(128 + SIGINT)
            }
            source.resume()
            // For the rest of this process.
            _ = Unmanaged.passRetained(source as AnyObject)
        }
    }()

    public static var hasCome: Bool { count.withLock { $0 > 0 } }
}

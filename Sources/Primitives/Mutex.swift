// The project's one mutex: Synchronization's, whose members come with it, so that nobody else imports that module for it.
// It locks without a call that ThreadSanitizer knows on Linux (a futex, inlined), so that everything that it protects
// would be reported as a race. A build with `CHORUS_SANITIZE` set (Package.swift) has a `pthread` lock instead.
#if !CHORUS_SANITIZE
    @_exported public import struct Synchronization.Mutex
#else
    import Glibc

    /// Synchronization's `Mutex`, as far as it is used here, with a lock that ThreadSanitizer sees.
    public struct Mutex<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
        // On the heap, because a `pthread` lock must not move. `Sendable`: `value` is touched under `lock` only.
        private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)

        public init(_ initialValue: consuming sending Value) {
            lock.initialize(to: pthread_mutex_t())
            pthread_mutex_init(lock, nil)
            value.initialize(to: initialValue)
        }

        deinit {
            pthread_mutex_destroy(lock)
            lock.deallocate()
            value.deinitialize(count: 1)
            value.deallocate()
        }

        public borrowing func withLock<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            pthread_mutex_lock(lock)
            defer { pthread_mutex_unlock(lock) }
            return try body(&value.pointee)
        }
    }
#endif

/// A value that several tasks or threads work on.
public final class Locked<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    public init(_ value: Value) { state = Mutex(value) }

    public var value: Value {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    @discardableResult
    public func update<Answer: Sendable>(_ change: (inout Value) -> Answer) -> Answer {
        state.withLock { change(&$0) }
    }
}

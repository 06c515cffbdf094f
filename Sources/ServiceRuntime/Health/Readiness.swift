import Primitives

/// Why a process is not ready to be sent work, if it is not.
///
/// A component adds a check. It is called for each probe, must not block, and returns a reason in words or `nil`.
public final class Readiness: Sendable {
    private struct Check: Sendable {
        var name: String
        var reason: @Sendable () -> String?
        var isRequired: Bool
    }

    private let checks = Mutex<[Check]>([])

    public init() {}

    /// The process is not ready while `reason` returns one.
    public func require(_ name: String, reason: @escaping @Sendable () -> String?) {
        checks.withLock { $0.append(Check(name: name, reason: reason, isRequired: true)) }
    }

    /// The process works without it: the probe's answer only mentions the reason.
    public func note(_ name: String, reason: @escaping @Sendable () -> String?) {
        checks.withLock { $0.append(Check(name: name, reason: reason, isRequired: false)) }
    }

    /// The reasons why the process is not ready, and the notes, by name of the check.
    public func status() -> (blocking: [String: String], notes: [String: String]) {
        // Outside of the lock: a check may take locks of its own.
        let all = checks.withLock { $0 }
        var status: (blocking: [String: String], notes: [String: String]) = ([:], [:])
        for check in all {
            guard let reason = check.reason() else { continue }
            if check.isRequired { status.blocking[check.name] = reason } else { status.notes[check.name] = reason }
        }
        return status
    }

    /// Whether the process may be sent work.
    public var isReady: Bool { status().blocking.isEmpty }
}

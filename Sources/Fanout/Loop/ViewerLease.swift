/// What a viewer's right to watch depends on, looked at once a second as long as the viewer is connected; it is released when
/// the viewer has left.
public final class ViewerLease: Sendable {
    /// Why the viewer may not go on, as the `reason` of its last event; `nil`: it may. Called on a loop's thread, so it must
    /// not block.
    let ending: @Sendable () -> String?
    private let held: (any Sendable)?

    /// - Parameter held: kept until the viewer has left.
    public init(holding held: (any Sendable)? = nil, ending: @escaping @Sendable () -> String? = { nil }) {
        self.ending = ending
        self.held = held
    }
}

extension ViewerLease: Equatable {
    public static func == (left: ViewerLease, right: ViewerLease) -> Bool { left === right }
}

extension FanoutLoop {
    /// Time between two looks at the leases.
    static var leaseInterval: UInt64 { 1_000_000_000 }

    /// Disconnects whose lease has ended; each is told why, and when to come back.
    func endLeases(_ sockets: Connections) {
        guard !leases.isEmpty || !sessions.isEmpty, sockets.now >= leasesDue else { return }
        leasesDue = sockets.now + Self.leaseInterval
        endSessionLeases(sockets)
        for (id, lease) in leases {
            guard let reason = lease.ending(), let socket = viewer(id)?.socket else { continue }
            end(id, socket, telling: reason, retryMillisecondsMax: settings.retryMillisecondsMax, .tokenEnded, sockets)
        }
    }
}

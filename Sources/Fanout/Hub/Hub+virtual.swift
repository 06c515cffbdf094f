internal import SocketLoop
public import Wire

extension Hub {
    /// Adds viewers without sockets to a channel, for audiences that no machine has descriptors for.
    ///
    /// Everything but the last step is real: subscription, order, laps, the count of deliveries. They stay until the
    /// hub stops.
    public func attachVirtual(_ count: Int, to channel: Channel) async throws(HubRefusal) {
        guard count > 0 else { return }
        _ = try await join([channel])
        book.withLock { core in
            let loop = core.takeLoop()
            guard let topic = core.channels.attached(channel, viewers: count, loop: loop)?.topic else { return }
            loops[loop].submit(.attachVirtual(topic: topic, count: count))
        }
        book.counters.add { counters in
            counters.connections += count
            counters.connectionsTotal += count
        }
    }
}

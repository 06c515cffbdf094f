import Audience
import Glibc
import Primitives
import RedisNIO
import Testbed

import struct Synchronization.Atomic

/// Subscribers that throw everything away: for each Reader one connection to each server that has channels of it, all
/// read by one thread.
///
/// They take the place of the Readers while Redis is given as much as it takes. What is measured then is Redis, and not how
/// fast fourteen Readers parse on the core that is left. No byte is lost sight of: ``bytes`` is compared with what the
/// publishes must have led to.
final class DiscardingSubscribers: Sendable {
    private let counts: Mutex<[Int]>
    private let stopped = Atomic(false)
    /// What all acknowledgements come to.
    let acknowledgementBytes: Int
    private let connections: [(server: Int, channels: [String])]
    private let servers: BurstServers

    /// Channels of one command.
    private static let batchMax = 256

    init(_ layout: ScaleLayout, _ servers: BurstServers) {
        var connections: [(server: Int, channels: [String])] = []
        for reader in layout.readers.indices {
            let names = layout.channels(ofReader: reader).map { layout.audience.channelName($0.channel) }
            let byServer = Dictionary(grouping: names) { servers.server(ofReader: reader, $0) }
            connections += byServer.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        let word = servers.words.subscribe
        var acknowledgementBytes = 0
        for connection in connections {
            for (index, name) in connection.channels.enumerated() {
                acknowledgementBytes += PushSize.acknowledgement(word, channel: name.utf8.count, number: index + 1)
            }
        }
        self.acknowledgementBytes = acknowledgementBytes
        (self.connections, self.servers) = (connections, servers)
        counts = Mutex(Array(repeating: 0, count: connections.count))
    }

    /// Read so far.
    var bytesInAll: Int { counts.withLock { $0.reduce(0, +) } }

    func stop() { stopped.store(true, ordering: .relaxed) }

    /// Subscribes and reads until it is stopped. Blocks.
    func run() throws {
        var sinks: [RawConnection] = []
        for (server, channels) in connections {
            let connection = try RawConnection(port: servers.ports[server])
            for command in subscriptions(channels) { try command.withUnsafeBytes { try connection.write($0) } }
            sinks.append(connection)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while !stopped.load(ordering: .relaxed) {
            for (index, sink) in sinks.enumerated() {
                let count = try sink.drain(buffer)
                if count > 0 { counts.withLock { $0[index] += count } }
            }
            // Waking up for every few messages would cost more than reading them.
            usleep(1_000)
        }
    }

    private func subscriptions(_ names: [String]) -> [[UInt8]] {
        // One command takes channels of one slot only.
        guard servers.publishing == .classic else {
            return names.map { RedisCommand("SSUBSCRIBE", $0).bytes }
        }
        return stride(from: 0, to: names.count, by: Self.batchMax).map { start in
            RedisCommand("SUBSCRIBE", names[start..<min(start + Self.batchMax, names.count)]).bytes
        }
    }
}

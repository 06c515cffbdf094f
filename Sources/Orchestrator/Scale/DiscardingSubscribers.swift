import Audience
import Glibc
import Primitives
import RedisNIO
import Testbed

import struct Synchronization.Atomic

/// Subscribers that throw everything away: one connection for each Reader, with its channels, all read by one thread.
///
/// They take the place of the Readers while Redis is given as much as it takes. What is measured then is Redis, and not how
/// fast fourteen Readers parse on the core that is left. No byte is lost sight of: ``bytes`` is compared with what the
/// publishes must have led to.
final class DiscardingSubscribers: Sendable {
    private let counts: Mutex<[Int]>
    private let stopped = Atomic(false)
    /// What the acknowledgements of each connection come to.
    let acknowledgementBytes: [Int]

    /// Channels of one command.
    private static let batchMax = 256

    init(_ layout: ScaleLayout) {
        acknowledgementBytes = layout.readers.indices.map { reader in
            layout.channels(ofReader: reader).enumerated().reduce(0) { sum, place in
                let name = layout.audience.channelName(place.element.channel).utf8.count
                return sum + PushSize.acknowledgement(channel: name, number: place.offset + 1)
            }
        }
        counts = Mutex(Array(repeating: 0, count: layout.readers.count))
    }

    /// Read so far, on each connection.
    var bytes: [Int] { counts.withLock { $0 } }
    var bytesInAll: Int { counts.withLock { $0.reduce(0, +) } }

    func stop() { stopped.store(true, ordering: .relaxed) }

    /// Subscribes and reads until it is stopped. Blocks.
    func run(_ layout: ScaleLayout, port: Int) throws {
        var sinks = SinkConnections()
        for reader in layout.readers.indices {
            let connection = try RawConnection(port: port)
            for command in DiscardingSubscribers.subscriptions(layout, reader: reader) {
                try command.withUnsafeBytes { try connection.write($0) }
            }
            sinks.add(connection)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while !stopped.load(ordering: .relaxed) {
            for index in layout.readers.indices {
                let count = try sinks.drain(index, buffer)
                if count > 0 { counts.withLock { $0[index] += count } }
            }
            // Waking up for every few messages would cost more than reading them.
            usleep(1_000)
        }
    }

    private static func subscriptions(_ layout: ScaleLayout, reader: Int) -> [[UInt8]] {
        let names = layout.channels(ofReader: reader).map { layout.audience.channelName($0.channel) }
        return stride(from: 0, to: names.count, by: batchMax).map { start in
            RawCommand.bytes(RedisCommand("SUBSCRIBE", names[start..<min(start + batchMax, names.count)]))
        }
    }
}

/// Connections in a row; they cannot be copied, and an array of such is not to be had.
private struct SinkConnections: ~Copyable {
    private var descriptors: [Int32] = []

    mutating func add(_ connection: consuming RawConnection) {
        // The copy outlives the connection that is given up here.
        descriptors.append(dup(connection.descriptor))
    }

    func drain(_ index: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        var sum = 0
        // A bound, so that one connection does not keep the others waiting.
        for _ in 0..<8 {
            let count = recv(descriptors[index], buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count == 0 { throw .unavailable("Redis cut a subscriber") }
            if count < 0 { break }
            sum += count
            if count < buffer.count { break }
        }
        return sum
    }

    deinit { for descriptor in descriptors { close(descriptor) } }
}

import Audience
import Fanout
import Placement
import Primitives
import ReaderPlacement
import RedisNIO
import Testbed
import Wire

/// The viewers that ask this Reader first, in random order, and those whom other Readers send here.
final class ScaleArrivals: Sendable {
    private struct State {
        var redirects = 0
        var refused = 0
        var isOver = false
    }

    private let reader: ScaleReader
    private let hub: Hub
    private let placement: PlacementService
    private let redis: RedisClient
    private let viewers: ScaleViewers
    private let state = Mutex(State())

    /// Between two looks at who is due.
    private static let tick = Duration.milliseconds(10)
    /// Of one call to Redis.
    private static let batchMax = 512

    init(reader: ScaleReader, hub: Hub, placement: PlacementService, redis: RedisClient, viewers: ScaleViewers) {
        (self.reader, self.hub, self.placement, self.redis, self.viewers) = (reader, hub, placement, redis, viewers)
    }

    var redirects: Int { state.withLock { $0.redirects } }

    /// No more viewers are taken from other Readers.
    func end() async {
        state.withLock { $0.isOver = true }
        try? await Task.sleep(for: ScaleArrivals.tick * 3)
    }

    /// Viewers whose first Reader this is: a load balancer that knows nothing chose it, another one for each seed.
    private var own: [Int] {
        var draws = Xoshiro256(seed: reader.audience.seed, purpose: "first Reader")
        var own: [Int] = []
        for viewer in 0..<reader.audience.total where draws.below(reader.readers.count) == reader.index {
            own.append(viewer)
        }
        var order = Xoshiro256(seed: reader.audience.seed &+ UInt64(reader.index), purpose: "arrivals")
        order.permute(&own)
        return own
    }

    /// - Parameter done: called with seconds and refused viewers when all of its own have been placed or sent away.
    func run(_ done: @escaping @Sendable (Double, Int) -> Void) async throws {
        let own = own
        let start = ContinuousClock.now
        var (next, isDone) = (0, false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            var underWay = 0
            while !state.withLock({ $0.isOver }) {
                let share =
                    reader.arrivalSeconds > 0 ? (ContinuousClock.now - start).seconds / reader.arrivalSeconds : 1
                let due = min(own.count, Int(Double(own.count) * min(1, share)))
                var arrived = own[next..<due].map { (reader.audience.channel(ofViewer: $0), 0) }
                next = due
                arrived += try await received()
                var sent: [String: [UInt8]] = [:]
                for (channel, hops) in arrived {
                    let name = reader.audience.channelName(channel)
                    switch placement.place(channel: name, hops: hops, mayRedirect: true) {
                    case .serve:
                        if underWay >= ScaleReader.connectsMax {
                            try await group.next()
                            underWay -= 1
                        }
                        underWay += 1
                        group.addTask { await self.join(name) }
                    case .redirect(let id, _):
                        state.withLock { $0.redirects += 1 }
                        sent[id, default: []] += ScaleHop(channel: channel, hops: hops + 1).bytes
                    case .refuse: state.withLock { $0.refused += 1 }
                    }
                }
                for (id, bytes) in sent { _ = try await redis.send(Self.push(bytes, to: id)) }
                if next == own.count, !isDone {
                    isDone = true
                    while underWay > 0 {
                        try await group.next()
                        underWay -= 1
                    }
                    done((ContinuousClock.now - start).seconds, state.withLock { $0.refused })
                }
                if arrived.isEmpty { try await Task.sleep(for: Self.tick) }
            }
        }
    }

    private func join(_ name: String) async {
        guard let channel = Channel(name: name), let reservation = try? await hub.join([channel]) else {
            return state.withLock { $0.refused += 1 }
        }
        reservation.attach(descriptor: viewers.takeDescriptor(), from: .now, hello: [])
    }

    // MARK: Redirects

    /// A list in Redis stands for the viewer that comes again elsewhere, without HTTP.
    private static func key(_ reader: String) -> String { "scale:arrivals:\(reader)" }

    private static func push(_ bytes: [UInt8], to reader: String) -> RedisCommand {
        var command = RedisCommand("RPUSH", key(reader))
        command.append(bytes)
        return command
    }

    private func received() async throws -> [(Int, Int)] {
        guard reader.placement != .random else { return [] }
        let reply = try await redis.send(
            RedisCommand("LPOP", Self.key(reader.readers[reader.index]), "\(Self.batchMax)"))
        return (reply.array ?? []).flatMap { ScaleHop.all(in: $0.bytes ?? []) }.map { ($0.channel, $0.hops) }
    }
}

/// A viewer on the way to another Reader: four bytes.
struct ScaleHop: Equatable, Sendable {
    var channel: Int
    var hops: Int

    /// Channels are at most a million, and hops two.
    var bytes: [UInt8] {
        let packed = UInt32(channel) << 4 | UInt32(min(hops, 15))
        return (0..<4).map { UInt8(truncatingIfNeeded: packed >> ($0 * 8)) }
    }

    static func all(in bytes: some Collection<UInt8>) -> [ScaleHop] {
        let all = Array(bytes)
        return stride(from: 0, to: all.count - all.count % 4, by: 4).map { start in
            let packed = (0..<4).reduce(UInt32(0)) { $0 | UInt32(all[start + $1]) << ($1 * 8) }
            return ScaleHop(channel: Int(packed >> 4), hops: Int(packed & 15))
        }
    }
}

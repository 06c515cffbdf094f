import FoundationEssentials
import Hummingbird
import NIOCore
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Wire

/// The live feed of the dashboard: once a second one state and what changed in the map, rendered once for all who follow.
///
/// Nothing is computed while nobody follows. A follower that is eight frames behind is disconnected, and begins anew.
final class DashboardFeed: Service {
    static let interval = Duration.seconds(1)
    static let followersMax = 64
    private static let framesWaitingMax = 8

    /// One event, in both forms.
    struct Frame: Sendable {
        let eventStream: ByteBuffer
        let lines: ByteBuffer

        init(event: String, json: ByteBuffer) {
            var stream = ByteBuffer(string: "event: \(event)\ndata: ")
            stream.writeImmutableBuffer(json)
            stream.writeString("\n\n")
            var lines = ByteBuffer(string: "{\"event\":\"\(event)\",\"data\":")
            lines.writeImmutableBuffer(json)
            lines.writeString("}\n")
            (eventStream, self.lines) = (stream, lines)
        }
    }

    private struct State {
        var map = SubscriptionMap()
        var followers: [Int: AsyncStream<Frame>.Continuation] = [:]
        var followed = 0
        /// Followers that were disconnected because they were behind.
        var dropped = 0
        var newest: Frame?
    }

    private let service: StatisticsService
    private let session: String
    private let state = Mutex(State())

    init(service: StatisticsService, process: ServiceProcess) {
        self.service = service
        session = process.session
        process.metrics.gauge("chorus_dashboard_followers", "Dashboards that follow the live feed.") { [weak self] in
            Double(self?.state.withLock { $0.followers.count } ?? 0)
        }
        process.metrics.counter(
            "chorus_dashboard_followers_dropped", "Dashboards that were disconnected: they did not read the feed."
        ) { [weak self] in Double(self?.state.withLock { $0.dropped } ?? 0) }
    }

    func run() async throws {
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.interval) }
            try tick()
        }
    }

    /// The newest state first, then each as it comes. `nil` when as many follow as may.
    func follow() throws -> AsyncStream<Frame>? {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Frame.self, bufferingPolicy: .bufferingOldest(Self.framesWaitingMax))
        return try state.withLock { state in
            guard state.followers.count < Self.followersMax else { return nil }
            if state.followers.isEmpty { state.newest = try render(&state, change: false) }
            state.followed += 1
            let id = state.followed
            state.followers[id] = continuation
            // Ends with the follower's task, however that ends. It may end within `yield`, under the lock.
            continuation.onTermination = { [weak self] _ in
                Task { self?.state.withLock { $0.followers[id] = nil } }
            }
            if let newest = state.newest { continuation.yield(newest) }
            return stream
        }
    }

    /// The whole map: the length of a head in JSON (4 bytes, little endian), the head, the rows.
    func map() throws -> (head: MapHead, bytes: ByteBuffer) {
        let (head, rows) = state.withLock { state in
            if state.followers.isEmpty { read(&state, change: false) }
            return (MapHead(state.map, session: session), state.map.rows)
        }
        var bytes = ByteBuffer()
        for case let row? in rows {
            bytes.writeBytes(row.known)
            bytes.writeRepeatingByte(0, count: head.rowBytes - row.known.count)
        }
        return (head, bytes)
    }

    struct MapHead: Encodable {
        struct Row: Encodable {
            var slot: Int
            var reader: String
        }

        var session: String
        var version: Int
        var rowBytes: Int
        var rows: [Row]

        init(_ map: SubscriptionMap, session: String) {
            self.session = session
            version = map.version
            rowBytes = map.columns / 8
            rows = map.rows.enumerated().compactMap { slot, row in row.map { Row(slot: slot, reader: $0.reader) } }
        }
    }

    private struct MapChange: Encodable {
        var version: Int
        /// Base64; see ``SubscriptionMap/change()``.
        var change: String
    }

    func tick() throws {
        try state.withLock { state in
            guard !state.followers.isEmpty else { return }
            let change = read(&state, change: true)
            var frames: [Frame] = []
            if let change {
                let event = MapChange(version: state.map.version, change: Data(change).base64EncodedString())
                frames.append(Frame(event: "map", json: try Response.encoded(event)))
            }
            let newest = try render(&state, change: true)
            state.newest = newest
            for (id, follower) in state.followers {
                for frame in frames + [newest] {
                    guard case .dropped = follower.yield(frame) else { continue }
                    follower.finish()
                    state.followers[id] = nil
                    state.dropped += 1
                    break
                }
            }
        }
    }

    /// What the map shall be, and the next change of it; without a change it is caught up at once: nobody has it yet.
    @discardableResult
    private func read(_ state: inout State, change: Bool) -> [UInt8]? {
        state.map.want(
            service.withAggregate { aggregate, _ in
                aggregate.sortedReaders.map { ($0.report.instanceId, $0.subscribed, $0.revision) }
            })
        guard !change else { return state.map.change() }
        state.map.catchUp()
        return nil
    }

    private func render(_ state: inout State, change: Bool) throws -> Frame {
        if !change { read(&state, change: false) }
        let time = Timestamp.text(millisecondsSinceEpoch: WallClock.milliseconds())
        let map = state.map
        let content = service.withAggregate { aggregate, now in
            DashboardState(&aggregate, at: now, time: time, session: session, interval: Self.interval, map: map)
        }
        return Frame(event: "state", json: try Response.encoded(content))
    }
}

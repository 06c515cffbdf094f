import Broker
import Fanout
import Foundation
import Identity
import Likes
import ReaderPlacement
import ServiceRuntime
import SocketIO
import Wire

/// The settings of ReaderAPI.
struct ReaderSettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings
    var history: HistorySettings
    var reports: ReportSettings
    var registry: RegistrySettings
    /// Over how long a stopping Reader disconnects its viewers.
    var drain: Duration

    /// Streams of one user, and of one address.
    var quota: ConnectionQuota.Limits

    /// Where clients of Socket.IO write to.
    var writes: WriteForwarder

    private var hub: HubSettings
    private var connectionsMax: Int

    /// Descriptors that are not viewers: Redis, reports, loops, logs, and connects that are being answered.
    private static let descriptorsReserved = 512

    var redisNeeds: RedisNeeds? {
        let sizes = "likes:{0}:sizes"
        return RedisNeeds(
            redis,
            RedisBroker.Needs.subscribing(
                to: [.video, .photo, .user, .post], as: redis.channelNames, instance: server.instance) + [
                    ["HMGET", sizes, "p"], ["GET", LikeKeys.settings], ["SCARD", LikeKeys.wanted],
                    ["SADD", LikeKeys.wanted, "p"], ["TIME"], ["HGET", RegistryCall.key, "r"],
                    ["HGETALL", RegistryCall.key], ["HSET", RegistryCall.key, "r", ""],
                    ["HDEL", RegistryCall.key, "r"],
                    ["PEXPIRE", RegistryCall.key, "1"],
                ] + ViewerCountScript.needs(RedisBroker.Needs.channels([.video], redis.channelNames))
                + server.access.redisNeeds() + (server.access.mode == .off ? [] : StreamTickets.needs))
    }

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 4000)
        redis = RedisSettings(from: &reader)
        history = HistorySettings(from: &reader)
        reports = ReportSettings(from: &reader)
        registry = RegistrySettings(from: &reader)
        let loops = reader.integer(
            "READER_LOOPS", default: ProcessInfo.processInfo.activeProcessorCount, in: 1...256, unit: "threads",
            defaultText: "the number of cores",
            "Threads that write to viewers. With 1, one more thread does the rest: for Readers that share a machine.")
        hub = HubSettings(loops: loops)
        connectionsMax = reader.integer(
            "READER_CONNECTIONS_MAX", default: 0, in: 0...10_000_000, unit: "connections",
            "Viewers at the same time; 0 takes what the limit of descriptors allows.")
        let isOff = server.access.mode == .off
        let perUser = reader.integer(
            "READER_CONNECTIONS_PER_USER", default: isOff ? 0 : 64, in: 0...1_000_000, unit: "connections",
            defaultText: "0 with `AUTH=off`, else 64", "Viewers of one user at the same time; 0: any number.")
        let perAddress = reader.integer(
            "READER_CONNECTIONS_PER_ADDRESS", default: isOff ? 0 : 1_000, in: 0...10_000_000, unit: "connections",
            defaultText: "0 with `AUTH=off`, else 1000",
            "Viewers of one address (IPv6: of one /64) at the same time; 0: any number.")
        quota = ConnectionQuota.Limits(perUser: perUser, perAddress: perAddress)
        hub.backlogBytes = reader.integer(
            "READER_BACKLOG_BYTES", default: 262_144, in: 4_096...1_073_741_824, unit: "bytes",
            "What may wait for one viewer who reads too slowly; over it the viewer is disconnected with `slow_consumer`."
        )
        hub.sendBufferBytes = reader.integer(
            "READER_SEND_BUFFER_BYTES", default: 65_536, in: 4_096...16_777_216, unit: "bytes",
            "Kernel send buffer of a viewer's socket (`SO_SNDBUF`; Linux doubles it).")
        hub.flushInterval = reader.milliseconds(
            "READER_FLUSH_INTERVAL_MS", default: 0, in: 0...10_000,
            "Shortest time between two writes of a channel; more saves CPU and costs latency.")
        hub.heartbeatInterval = reader.seconds(
            "READER_HEARTBEAT_SECONDS", default: 25, in: 1...3_600, "Time between two heartbeats of a connection.")
        hub.sessions.maxPayload = 65_536
        writes = WriteForwarder(
            commentAPI: reader.optionalURL(
                "COMMENT_API_URL", schemes: ["http", "https"],
                "CommentAPI, for comments that Socket.IO clients send; unset: they are refused."),
            likeAPI: reader.optionalURL(
                "LIKE_API_URL", schemes: ["http", "https"],
                "LikeAPI, for likes that Socket.IO clients send; unset: they are refused."))
        hub.unsubscribeDelay = reader.milliseconds(
            "READER_UNSUBSCRIBE_DELAY_MS", default: 2_000, in: 0...3_600_000,
            "How long a channel stays subscribed after its last viewer left.")
        drain = reader.seconds(
            "DRAIN_SECONDS", default: 20, in: 0...3_600, "Over how long a stopping Reader moves its viewers elsewhere.")
        hub.retryMax = reader.milliseconds(
            "READER_RECONNECT_SPREAD_MS", default: 2_000, in: 1...600_000,
            "The longest wait before a viewer comes back (`retry:`); each is told a random time from half of it on.")
        server.stopTimeout = max(server.stopTimeout, drain + registry.interval * 2 + .seconds(10))
    }

    /// This Reader has its machine not for itself.
    var hasOneLoop: Bool { hub.loops == 1 }

    func hub(_ process: ServiceProcess) -> HubSettings {
        let allowed = max(process.descriptorsMax - Self.descriptorsReserved, process.descriptorsMax / 4)
        var hub = hub
        hub.connectionsMax = connectionsMax == 0 ? allowed : min(connectionsMax, allowed)
        return hub
    }
}

import Broker
import ServiceRuntime
import ServiceStorage
import Storage
import Wire

/// The settings of CommentAPI.
struct CommentAPISettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings
    var history: HistorySettings
    var database: DatabaseSettings
    var outbox: OutboxSettings
    var reports: ReportSettings

    var redisNeeds: RedisNeeds? {
        RedisNeeds(
            redis,
            RedisBroker.Needs.publishing(to: [.video, .post], as: redis.channelNames)
                + server.access.redisNeeds(slowMode: true))
    }

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 3000)
        redis = RedisSettings(from: &reader)
        history = HistorySettings(from: &reader)
        database = DatabaseSettings(from: &reader)
        outbox = OutboxSettings(from: &reader)
        reports = ReportSettings(from: &reader)
        if database.configuration != nil, outbox.grace < database.statementTimeout + OutboxSettings.publishMax {
            reader.refuse(
                "OUTBOX_GRACE_SECONDS",
                because: "must be \(OutboxSettings.publishMax.components.seconds) seconds longer than "
                    + "DATABASE_STATEMENT_TIMEOUT_MS, or the sweep meets comments that are still being published")
        }
    }
}

/// When what was stored, and is not known to be published, is published after all.
struct OutboxSettings: Sendable {
    /// The longest time from a comment being stored to Redis having answered that it is published, or not in time: a
    /// second in the queue, a quarter for a connection, two for the command.
    static let publishMax: Duration = .seconds(4)

    /// What is younger belongs to the process that stored it.
    var grace: Duration
    var interval: Duration

    init(from reader: inout SettingsReader) {
        grace = reader.seconds(
            "OUTBOX_GRACE_SECONDS", default: 10, in: 5...3_600,
            "A comment that is stored and after this time not known to be published is published by the outbox sweep.")
        interval = reader.milliseconds(
            "OUTBOX_INTERVAL_MS", default: 2_000, in: 50...3_600_000, "Time from one outbox sweep to the next.")
    }

    var sweeper: OutboxSweeper.Settings {
        var settings = OutboxSweeper.Settings()
        settings.grace = grace
        settings.interval = interval
        return settings
    }
}

import Broker
import Likes
import ServiceRuntime
import ServiceStorage
import Storage
import Wire

/// The settings of LikeAPI.
struct LikeAPISettings: ServiceSettings {
    /// What a process does.
    enum Role: String, CaseIterable {
        /// Answers requests and carries changes to the database.
        case all
        case api
        case worker
    }

    var server: ServerSettings
    var redis: RedisSettings
    var history: HistorySettings
    /// Without one Redis alone keeps the likes.
    var database: DatabaseSettings
    var reports: ReportSettings
    var role: Role
    var likes: LikeSettings
    var writeBehind: WriteBehindSettings
    var outbox = OutboxRelay.Settings()
    /// Batches of likes that may wait in the outbox.
    var outboxMax: Int
    var notifications = NotificationSettings()

    var hasDatabase: Bool { database.configuration != nil }
    var runsWorkers: Bool { role != .api && hasDatabase }

    var redisNeeds: RedisNeeds? {
        RedisNeeds(
            redis,
            RedisBroker.Needs.publishing(to: [.photo, .user], as: redis.channelNames) + LikeKeys.needs
                + LikeEraser.needs + server.access.redisNeeds())
    }

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 3001)
        redis = RedisSettings(from: &reader)
        history = HistorySettings(from: &reader)
        database = DatabaseSettings(from: &reader)
        reports = ReportSettings(from: &reader)
        role = reader.choice(
            "LIKE_ROLE", default: .all, "Whether the process answers requests, carries changes, or both.")
        likes = LikeSettings(from: &reader, hasDatabase: database.configuration != nil)
        writeBehind = WriteBehindSettings(from: &reader, instance: server.instance)
        outboxMax = reader.integer(
            "NOTIFICATION_QUEUE_MAX", default: 100_000, in: 1...100_000_000, unit: "entries",
            "Batches of likes that may wait to become notifications; likes beyond are stored, and nobody is notified.")
        outbox.lease = writeBehind.claimAfter
        outbox.interval = reader.milliseconds(
            "NOTIFICATION_INTERVAL_MS", default: 1_000, in: 10...3_600_000,
            "Time between two looks for likes that become notifications.")
        notifications.window = reader.seconds(
            "NOTIFICATION_WINDOW_SECONDS", default: 3_600, in: 1...31_536_000,
            "Likes of one photo within this time are one notification.")
        if role == .worker, database.configuration == nil {
            reader.refuse("LIKE_ROLE", because: "a worker needs DATABASE_URL")
        }
    }
}

extension LikeSettings {
    init(from reader: inout SettingsReader, hasDatabase: Bool) {
        self.init()
        partitions = reader.integer(
            "LIKE_PARTS", default: 4, in: 1...1_024, unit: "partitions",
            "Partitions that a photo's likers are split into; the same for all processes on one Redis, for ever.")
        gather = reader.milliseconds(
            "LIKE_GATHER_MS", default: 0, in: 0...1_000,
            "How long the first like of a batch waits for company; 0: what comes during a call makes the next batch.")
        batchMax = reader.integer("LIKE_BATCH_MAX", default: 2_000, in: 1...4_000, unit: "likes", "Likes of one call.")
        queueMax = reader.integer(
            "LIKE_QUEUE_MAX", default: 50_000, in: 1...10_000_000, unit: "likes",
            "Likes that wait for a call, in each partition; more are refused.")
        streamMax = reader.integer(
            "LIKE_STREAM_MAX", default: 4_000_000, in: 1...1_000_000_000, unit: "changes",
            "Changes that may wait for the database; at the bound likes are refused with `likes_backlog_full`.")
        durability = reader.choice(
            "LIKE_DURABILITY", default: .redis, "What must have a like before it is acknowledged.")
        eventsPerSecond = reader.integer(
            "LIKE_EVENTS_PER_SECOND", default: 10, in: 1...1_000, unit: "events", "State events of one photo a second.")
        countAgeMax = reader.milliseconds(
            "LIKE_COUNT_AGE_MS", default: 100, in: 0...60_000,
            "How old the partitions of a count may be that the answered like did not touch.")
        requiresRegistration =
            reader.choice(
                "LIKE_PHOTOS", default: PhotoRule.any, "Which photos may be liked.") == .registered
        if durability == .postgres, !hasDatabase {
            reader.refuse("LIKE_DURABILITY", because: "postgres needs DATABASE_URL")
        }
        if requiresRegistration, !hasDatabase {
            reader.refuse("LIKE_PHOTOS", because: "registered needs DATABASE_URL")
        }
    }

    private enum PhotoRule: String, CaseIterable {
        case any, registered
    }
}

extension WriteBehindSettings {
    init(from reader: inout SettingsReader, instance: String) {
        self.init()
        self.instance = instance
        interval = reader.milliseconds(
            "LIKE_WRITE_INTERVAL_MS", default: 1_000, in: 10...3_600_000,
            "Time between two looks of a worker that has little to do.")
        tasks = reader.integer(
            "LIKE_WORKER_TASKS", default: 2, in: 1...64, unit: "tasks", "Tasks that carry changes to the database.")
        claimAfter = reader.milliseconds(
            "LIKE_CLAIM_MS", default: 30_000, in: 100...3_600_000,
            "After this time what a worker has not finished is taken over by another.")
    }
}

import ServiceRuntime
import ServiceStorage

/// The settings of CommentAPI.
struct CommentAPISettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings
    var history: HistorySettings
    var database: DatabaseSettings
    var outbox: OutboxSettings
    /// `nil`: nobody moderates.
    var moderator: ModeratorToken?
    var reports: ReportSettings

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 3000)
        redis = RedisSettings(from: &reader)
        history = HistorySettings(from: &reader)
        database = DatabaseSettings(from: &reader)
        outbox = OutboxSettings(from: &reader)
        moderator = reader.optionalSecret(
            "MODERATOR_TOKEN", length: ModeratorToken.lengths,
            "Bearer token that may remove any comment; unset: nobody may."
        ).map { ModeratorToken($0) }
        reports = ReportSettings(from: &reader)
        if database.configuration != nil, outbox.grace < database.statementTimeout + OutboxSettings.publishMax {
            reader.refuse(
                "OUTBOX_GRACE_SECONDS",
                because: "must be \(OutboxSettings.publishMax.components.seconds) seconds longer than "
                    + "DATABASE_STATEMENT_TIMEOUT_MS, or the sweep meets comments that are still being published")
        }
    }
}

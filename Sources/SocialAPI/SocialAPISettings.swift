import Broker
import Identity
import Likes
import ServiceRuntime
import ServiceStorage
import Social
import Wire

/// The settings of SocialAPI.
struct SocialAPISettings: ServiceSettings {
    /// What a process does.
    enum Role: String, CaseIterable {
        /// Answers requests, brings posts into feeds, and removes what is over.
        case all
        case api
        case worker
    }

    var server: ServerSettings
    var redis: RedisSettings
    var database: DatabaseSettings
    var passwords: PasswordHasher.Settings
    var sessions: SessionSettings
    var role: Role
    /// `nil`: no pictures are taken.
    var mediaFolder: String?
    var mediaConversions: Int

    var redisNeeds: RedisNeeds? {
        RedisNeeds(
            redis,
            RedisBroker.Needs.scripts + RevocationFeed.writingNeeds + server.access.redisNeeds()
                + RedisFeedCache.needs + LikeSnapshots.needs)
    }

    init(from reader: inout SettingsReader) {
        // Accounts without authentication are none: whatever the others do, this service asks.
        server = ServerSettings(from: &reader, port: 3002, authentication: .optional)
        redis = RedisSettings(from: &reader)
        database = DatabaseSettings(from: &reader)
        passwords = PasswordHasher.Settings(from: &reader)
        sessions = SessionSettings(from: &reader)
        role = reader.choice(
            "SOCIAL_ROLE", default: .all,
            "Whether the process answers requests, brings posts into feeds and removes what is over, or both.")
        mediaFolder = reader.value(
            SettingDeclaration(
                key: "MEDIA_FOLDER", type: "a path", range: "a folder",
                doc: "Pictures that people upload, for the gateway's `GATEWAY_MEDIA`; unset: none are taken."),
            default: nil
        ) { $0 }
        mediaConversions = reader.integer(
            "MEDIA_CONVERSIONS", default: 2, in: 1...64, unit: "processes",
            "Pictures that are converted at a time; each may take 1 GiB of memory.")
        if database.configuration == nil { reader.refuse("DATABASE_URL", because: "is needed: accounts live there") }
    }
}

/// How long log-ins last.
struct SessionSettings: Sendable {
    var signingKeyFile: String?
    /// Of an access token.
    var accessSeconds: Int
    /// From a log-in to the next one that is needed.
    var sessionSeconds: Int

    init(from reader: inout SettingsReader) {
        signingKeyFile = reader.optionalFile(
            "AUTH_SIGNING_KEY_FILE",
            "Private key (JSON Web Key, Ed25519) that tokens are signed with; `SocialAPI make-keys` makes one.")
        accessSeconds = reader.integer(
            "ACCESS_TOKEN_SECONDS", default: 900, in: 30...86_400, unit: "seconds", "How long an access token is valid."
        )
        sessionSeconds = reader.integer(
            "SESSION_SECONDS", default: 2_592_000, in: 60...31_536_000, unit: "seconds",
            "How long a log-in lasts, however often its tokens are refreshed.")
        if signingKeyFile == nil { reader.refuse("AUTH_SIGNING_KEY_FILE", because: "is needed") }
    }
}

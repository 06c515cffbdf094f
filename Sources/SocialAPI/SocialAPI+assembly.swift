import FoundationEssentials
import Identity
import Primitives
import RedisNIO
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage

extension SocialAPI {
    /// The service around a database and a Redis.
    ///
    /// - Throws: `ConfigurationError` when the signing key cannot be used.
    static func assemble(
        _ settings: SocialAPISettings, _ process: ServiceProcess, database: ServiceDatabase, redis: RedisClient,
        services: [any Service] = []
    ) async throws -> ServiceAssembly {
        let store = AccountStore(pool: database.pool)
        let hasher = PasswordHasher(settings: settings.passwords)
        let sessions = Sessions(
            store: store, signer: try await signer(settings.sessions), settings: settings.sessions,
            rules: process.server.access.rules)
        let endings = Endings(
            store: store, redis: redis, accessSeconds: settings.sessions.accessSeconds, logger: process.logger)
        process.metrics.gauge("chorus_passwords_waiting", "Passwords that wait to be hashed.") {
            Double(hasher.waiting)
        }
        process.metrics.counter("chorus_passwords_refused", "Passwords not taken: too many waited.") {
            Double(hasher.refused)
        }
        let router = process.makeRouter()
        AccountRoutes(store: store, hasher: hasher, sessions: sessions, endings: endings).add(to: router)
        SessionRoutes(store: store, hasher: hasher, sessions: sessions, endings: endings).add(to: router)
        SuspensionRoutes(store: store, endings: endings).add(to: router)
        let upkeep = SessionUpkeep(database: database, store: store, endings: endings, logger: process.logger)
        return ServiceAssembly(
            router: router, services: services + [database, hasher, upkeep], crossOrigin: CrossOriginPolicy())
    }

    private static func signer(_ settings: SessionSettings) async throws -> TokenSigner {
        let path = settings.signingKeyFile ?? ""
        do {
            guard let data = FileManager.default.contents(atPath: path) else { throw Unreadable() }
            return try await TokenSigner(json: data)
        } catch {
            throw ConfigurationError(
                problems: [SettingProblem(key: "AUTH_SIGNING_KEY_FILE", value: path, reason: "\(error)")])
        }
    }

    private struct Unreadable: Error, CustomStringConvertible {
        var description: String { "it cannot be read" }
    }
}

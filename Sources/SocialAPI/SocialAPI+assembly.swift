import FoundationEssentials
import Hummingbird
import Identity
import Likes
import Logging
import Media
import Primitives
import RedisNIO
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Social
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
        for (label, text) in FeedMetricTexts.all { process.metrics.describe(label, text) }
        process.metrics.gauge("chorus_passwords_waiting", "Passwords that wait to be hashed.") {
            Double(hasher.waiting)
        }
        process.metrics.counter("chorus_passwords_refused", "Passwords not taken: too many waited.") {
            Double(hasher.refused)
        }
        let router = process.makeRouter()
        let mediaStore = try settings.mediaFolder.map { folder in
            let files = FolderMediaFiles(folder: folder)
            do {
                try files.check()
            } catch {
                throw ConfigurationError(
                    problems: [SettingProblem(key: "MEDIA_FOLDER", value: folder, reason: "\(error)")])
            }
            return MediaStore(pool: database.pool, files: files)
        }
        if settings.role != .worker {
            let urls = MediaURLs()
            let relations = RelationStore(pool: database.pool)
            AccountRoutes(store: store, hasher: hasher, sessions: sessions, endings: endings, relations: relations)
                .add(to: router)
            ErasureRoutes(
                store: store, hasher: hasher, sessions: sessions, endings: endings,
                erasure: ErasureStore(pool: database.pool), export: ExportStore(pool: database.pool)
            ).add(to: router)
            SessionRoutes(store: store, hasher: hasher, sessions: sessions, endings: endings).add(to: router)
            SuspensionRoutes(store: store, endings: endings).add(to: router)
            PostRoutes(store: PostStore(pool: database.pool), media: urls).add(to: router)
            let document = try OpenAPIDocument.json()
            router.get("api/openapi.json") { request, context in
                try context.require(.read)
                try await context.limit(.reads, request)
                return Response.json(document)
            }
            ModerationRoutes(
                store: ModerationStore(pool: database.pool), posts: PostStore(pool: database.pool), accounts: store,
                endings: endings
            ).add(to: router)
            SearchRoutes(store: SearchStore(pool: database.pool), media: urls).add(to: router)
            RelationRoutes(store: relations).add(to: router)
            FeedRoutes(
                reader: FeedReader(pool: database.pool, redis: redis, logger: process.logger),
                counts: LikeSnapshots(redis: redis), media: urls
            ).add(to: router)
            mediaRoutes(mediaStore, settings, process, urls).add(to: router)
        }
        var all = services + [database, hasher]
        if settings.role != .api {
            let fanout = FeedFanout(pool: database.pool, redis: redis)
            all.append(FeedRelay(database: database, logger: process.logger, fanout: fanout))
            let eraser = Eraser(
                erasure: ErasureStore(pool: database.pool), likes: LikeErasure(pool: database.pool), media: mediaStore,
                redis: redis, tokenLife: .seconds(endings.lifetime))
            all.append(
                Upkeep(
                    database: database, store: store, endings: endings, media: mediaStore, eraser: eraser,
                    logger: process.logger))
        }
        return ServiceAssembly(router: router, services: all, crossOrigin: CrossOriginPolicy())
    }

    private static func mediaRoutes(
        _ store: MediaStore?, _ settings: SocialAPISettings, _ process: ServiceProcess, _ urls: MediaURLs
    ) -> MediaRoutes {
        let uploads = WorkSlots(runningMax: 32, waitingMax: 0)
        let conversions = WorkSlots(runningMax: settings.mediaConversions, waitingMax: 32)
        process.metrics.gauge("chorus_media_waiting", "Pictures that wait to be converted.") {
            Double(conversions.waiting)
        }
        process.metrics.counter("chorus_media_refused", "Pictures not taken: too many were taken already.") {
            Double(uploads.refused + conversions.refused)
        }
        return MediaRoutes(
            store: store, converter: ImageConverter(), uploads: uploads, conversions: conversions, urls: urls)
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

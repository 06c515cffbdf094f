import Identity
import Logging
import Media
import Primitives
import RedisNIO
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage

/// Tells every process of sessions that end and of users that are suspended.
///
/// PostgreSQL decides; Redis carries it. What Redis does not take is told again by ``Upkeep``.
struct Endings: Sendable {
    let store: AccountStore
    let redis: RedisClient
    let accessSeconds: Int
    let logger: Logger
    /// What Redis did not take has to be told again.
    let isOwed = Owed()

    func ended(_ sessions: [String]) async { await tell(sessions.map(ending)) }

    /// - Parameter until: seconds since 1970; `nil`: the suspension is over.
    func suspended(_ user: String, until: Double?) async {
        await tell([until.map { suspension(user, until: $0) } ?? Revocation(.lift, user, until: 0)])
    }

    /// Everything that is in force, for a Redis that may not know it.
    func tellAll() async throws {
        let all = try await store.endings(withinSeconds: lifetime)
        let revocations =
            all.sessions.map(ending)
            + all.suspended.map { suspension($0.user, until: Double($0.until) / 1e6) }
        for start in stride(from: 0, to: revocations.count, by: 500) {
            try await RevocationFeed.publish(
                Array(revocations[start..<min(start + 500, revocations.count)]), keptSeconds: lifetime, to: redis)
        }
    }

    func tell(_ revocations: [Revocation]) async {
        guard !revocations.isEmpty else { return }
        do throws(RedisError) {
            try await RevocationFeed.publish(revocations, keptSeconds: lifetime, to: redis)
        } catch {
            isOwed.set(true)
            logger.warning("a revocation waits for Redis", metadata: ["error": "\(error)"])
        }
    }

    /// How long a token may be accepted yet: its life, the tolerance for clocks, and a moment for a request that is being
    /// answered while its session ends.
    var lifetime: Int { accessSeconds + Int(TokenRules.leeway) + 30 }

    private var lastEnd: Double { Double(WallClock.milliseconds()) / 1_000 + Double(lifetime) }

    private func ending(_ session: String) -> Revocation { Revocation(.session, session, until: lastEnd) }

    /// However long it lasts, the others have to know of it until the last token is over: there is no new one, since this
    /// service asks the database.
    private func suspension(_ user: String, until: Double) -> Revocation {
        Revocation(.suspension, user, until: min(until, lastEnd))
    }

    final class Owed: Sendable {
        private let value = Mutex(true)
        func set(_ new: Bool) { value.withLock { $0 = new } }
        func take() -> Bool {
            value.withLock { value in
                defer { value = false }
                return value
            }
        }
    }
}

/// Removes old sessions, pictures that no post shows, and what erased accounts have left, and tells again what Redis did not take or has lost.
struct Upkeep: Service {
    private static let interval: Duration = .seconds(2)
    private static let purgeEvery = 150
    /// How long a picture waits for a post.
    private static let unusedMedia: Duration = .seconds(86_400)

    let database: ServiceDatabase
    let store: AccountStore
    let endings: Endings
    let media: MediaStore?
    let eraser: Eraser
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            guard await database.waitUntilMigrated() else { return }
            var round = 0
            while !Task.isCancelled {
                await tell()
                await erase()
                if round % Self.purgeEvery == 0 { await purge() }
                round += 1
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    private func tell() async {
        do {
            let isKnown = try await RevocationFeed.exists(in: endings.redis)
            guard endings.isOwed.take() || !isKnown else { return }
            do { try await endings.tellAll() } catch {
                endings.isOwed.set(true)
                throw error
            }
        } catch {
            logger.debug("revocations are told later", metadata: ["error": "\(error)"])
        }
    }

    private func erase() async {
        do { try await eraser.pass() } catch {
            logger.debug("accounts are erased later", metadata: ["error": "\(error)"])
        }
    }

    private func purge() async {
        do {
            while try await store.purge() == 1_000 {}
            while try await media?.purge(olderThan: Self.unusedMedia) == 100 {}
        } catch {
            logger.debug("old sessions and pictures are removed later", metadata: ["error": "\(error)"])
        }
    }
}

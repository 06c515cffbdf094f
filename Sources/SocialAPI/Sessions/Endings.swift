import Identity
import Logging
import Primitives
import RedisNIO
import ServiceRuntime
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

    /// - Parameter seconds: from now on; `nil`: the suspension is over.
    func suspended(_ user: String, seconds: Int?) async {
        await tell([seconds.map { suspension(user, until: now + Double($0)) } ?? Revocation(.lift, user, until: 0)])
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

    /// Seconds since 1970.
    private var now: Double { Double(WallClock.milliseconds()) / 1_000 }

    private var lastEnd: Double { now + Double(lifetime) }

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

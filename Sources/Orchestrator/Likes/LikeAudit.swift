import Audience
import Likes
import Logging
import PostgresLibpq
import Primitives
import RedisNIO
import Storage
import Testbed
import Wire

/// Compares what must be true with what Redis and PostgreSQL hold, user by user.
struct LikeAudit: Sendable {
    let redis: RedisEndpoint
    /// `nil`: Redis alone keeps the likes.
    let databaseURL: String?

    private static let pageMax = 50_000

    /// Waits until the record has everything; how long that took.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when it takes longer than `limit`.
    func drain(atMost limit: Duration, told: @escaping @Sendable (Int) -> Void) async throws -> Double {
        let start = ContinuousClock.now
        try await withCensus { census in
            let late = "the record does not have everything yet"
            try await Polling.until(atMost: limit, every: .milliseconds(50), late: late) {
                let left = try await census.backlog()
                told(left)
                return left == 0
            }
        }
        return (ContinuousClock.now - start).seconds
    }

    /// All photos of the crowd's report.
    func compare(_ truth: [String: LikeSwarmReport.Photo]) async throws -> [LikesResult.PhotoAudit] {
        var audits = try await withCensus { census in
            var audits: [LikesResult.PhotoAudit] = []
            for (id, photo) in truth.sorted(by: { ($0.key.count, $0.key) < ($1.key.count, $1.key) }) {
                var found = Found()
                try await census.members(of: id) { found.take($0) }
                audits.append(
                    LikesResult.PhotoAudit(
                        photo: id, users: photo.users, truth: photo.likes, redis: found.users.count,
                        redisCount: Int(try await census.count(of: id)),
                        redisDifferences: found.differences(from: photo)))
            }
            return audits
        }
        if let databaseURL { try await compareRecord(&audits, truth, databaseURL) }
        return audits
    }

    private func compareRecord(
        _ audits: inout [LikesResult.PhotoAudit], _ truth: [String: LikeSwarmReport.Photo], _ url: String
    ) async throws {
        // There may be a pooler in between.
        try await PostgresPool.with(url, { $0.preparedStatementsMax = 0 }) { pool in
            let record = PostgresLikeStore(pool: pool)
            for index in audits.indices {
                let id = audits[index].photo
                guard let photo = truth[id] else { continue }
                var found = Found()
                try await record.forEachPage(of: id, in: 0..<Int16(UserSlot.count), limit: Self.pageMax) {
                    found.take($0)
                }
                audits[index].record = found.users.count
                audits[index].recordDifferences = found.differences(from: photo)
                audits[index].recordCount = Int(try await record.counts(of: [id])[id] ?? 0)
            }
        }
    }

    /// Users that were found; names that the crowd does not have are counted apart.
    private struct Found {
        var users = UserBits()
        var foreign = 0

        mutating func take(_ names: [String]) {
            for name in names {
                if let number = LikeSwarmReport.userNumber(name), number < 100_000_000 {
                    users.insert(number)
                } else {
                    foreign += 1
                }
            }
        }

        func differences(from photo: LikeSwarmReport.Photo) -> Int {
            users.differences(from: photo.likers) + foreign
        }
    }

    private func withCensus<Answer: Sendable>(
        _ body: @escaping @Sendable (PhotoCensus) async throws -> Answer
    ) async throws -> Answer {
        try await redis.withClient(graceWait: .seconds(5), commandTimeout: .seconds(30)) {
            guard let census = try await PhotoCensus(redis: $0) else {
                throw Failure.unavailable("no LikeAPI has worked on this Redis")
            }
            return try await body(census)
        }
    }
}

extension PostgresPool {
    /// Runs `body` with a pool of its own.
    static func with(
        _ url: String, _ change: (inout PostgresConfiguration) -> Void, _ body: (PostgresPool) async throws -> Void
    ) async throws {
        var configuration = try PostgresConfiguration(url: url)
        change(&configuration)
        let silent = Logger(label: "laboratory", factory: { _ in SwiftLogNoOpLogHandler() })
        let pool = PostgresPool(configuration: configuration, logger: silent)
        pool.start()
        do { try await body(pool) } catch {
            await pool.stop()
            throw error
        }
        await pool.stop()
    }
}

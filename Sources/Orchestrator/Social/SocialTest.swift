import Audience
import Foundation
import Identity
import PostgresLibpq
import Primitives
import RedisNIO
import Report
import Storage
import Testbed

extension SocialResult {
    func run(_ part: Int, in testbed: Testbed, _ gathered: Locked<Self>, _ runner: ExperimentRunner) async throws {
        try await SocialTest(settings: settings, recorder: gathered, progress: runner.progress).run(in: testbed)
    }
}

/// The preset `social`: people at work on a SocialAPI, a CommentAPI and a LikeAPI, and then everything is compared.
private struct SocialTest: Sendable {
    let settings: RunSettings
    let recorder: Locked<SocialResult>
    let progress: Progress

    func run(in testbed: Testbed) async throws {
        progress.step("starting Redis, PostgreSQL, SocialAPI, CommentAPI, LikeAPI")
        let redis = try await testbed.startRedis()
        let postgres = try await testbed.startPostgres(settings: ["max_wal_size": "4GB"])
        let adapt: (inout PostgresConfiguration) -> Void = {
            ($0.connections, $0.statementTimeout) = (2, .seconds(300))
        }
        try await PostgresPool.with(postgres.url, adapt) { pool in
            try await fill(pool)
            let services = try await start(testbed, redis, postgres)
            let crowd = SocialCrowd(services, people: settings.viewers)
            try await work(crowd)
            let audit = SocialAudit(
                pool: pool, services: services, crowd: crowd,
                likes: LikeAudit(redis: try RedisEndpoint(parsing: redis.url), databaseURL: nil), seed: settings.seed)
            progress.step("waiting until everything is stored, told and pushed")
            let seconds = try await audit.drain(atMost: .seconds(SocialPlan.drainSeconds))
            recorder.update { $0.drainSeconds = seconds }
            progress.step("comparing")
            let found = try await audit.compare()
            recorder.update { $0.found = found }
        }
    }

    /// The people, and whom they follow: made in the database, since a password takes 20 ms of a core to hash.
    private func fill(_ pool: PostgresPool) async throws {
        progress.step("making \(Format.grouped(settings.viewers)) people who follow each other")
        let start = ContinuousClock.now
        try await Migrator().migrate(pool)
        let values: [PostgresValue] = [
            .bigint(Int64(settings.viewers)), .bigint(Int64(SocialPlan.followees)),
            .bigint(Int64(truncatingIfNeeded: settings.seed)),
        ]
        try await pool.session { connection in
            try connection.execute(peopleStatement, [values[0]])
            try connection.execute(followsStatement, values)
            try connection.run(script: "VACUUM ANALYZE users, follows, feed_versions")
        }
        recorder.update { $0.fillSeconds = (ContinuousClock.now - start).seconds }
    }

    private func start(_ testbed: Testbed, _ redis: Node, _ postgres: Node) async throws -> SocialServices {
        let keys = try await testbed.tokenKeys()
        let told = ServiceEnvironment(redis: redis.url, database: postgres.url)
        let access = ["AUTH": "required", "AUTH_KEYS_FILE": keys.accepting, "LIMITS": "off", "LOG_LEVEL": "warning"]
        func add(_ role: Node.Role, _ own: [String: String] = [:]) async throws -> Node {
            try await testbed.addService(role, told, access.merging(own) { $1 })
        }
        let social = try await add(.socialAPI, ["AUTH_SIGNING_KEY_FILE": keys.signing])
        let comments = try await add(.commentAPI)
        let likes = try await add(.likeAPI, ["LIKE_ROLE": "all"])
        try await Node.waitUntilReady([social, comments, likes])
        return SocialServices(
            social: ServiceClient(social), comments: ServiceClient(comments), likes: ServiceClient(likes),
            signer: try await TokenSigner(json: Data(contentsOf: URL(fileURLWithPath: keys.signing))))
    }

    private func work(_ crowd: SocialCrowd) async throws {
        progress.step(
            "for \(Format.plain(settings.duration)) s, \(Format.plain(settings.rate)) times a second: \(SocialPlan.mix)"
        )
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { [settings, progress] group in
            group.addTask {
                while true {
                    try await Task.sleep(for: .seconds(1))
                    let now = crowd.now
                    progress.update("  \(Format.grouped(now.offered)) due, \(now.dropped) dropped")
                }
            }
            defer { group.cancelAll() }
            group.addTask {
                try await crowd.work(rate: settings.rate, seconds: settings.duration, seed: settings.seed)
            }
            try await group.next()
        }
        recorder.update {
            $0.seconds = (ContinuousClock.now - start).seconds
            $0.crowd = crowd.now
        }
    }
}

private let peopleStatement: PostgresStatement = """
    INSERT INTO users (user_id, email, password) SELECT 'person' || n, 'a@b', '' FROM generate_series(1, $1) AS n
    """

// As SocialPlan.drawn draws. Their time tells them from those of the run.
private let followsStatement: PostgresStatement = """
    INSERT INTO follows (follower_id, followee_id, created_at)
    SELECT DISTINCT 'person' || n, 'person' || other, 'epoch'::timestamptz
    FROM generate_series(1, $1) AS n CROSS JOIN generate_series(1, $2) AS f
    CROSS JOIN LATERAL (
        SELECT 1 + floor($1 * ((hashint8(n * 1009 + f * 31 + $3)::bigint + 2147483648) / 4294967296.0) ^ 3)::bigint AS other
    ) AS drawn
    WHERE other <> n AND other <= $1
    """

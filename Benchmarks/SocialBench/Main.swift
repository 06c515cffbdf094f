internal import ArgumentParser
internal import Foundation
import Logging
import PostgresLibpq
import Primitives
import RedisNIO
import Storage
import Testbed

/// The platform's reading below HTTP, on a PostgreSQL and a Redis of its own.
@main
struct SocialBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What feeds and searches cost on a million posts and users.",
        subcommands: [FeedBench.self, SearchBench.self])
}

struct Output: ParsableArguments {
    @Flag(help: "Print one JSON object and nothing else: of each measurement count, p50, p99 and max, in milliseconds.")
    var json = false
}

/// What takes how long, in milliseconds.
struct Measurements {
    private var all: [(name: String, samples: [Double])] = []

    mutating func add(_ name: String, _ samples: [Double]) { all.append((name, samples.sorted())) }

    /// p50, p99 and the maximum.
    private static func figures(_ sorted: [Double]) -> [Double] {
        [0.5, 0.99, 1].map { share in
            let sample = sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
            return (sample * 1_000).rounded() / 1_000
        }
    }

    /// - Parameter sizes: the first line of the text.
    func show(_ output: Output, sizes: String) throws {
        guard output.json else {
            print(sizes)
            for (name, samples) in all {
                let figures = Self.figures(samples)
                print(
                    "\(name): \(samples.count) times, p50 \(figures[0]) ms, p99 \(figures[1]) ms, max \(figures[2]) ms")
            }
            return
        }
        var object: [String: [String: Double]] = [:]
        for (name, samples) in all {
            let figures = Self.figures(samples)
            object[name] = [
                "count": Double(samples.count), "p50": figures[0], "p99": figures[1], "max": figures[2],
            ]
        }
        print(String(decoding: try JSONEncoder().encode(object), as: UTF8.self))
    }

    static func time(_ count: Int, _ work: (Int) async throws -> Void) async throws -> [Double] {
        var samples: [Double] = []
        for number in 0..<count {
            let start = ContinuousClock.now
            try await work(number)
            samples.append(milliseconds(.now - start))
        }
        return samples
    }

    static func milliseconds(_ duration: Duration) -> Double { Double(duration.nanoseconds) / 1e6 }
}

/// What was found is not what must be found: the time that it took means nothing.
struct Different: Error {
    var what: String
}

/// A PostgreSQL with the schema, and a Redis.
struct Servers: Sendable {
    let pool: PostgresPool
    let redis: RedisClient
    let logger: Logger

    private struct NotConnected: Error {}

    static func with(_ body: @escaping @Sendable (Servers) async throws -> Void) async throws {
        try await Testbed.run(try Folders(), Binaries()) { testbed in
            let server = try await testbed.startPostgres(
                settings: [
                    "shared_buffers": "1GB", "fsync": "off", "max_wal_size": "8GB", "maintenance_work_mem": "512MB",
                ])
            let node = try await testbed.startRedis()
            let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
            var configuration = try PostgresConfiguration(url: server.url)
            configuration.connections = 2
            configuration.statementTimeout = .seconds(500)
            let pool = PostgresPool(configuration: configuration, logger: logger)
            pool.start()
            let redis = RedisClient(endpoint: try RedisEndpoint(parsing: node.url), logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await redis.run() }
                // Without Redis every page would come from PostgreSQL, and be measured all the same.
                let deadline = ContinuousClock.now + .seconds(10)
                while !redis.isConnected {
                    guard ContinuousClock.now < deadline else { throw NotConnected() }
                    try await Task.sleep(for: .milliseconds(20))
                }
                try await Migrator().migrate(pool)
                try await body(Servers(pool: pool, redis: redis, logger: logger))
                group.cancelAll()
            }
            await pool.stop()
        }
    }

    /// Runs statements that make data, and then what makes the planner and the cache know it.
    func fill(_ steps: [(PostgresStatement, [PostgresValue])], then vacuums: [StaticString]) async throws {
        try await pool.session { connection in
            try connection.run(script: dropIndexes)
            for (statement, values) in steps { try connection.execute(statement, values) }
            try connection.run(script: makeIndexes)
            for vacuum in vacuums { try connection.run(script: vacuum) }
        }
    }
}

// A million rows into an index of words one by one take minutes; made at once it is the same index.
private let dropIndexes: StaticString = """
    CREATE TEMPORARY TABLE dropped AS
        SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '% USING gin %' AND tablename IN ('posts', 'users');
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT indexname FROM dropped LOOP EXECUTE 'DROP INDEX ' || quote_ident(name); END LOOP;
    END $$
    """

private let makeIndexes: StaticString = """
    DO $$ DECLARE definition text; BEGIN
        FOR definition IN SELECT indexdef FROM dropped LOOP EXECUTE definition; END LOOP;
    END $$
    """

import Foundation
import TestSupport
import Testing
import Wire

/// The processes of one small system: Redis, StatsAPI, CommentAPI, Readers.
struct Testbed: Sendable {
    /// A service that runs and listens.
    struct Node: Sendable {
        let program: Program
        let port: Int

        func get(_ path: String) async throws -> HTTPAnswer { try await LoopbackHTTP.get(port: port, path) }
    }

    let redis: PrivateRedis
    let folder: String
    let stats: Node
    let comments: Node
    let readers: [Node]

    /// Starts everything, runs `body` when all are ready, and stops everything whatever happened.
    ///
    /// - Parameters:
    ///   - environment: settings of the Readers.
    ///   - descriptorsMax: `ulimit -n` of the Readers.
    static func with(
        readers count: Int = 1, environment: [String: String] = [:], descriptorsMax: Int? = nil,
        _ body: (Testbed) async throws -> Void
    ) async throws {
        try await withRedis { redis in
            try await withTemporaryFolder { folder in
                try await withCrew(redis, folder) { crew in
                    let stats = try await crew.start("StatsAPI")
                    let url = "http://127.0.0.1:\(stats.port)"
                    let comments = try await crew.start("CommentAPI", reportingTo: url)
                    var readers: [Node] = []
                    for number in 1...count {
                        let own = ["INSTANCE_ID": "reader-\(number)"].merging(environment) { _, own in own }
                        readers.append(
                            try await crew.start("ReaderAPI", reportingTo: url, own, descriptorsMax: descriptorsMax))
                    }
                    for node in [comments] + readers {
                        let isReady = await eventually(within: 30) { try await node.get("/health/ready").status == 200 }
                        #expect(isReady, "\(node.program.log)")
                    }
                    try await body(
                        Testbed(redis: redis, folder: folder, stats: stats, comments: comments, readers: readers))
                }
            }
        }
    }

    /// What a service of this testbed is started with.
    static func environment(_ redis: PrivateRedis, reportingTo statsURL: String? = nil) -> [String: String] {
        var environment = [
            "REDIS_URL": redis.url, "HOST": "127.0.0.1", "PORT": "0", "REPORT_INTERVAL_MS": "100", "DRAIN_SECONDS": "0",
            "READER_UNSUBSCRIBE_DELAY_MS": "100",
        ]
        environment["STATISTICS_API_URL"] = statsURL
        return environment
    }
}

/// Starts services for `body`, and stops them in the end whatever happened.
func withCrew(_ redis: PrivateRedis, _ folder: String, _ body: (Crew) async throws -> Void) async throws {
    let crew = Crew(redis: redis, folder: folder)
    try await withEnd({ await crew.stop() }) { try await body(crew) }
}

/// Everything that was started, so that it is stopped.
actor Crew {
    private let redis: PrivateRedis
    private let folder: String
    private var programs: [Program] = []

    fileprivate init(redis: PrivateRedis, folder: String) {
        self.redis = redis
        self.folder = folder
    }

    func start(
        _ name: String, reportingTo statsURL: String? = nil, _ own: [String: String] = [:], descriptorsMax: Int? = nil
    ) async throws -> Testbed.Node {
        let environment = Testbed.environment(redis, reportingTo: statsURL).merging(own) { _, own in own }
        let program = try Program(name, environment: environment, folder: folder, descriptorsMax: descriptorsMax)
        programs.append(program)
        return Testbed.Node(program: program, port: try await program.port())
    }

    fileprivate func stop() async {
        for program in programs.reversed() { await program.stop() }
    }
}

// MARK: People and numbers

extension Testbed {
    func viewer(of video: String, on reader: Int = 0) async throws -> StreamClient {
        let viewer = try await StreamClient(port: readers[reader].port, RequestText.connect(video: video))
        #expect(try await viewer.next().data.contains(#""instance":"reader-\#(reader + 1)""#))
        return viewer
    }

    func write(_ text: String, to video: String) async throws {
        let answer = try await LoopbackHTTP.post(
            port: comments.port, "/comment", json: #"{"userid":"writer","videoid":"\#(video)","comment":"\#(text)"}"#)
        try #require(answer.status == 201, "\(answer.text)")
    }

    func statistics(_ query: String = "", from node: Node? = nil) async throws -> Statistics {
        let answer = try await (node ?? stats).get("/statistics" + query)
        try #require(answer.status == 200, "\(answer.text)")
        return try JSONDecoder().decode(Statistics.self, from: Data(answer.body))
    }

    /// Waits for statistics that satisfy `condition`; returns the last ones in any case.
    func statistics(where condition: (Statistics) -> Bool) async throws -> Statistics {
        _ = await eventually(within: 30) { condition(try await statistics()) }
        return try await statistics()
    }
}

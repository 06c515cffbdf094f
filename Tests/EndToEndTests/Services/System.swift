import Foundation
import Primitives
import TestSupport
import Testbed
import Testing
import Wire

/// One small system of the built binaries: Redis, StatsAPI, CommentAPI, Readers.
struct System: Sendable {
    let redis: Node
    let stats: Node
    let comments: Node
    let readers: [Node]

    /// What every service of a test is told: short intervals.
    static let quick = [
        "REPORT_INTERVAL_MS": "100", "DRAIN_SECONDS": "0", "READER_UNSUBSCRIBE_DELAY_MS": "100",
    ]

    /// Starts everything, runs `body` when all are ready, and stops everything whatever happened.
    ///
    /// - Parameters:
    ///   - environment: settings of the Readers.
    ///   - descriptorsMax: `ulimit -n` of the Readers.
    static func with(
        readers count: Int = 1, environment: [String: String] = [:], descriptorsMax: Int? = nil,
        _ body: (System) async throws -> Void
    ) async throws {
        try await withTestbed { testbed in
            let redis = try await testbed.startRedis()
            var told = ServiceEnvironment(redis: redis.url)
            let stats = try await testbed.addService(.statistics, told, quick)
            told.statistics = stats.url
            let comments = try await testbed.addService(.commentAPI, told, quick)
            var readers: [Node] = []
            for number in 1...count {
                readers.append(
                    try await testbed.addService(
                        .reader, number: number, told,
                        quick.merging(["PLACEMENT": "random"]) { $1 }.merging(environment) { $1 },
                        descriptorsMax: descriptorsMax))
            }
            try await Node.waitUntilReady([stats, comments] + readers)
            try await body(System(redis: redis, stats: stats, comments: comments, readers: readers))
        }
    }
}

extension Node {
    func get(_ path: String) async throws -> HTTPAnswer { try await LoopbackHTTP.get(port: port, path) }
    func signal(_ number: Int32) { child?.signal(number) }
    /// Files and sockets that the process has open.
    var descriptors: Int { ProcessUsage.descriptors(pid: child?.pid ?? 0) }

    /// Tells it to end by a signal, and waits for that; the code that it ended with, `nil` when it did not end in time.
    func end(by number: Int32) async -> Int32? {
        child?.expectEnd()
        signal(number)
        _ = await eventually(within: StreamClient.patience) { child?.exitCode != nil }
        return child?.exitCode
    }
}

// MARK: People and numbers

extension System {
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

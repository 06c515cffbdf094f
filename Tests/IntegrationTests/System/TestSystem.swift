import Broker
import Fanout
import Foundation
import Identity
import Primitives
import ServiceRuntime
import TestSupport
import Testbed
import Testing
import Wire

@testable import CommentAPI
@testable import ReaderAPI

/// CommentAPI and a Reader on a Redis of their own.
struct TestSystem: Sendable {
    let redis: Node
    let comments: RunningService
    let reader: RunningService
    let hub: Hub

    /// Runs `body` with a system, and stops it in order.
    ///
    /// - Parameter environment: settings of the Reader.
    static func with(
        _ options: RedisOptions = .init(), environment: [String: String] = [:],
        _ body: @Sendable (TestSystem) async throws -> Void
    ) async throws {
        try await withRedis(options) { redis in
            try await with(redis, url: redis.url, environment: environment, body)
        }
    }

    /// The same on a Redis that runs.
    ///
    /// - Parameter url: of all of it, when `redis` is one server of several.
    static func with(
        _ redis: Node, url: String, environment: [String: String] = [:],
        _ body: @Sendable (TestSystem) async throws -> Void
    ) async throws {
        let common = [
            "REDIS_URL": url, "HOST": "127.0.0.1", "PORT": "0", "INSTANCE_ID": "reader-1", "DRAIN_SECONDS": "0",
            "READER_LOOPS": "2",
        ]
        try await withCommentAPI(url) { comments in
            let reader = common.merging(["COMMENT_API_URL": "http://127.0.0.1:\(comments.port)"]) { _, new in new }
            let settings = try ReaderSettings.read(environment: reader.merging(environment) { _, own in own })
            try await withReader(settings) { reader, hub in
                let system = TestSystem(redis: redis, comments: comments, reader: reader, hub: hub)
                await expectEventually { try await system.isReady }
                try await body(system)
            }
        }
    }

    private static func withCommentAPI(
        _ url: String, _ body: (RunningService) async throws -> Void
    ) async throws {
        let settings = try CommentAPISettings.read(
            environment: ["REDIS_URL": url, "HOST": "127.0.0.1", "PORT": "0", "INSTANCE_ID": "comments-1"])
        let address = ListeningAddress()
        let process = ServiceProcess(name: "CommentAPI", server: settings.server, logger: address.logger)
        let broker = ServiceBroker(
            redis: settings.redis, history: settings.history, process: process, needsWrites: true)
        let assembly = CommentAPI.assemble(settings, process, broker: broker.broker, services: [broker])
        try await RunningService.with(assembly, process, address, body)
    }

    /// - Parameter isPlaced: whether the Reader is one of several that know each other.
    static func withReader(
        _ settings: ReaderSettings, isPlaced: Bool = false, _ body: (RunningService, Hub) async throws -> Void
    ) async throws {
        let address = ListeningAddress()
        let process = ServiceProcess(
            name: "ReaderAPI", server: settings.server, logger: address.logger, descriptorsMax: DescriptorLimit.raise())
        let broker = ServiceBroker(redis: settings.redis, history: settings.history, process: process)
        let isShared = isPlaced || settings.server.access.mode != .off
        let assembly = try ReaderAPI.assemble(
            settings, process, broker: broker.broker, redis: isShared ? broker.broker.redis : nil, services: [broker])
        let hub = try #require(assembly.services.lazy.compactMap { $0 as? HubService }.first?.hub)
        try await RunningService.with(assembly, process, address) { try await body($0, hub) }
    }

    var isReady: Bool {
        get async throws {
            let statuses = try await [comments.get("/health/ready").status, reader.get("/health/ready").status]
            return statuses == [200, 200]
        }
    }
}

// MARK: People

extension TestSystem {
    /// A viewer, right after its request was sent.
    func viewer(_ request: [UInt8], receiveBufferBytes: Int? = nil) async throws -> StreamClient {
        try await StreamClient(port: reader.port, request, receiveBufferBytes: receiveBufferBytes)
    }

    func connectedViewer(of video: String, headers: [(String, String)] = []) async throws -> StreamClient {
        let viewer = try await viewer(RequestText.connect(video: video, headers: headers))
        let hello = try await viewer.next()
        #expect(hello.data.contains(#""type":"connected""#))
        return viewer
    }

    func connectedViewers(of video: String, count: Int) async throws -> [StreamClient] {
        var viewers: [StreamClient] = []
        for _ in 0..<count { viewers.append(try await connectedViewer(of: video)) }
        return viewers
    }

    /// Writes comments on `v` and returns their epoch.
    @discardableResult
    func writeNumbers(_ numbers: ClosedRange<Int>) async throws -> String {
        var epoch = ""
        for number in numbers { epoch = try await write("\(number)", to: "v").epoch }
        return epoch
    }

    @discardableResult
    func write(_ text: String, to video: String, sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> CommentResponse.Placed
    {
        let answer = try await tryToWrite(text, to: video)
        try #require(answer.status == 201, "\(answer.text)", sourceLocation: sourceLocation)
        return try JSONDecoder().decode(CommentResponse.self, from: Data(answer.body)).comment
    }

    func tryToWrite(_ text: String, to video: String) async throws -> HTTPAnswer {
        let request = CommentRequest(userid: "writer", videoid: video, comment: text)
        let json = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        return try await LoopbackHTTP.post(port: comments.port, "/comment", json: json)
    }

    func subscriptions(of video: String) throws -> Int {
        try #require(
            Int(redis.command("PUBSUB", "NUMSUB", "video:\(video)").split(separator: ":").last?.dropLast() ?? ""))
    }

    func subscribedVideos() throws -> Int {
        let reply = try redis.command("PUBSUB", "CHANNELS", "video:*")
        return try #require(Int(reply.prefix { $0 != "\r\n" }.dropFirst()))
    }
}

func expectEventually(
    within seconds: Double = 30, isolation: isolated (any Actor)? = #isolation,
    sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async {
    #expect(await eventually(within: seconds, condition), sourceLocation: sourceLocation)
}

func expectGap(
    _ data: String, id: String, at viewer: StreamClient, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let gap = ServerSentEvent(name: "gap", data: data, id: id)
    #expect(try await viewer.next() == gap, sourceLocation: sourceLocation)
}

func comment(in event: ServerSentEvent) throws -> Wire.Comment {
    try JSONDecoder().decode(Wire.Comment.self, from: Data(event.data.utf8))
}

extension StreamClient {
    /// The texts of the next comments; everything else among them fails.
    func comments(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws -> [String] {
        var texts: [String] = []
        for event in try await next(count) {
            #expect(event.name == "message", "\(event)", sourceLocation: sourceLocation)
            texts.append(try comment(in: event).comment)
        }
        return texts
    }
}

/// The services around a real Redis. One test after the other: each runs two services and many sockets in this process.
@Suite(.serialized, .timeLimit(.minutes(3))) enum IntegrationTests {}

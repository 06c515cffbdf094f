import Broker
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import InMemory
import Logging
import NIOCore
import Primitives
import ServiceRuntime
import TestSupport
import Testing
import Wire

@testable import StatsAPI

@Suite struct StatisticsRoutesTests {
    private final class Sink: SubscriptionSink {
        func connectionEstablished() {}
        func subscribed(_ channels: [Wire.Channel]) {}
        func received(_ messages: [BrokerMessage]) {}
        func lost(_ channels: [Wire.Channel], isConnected: Bool) {}
    }

    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func withService(
        broker: InMemoryBroker = InMemoryBroker(),
        _ test: @Sendable (any TestClientProtocol, ServiceProcess) async throws -> Void
    ) async throws {
        let settings = try StatsAPISettings.read(environment: [:])
        let process = ServiceProcess(name: "StatsAPI", server: settings.server, logger: logger)
        let assembly = try StatsAPI.assemble(settings, process, broker: broker)
        try await process.makeApplication(router: assembly.router, crossOrigin: assembly.crossOrigin).test(.router) {
            try await test($0, process)
        }
    }

    private func post(
        _ client: any TestClientProtocol, _ report: some Encodable, to path: String = "/reader-api-statistics"
    ) async throws -> TestResponse {
        let body = ByteBuffer(bytes: try JSONEncoder().encode(report))
        return try await client.execute(
            uri: path, method: .post, headers: [.contentType: "application/json"], body: body
        ) { $0 }
    }

    private func statistics(_ client: any TestClientProtocol, _ query: String = "") async throws -> Statistics {
        let response = try await client.execute(uri: "/statistics" + query, method: .get) { $0 }
        #expect(response.status == .ok)
        return try JSONDecoder().decode(Statistics.self, from: Data(response.body.readableBytesView))
    }

    private func readerReport(_ id: String, channels: Int, sequence: Int = 0, full: Bool = true) -> ReaderReport {
        let names = (0..<channels).map { "video:v\($0)" }
        return ReaderReport(
            instanceId: id, session: "s", sequence: sequence, full: full, subscribed: names, unsubscribed: [],
            subscriptions: channels, viewers: Dictionary(uniqueKeysWithValues: names.map { ($0, 1) }), publicUrl: nil,
            activeConnections: channels, totalConnections: channels, totalMessagesReceived: 1, totalMessagesSent: 2)
    }

    @Test func everythingInOneAnswer() async throws {
        try await withService { client, _ in
            let report = CommentAPIReport(
                instanceId: "c-1", session: "s", totalCommentsReceived: 9, totalCommentsPublished: 7,
                publishedByChannel: ["video:v0": 7])
            let comment = try await post(client, report, to: "/comment-api-statistics")
            #expect(String(buffer: comment.body) == #"{"resync":false,"success":true}"#)
            let reader = try await post(client, readerReport("r-1", channels: 3))
            #expect(String(buffer: reader.body) == #"{"resync":false,"success":true}"#)
            let viewers = ClientReport(clientId: "x", commentsGenerated: 4, commentsConsumed: 5)
            _ = try await post(client, viewers, to: "/client-statistics")
            let all = try await statistics(client)
            #expect(all.commentApi.totalCommentsPublished == 7 && all.readerApis.totalReaders == 1)
            #expect(all.readerApis.totalSubscribedTopics == 3)
            #expect(all.readerApis.allSubscribedTopics == ["video:v0", "video:v1", "video:v2"])
            #expect(all.clients.totalCommentsConsumed == 5 && all.storedComments == .init(total: 7, newestFirst: []))
            #expect(all.subscriptionSpread.amplification == 1 && all.storedComments.showing == "0 of 7 latest comments")
            #expect(all.timestamp.hasSuffix("Z"))
        }
    }

    @Test func listsAreCutUnlessAskedFor() async throws {
        try await withService { client, _ in
            _ = try await post(client, readerReport("r-1", channels: 250))
            let cut = try await statistics(client)
            #expect(cut.readerApis.allSubscribedTopics.count == Statistics.listMax)
            #expect(cut.readerApis.totalSubscribedTopics == 250)
            let full = try await statistics(client, "?full=true")
            #expect(full.readerApis.allSubscribedTopics.count == 250)
            let odd = try await client.execute(uri: "/statistics?full=yes", method: .get) { $0 }
            #expect(odd.status == .badRequest)
            #expect(String(buffer: odd.body) == #"{"error":"full must be true or false","code":"invalid_query"}"#)
        }
    }

    @Test func reportsThatContinueNothingAreAskedForAgain() async throws {
        try await withService { client, _ in
            let answer = try await post(client, readerReport("r-1", channels: 1, sequence: 7, full: false))
            #expect(String(buffer: answer.body) == #"{"resync":true,"success":true}"#)
        }
    }

    @Test(arguments: [true, false]) func redisCountsBesideTheReported(isReachable: Bool) async throws {
        let broker = InMemoryBroker()
        let subscriber = broker.makeInMemorySubscriber(Sink())
        subscriber.start()
        _ = subscriber.subscribe([try #require(Wire.Channel.video("v0"))])
        broker.setReachable(isReachable)
        try await withService(broker: broker) { client, _ in
            _ = try await post(client, readerReport("r-1", channels: 2))
            let spread = try await statistics(client).subscriptionSpread
            #expect(spread.subscriptions == 2)
            #expect([spread.redisSubscriptions, spread.redisChannels] == (isReachable ? [1, 1] : [nil, nil]))
        }
    }

    @Test func largeReportsFit() async throws {
        try await withService { client, process in
            let fits = try await post(client, readerReport("r-1", channels: 90_000))
            #expect(fits.status == .ok)
            let headers: HTTPFields = [.contentType: "application/json"]
            let body = ByteBuffer(repeating: 0x20, count: StatisticsRoutes.reportBytesMax + 1)
            let tooLarge = try await client.execute(
                uri: "/reader-api-statistics", method: .post, headers: headers, body: body
            ) { $0 }
            #expect(tooLarge.status == .contentTooLarge)
            #expect(process.http.refusals == ["body_too_large": 1])
        }
    }

    @Test(arguments: ["/comment-api-statistics", "/reader-api-statistics", "/client-statistics"])
    func badReports(path: String) async throws {
        try await withService { client, process in
            let json: HTTPFields = [.contentType: "application/json"]
            for (body, code) in [
                (#"{"instanceId":""}"#, "invalid_report"), ("[]", "invalid_report"),
                (#"{"instanceId":1,"clientId":1}"#, "invalid_report"), ("{", "malformed_json"), ("", "malformed_json"),
            ] {
                let response = try await client.execute(
                    uri: path, method: .post, headers: json, body: ByteBuffer(string: body)
                ) { $0 }
                #expect(response.status == .badRequest, "\(body)")
                #expect(String(buffer: response.body).contains("\"code\":\"\(code)\""), "\(body)")
            }
            let form = try await client.execute(uri: path, method: .post, body: ByteBuffer(string: "a=b")) { $0 }
            #expect(form.status == .unsupportedMediaType)
            let get = try await client.execute(uri: path, method: .get) { $0 }
            #expect(get.status == .methodNotAllowed)
            #expect(process.http.refusals["invalid_report"] == 3)
        }
    }

    /// Reports that can be decoded, and cannot be true.
    @Test(arguments: [
        ("/client-statistics", #"{"clientId":""}"#, "clientId is empty"),
        ("/client-statistics", #"{"clientId":"a","viewers":-1}"#, "viewers is negative"),
        ("/client-statistics", #"{"clientId":"a\u0000"}"#, "clientId holds a control character"),
        ("/reader-api-statistics", #"{"instanceId":""}"#, "instanceId is empty"),
        ("/reader-api-statistics", #"{"instanceId":"r","messagesSent":-7}"#, "totalMessagesSent is negative"),
        ("/reader-api-statistics", #"{"instanceId":"r","viewers":{"video:a":-1}}"#, "viewers holds a negative number"),
        (
            "/reader-api-statistics", #"{"instanceId":"\#(String(repeating: "n", count: 257))"}"#,
            "instanceId is longer than 256 bytes"
        ), ("/comment-api-statistics", #"{"totalComments":-3}"#, "totalCommentsReceived is negative"),
        ("/comment-api-statistics", #"{"commentsByVideo":{"v":-3}}"#, "commentsByVideo holds a negative number"),
    ])
    func reportsThatCannotBeTrue(path: String, body: String, sentence: String) async throws {
        try await withService { client, process in
            let response = try await client.execute(
                uri: path, method: .post, headers: [.contentType: "application/json"], body: ByteBuffer(string: body)
            ) { $0 }
            #expect(response.status == .badRequest)
            #expect(String(buffer: response.body) == #"{"error":"\#(sentence)","code":"invalid_report"}"#)
            #expect(process.http.refusals == ["invalid_report": 1])
            #expect(try await statistics(client).clients.totalClients == 0)
        }
    }

    /// What services and clients of the reference design send, and what they find in the answer.
    @Test func reportsOfTheReferenceDesign() async throws {
        let broker = InMemoryBroker()
        let subscriber = broker.makeInMemorySubscriber(Sink())
        subscriber.start()
        _ = subscriber.subscribe([try #require(Wire.Channel.video("video1"))])
        try await withService(broker: broker) { client, _ in
            for (path, body) in [
                (
                    "/client-statistics",
                    #"{"clientId":"client-1","userId":"user1","videoId":"video1","commentsGenerated":3,"commentsConsumed":9,"subscribedTopics":["video:video1"],"connectedReader":"http://localhost:4001"}"#
                ), ("/client-statistics", #"{"clientId":"client-2"}"#),
                (
                    "/reader-api-statistics",
                    #"{"instanceId":"reader-1","activeConnections":2,"subscribedTopics":["video:video1","video:video1"],"messagesSent":7}"#
                ), ("/reader-api-statistics", #"{"instanceId":"reader-2"}"#),
                (
                    "/comment-api-statistics",
                    #"{"totalComments":3,"commentsByVideo":{"video1":2},"activeTopics":["video:video1"],"topicSubscribers":{"video:video1":1}}"#
                ), ("/comment-api-statistics", #"{"totalComments":5,"commentsByVideo":{"video1":4,"video2":1}}"#),
            ] {
                let response = try await client.execute(
                    uri: path, method: .post, headers: [.contentType: "application/json"],
                    body: ByteBuffer(string: body)
                ) { $0 }
                #expect(String(buffer: response.body) == #"{"resync":false,"success":true}"#, "\(body)")
            }
            let all = try await statistics(client)
            #expect(all.commentApi.totalComments == 5 && all.commentApi.totalInstances == 1)
            #expect(all.commentApi.commentsByVideo == ["video1": 4, "video2": 1])
            #expect(all.commentApi.activeTopics == ["video:video1"])
            #expect(all.commentApi.topicSubscribers == ["video:video1": 1])
            #expect(all.readerApis.readers.map(\.messagesSent) == [7, 0])
            #expect(all.readerApis.readers.map(\.subscribedTopics) == [["video:video1"], []])
            #expect(all.storedComments.showing == "0 of 5 latest comments")
            let raw = try await client.execute(uri: "/statistics", method: .get) { String(buffer: $0.body) }
            for member in [
                #""userId":"user1""#, #""videoId":"video1""#, #""connectedReader":"http://localhost:4001""#,
                #""subscribedTopics":["video:video1"]"#, #""userid":"user1""#, #""connected":1"#,
            ] {
                #expect(raw.contains(member), "\(raw)")
            }
        }
    }

    /// One that starts anew has no session to tell; its totals fall.
    @Test func aReferenceCommentAPIThatRestartsStaysCounted() {
        var aggregate = Aggregate()
        func report(_ total: Int) -> CommentAPIReport {
            var report = CommentAPIReport(
                instanceId: "c", session: "", totalCommentsReceived: total, totalCommentsPublished: total)
            report.commentsByVideo = ["v": total]
            return report
        }
        for (second, total) in [3, 5, 1, 2].enumerated() {
            _ = aggregate.accept(report(total), at: .seconds(second + 1))
        }
        let statistics = aggregate.statistics(at: .seconds(5), timestamp: "").commentApi
        #expect(statistics.totalComments == 7 && statistics.commentsByVideo == ["v": 7])
    }

    @Test func whoDoesNotFitIsToldSo() {
        var aggregate = Aggregate(limits: AggregateLimits(clientsMax: 1))
        #expect(aggregate.accept(ClientReport(clientId: "a"), at: .seconds(1)).success)
        #expect(!aggregate.accept(ClientReport(clientId: "b"), at: .seconds(1)).success)
    }

    @Test func whoAsksMeanwhileGetsTheSameRendering() async throws {
        let renderings = SharedRenderings()
        let (stream, gate) = AsyncStream.makeStream(of: Void.self)
        let first = Task {
            try await renderings.next {
                for await _ in stream {}
                return ByteBuffer(string: "first")
            }
        }
        #expect(await eventually { await renderings.isRendering })
        let others = (0..<9).map { _ in
            Task { try await renderings.next { ByteBuffer(string: "another") } }
        }
        #expect(await eventually { await renderings.shared == 9 })
        gate.finish()
        let rendering = try await first.value
        for other in others { #expect(try await other.value === rendering) }
    }

    /// Clients that read slowly keep a few renderings alive, however many they are and however often others ask.
    @Test func renderingsThatAreStillReadAreBounded() async throws {
        let renderings = SharedRenderings()
        var held: [Rendering] = []
        for number in 0..<20 { held.append(try await renderings.next { ByteBuffer(string: "\(number)") }) }
        #expect(Set(held.map(ObjectIdentifier.init)).count == SharedRenderings.aliveMax)
        #expect(held.last.map { String(buffer: $0.bytes) } == "3")
        held = []
        #expect(String(buffer: try await renderings.next { ByteBuffer(string: "new") }.bytes) == "new")
    }

    @Test func aSlowRedisIsNotWaitedFor() async throws {
        let counts = RedisCounts(
            broker: InMemoryBroker(countDelay: .seconds(600)), logger: logger, timeout: .milliseconds(20))
        let start = ContinuousClock.now
        #expect(await counts.count { ["video:a"] } == nil)
        #expect(ContinuousClock.now - start >= .milliseconds(20))
    }

    @Test func anAnswerIsUsedForAWhile() async throws {
        let broker = InMemoryBroker()
        let counts = RedisCounts(broker: broker, logger: logger, maxAge: .seconds(60))
        #expect(await counts.count { ["video:a"] } == .init(subscriptions: 0, channels: 0))
        broker.setReachable(false)
        let known = await counts.count {
            Issue.record("the names are not looked for while the last answer is good")
            return []
        }
        #expect(known == .init(subscriptions: 0, channels: 0))
        let impatient = RedisCounts(broker: broker, logger: logger, maxAge: .zero)
        #expect(await impatient.count { ["video:a"] } == nil)
    }
}

@Suite struct ConfigurationPageTests {
    /// `make docs` writes the page.
    @Test func thePageSaysWhatTheServiceReads() throws {
        let url = URL(filePath: "../../docs/CONFIGURATION.md", relativeTo: URL(filePath: #filePath))
        let page = try String(contentsOf: url, encoding: .utf8)
        let section = ConfigurationTable.markdown(service: "StatsAPI", StatsAPISettings.declarations)
        #expect(page.contains(section))
    }
}

import Broker
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import InMemory
import ServiceRuntime
import TestSupport
import Testing
import Wire

@testable import CommentAPI

@Suite struct CommentRoutesTests {
    @Test func publishesAndTellsThePlace() async throws {
        let broker = InMemoryBroker()
        let channel = try #require(Channel.video("video1"))
        try await withAPI(broker: broker) { api in
            for offset in 1...3 as ClosedRange<UInt64> {
                let response = try await api.post("Great video! \(offset)")
                #expect(response.status == .created)
                #expect(response.headers[.contentType] == "application/json")
                let answer = try response.decode(CommentResponse.self)
                #expect(answer.success)
                #expect(answer.comment.userid == "user1")
                #expect(answer.comment.videoid == "video1")
                #expect(answer.comment.comment == "Great video! \(offset)")
                #expect(answer.comment.offset == offset)
                #expect(answer.comment.id.utf8.count == 26)
                #expect(answer.comment.timestamp.hasSuffix("Z"))
                let position = try #require(try await broker.position(of: channel))
                #expect(position == Position(offset: offset, epoch: answer.comment.epoch))
            }
        }
    }

    @Test func theFrameIsOneEventWhateverTheCommentSays() async throws {
        let broker = InMemoryBroker()
        let text = "a\n\ndata: {\"forged\":true}\n\nevent: gap\n\tid: 9.x \u{2028} \"\\ 😀"
        try await withAPI(broker: broker) { api in
            let request = CommentRequest(userid: "u", videoid: "v", comment: text)
            let response = try await api.post(bytes: Array(try JSONEncoder().encode(request)))
            #expect(response.status == .created)
        }
        let channel = try #require(Channel.video("v"))
        let frame = try #require(
            try await broker.history(of: channel, after: 0, through: nil, limit: 10).entries.first?.frame)
        var parser = EventStreamParser()
        let events = try parser.feed(frame)
        #expect(events.count == 1)
        let event = try #require(events.first)
        let comment = try JSONDecoder().decode(Wire.Comment.self, from: Data(event.data.utf8))
        #expect(comment.comment == text)
        #expect(event.name == "message")
        #expect(event.id.hasPrefix("1."))
    }

    @Test(arguments: [
        (#"{"videoid":"v","comment":"c"}"#, "userid is missing"),
        (#"{"userid":"u","comment":"c"}"#, "videoid is missing"),
        (#"{"userid":"u","videoid":"v"}"#, "comment is missing"),
        (#"{"userid":null,"videoid":"v","comment":"c"}"#, "userid is missing"),
        (#"{"userid":"","videoid":"v","comment":"c"}"#, "userid is empty"),
        (#"{"userid":"u","videoid":"","comment":"c"}"#, "videoid is empty"),
        (#"{"userid":"u","videoid":"v","comment":""}"#, "comment is empty"),
        (#"{"userid":1,"videoid":"v","comment":"c"}"#, "userid must be a string"),
        (#"{"userid":"u","videoid":["v"],"comment":"c"}"#, "videoid must be a string"),
        (#"{"userid":"u","videoid":"v","comment":{"a":1}}"#, "comment must be a string"),
        (#"{"userid":"u","videoid":"v","comment":true}"#, "comment must be a string"),
        (#"{"userid":"u v","videoid":"v","comment":"c"}"#, "userid must be 1 to 128 characters"),
        (#"{"userid":"u","videoid":"v\n","comment":"c"}"#, "videoid must be 1 to 128 characters"),
        (#"{"userid":"u","videoid":"vidéo","comment":"c"}"#, "videoid must be 1 to 128 characters"),
        (#"{"userid":"u","videoid":"v*","comment":"c"}"#, "videoid must be 1 to 128 characters"),
        (#"{"userid":"u","videoid":"v","comment":"a\u0000"}"#, "comment holds a control character"),
        (#"{"userid":"u","videoid":"v","comment":"a\r\ndata: x"}"#, "comment holds a control character"),
        (#"{"userid":"u","videoid":"v","comment":"\u001b[2J"}"#, "comment holds a control character"),
        (#"{"userid":"u","videoid":"v","comment":"\u0085"}"#, "comment holds a control character"),
    ])
    func badFields(body: String, sentence: String) async throws {
        try await expectRefusal(Array(body.utf8), .badRequest, "invalid_comment", sentence)
    }

    @Test func lengths() async throws {
        let ids = String(repeating: "i", count: 128)
        let comment = String(repeating: "😀", count: 2_000)
        try await withAPI(broker: InMemoryBroker()) { api in
            let fits = try await api.post(comment, user: ids, video: ids)
            #expect(fits.status == .created)
        }
        for body in [
            #"{"userid":"\#(ids)i","videoid":"v","comment":"c"}"#,
            #"{"userid":"u","videoid":"\#(ids)i","comment":"c"}"#,
            #"{"userid":"u","videoid":"v","comment":"\#(comment)a"}"#,
        ] {
            try await expectRefusal(Array(body.utf8), .badRequest, "invalid_comment", "")
        }
    }

    @Test(arguments: [
        "", "{", "null", "[]", "\"x\"", "{\"userid\":\"u\",}", "{\"userid\":\"u\",\"userid\":\"v\"}", "{}{}",
    ])
    func malformedJSON(body: String) async throws {
        try await expectRefusal(Array(body.utf8), .badRequest, "malformed_json", "")
    }

    @Test func invalidUTF8() async throws {
        let body = Array(#"{"userid":"u","videoid":"v","comment":"a"#.utf8) + [0xFF] + Array(#""}"#.utf8)
        try await expectRefusal(body, .badRequest, "invalid_utf8", "the body is not valid UTF-8")
    }

    @Test func tooLarge() async throws {
        let body = #"{"userid":"u","videoid":"v","comment":""# + String(repeating: "a", count: 65_536) + "\"}"
        try await expectRefusal(
            Array(body.utf8), .contentTooLarge, "body_too_large", "the body is larger than 65536 bytes")
    }

    @Test func otherTypesPathsAndMethods() async throws {
        try await withAPI(broker: InMemoryBroker()) { api in
            let form = try await api.request(.post, "/comment", bytes: Array("a=b".utf8))
            #expect(form.status == .unsupportedMediaType)
            let get = try await api.request(.get, "/comment")
            #expect(get.status == .methodNotAllowed)
            #expect(get.headers[.allow] == "POST")
            let path = try await api.request(.post, "/comments")
            #expect(path.status == .notFound)
            #expect(
                api.process.http.refusals == ["unsupported_media_type": 1, "method_not_allowed": 1, "not_found": 1])
        }
    }

    @Test(arguments: [
        (BrokerError.Code.unavailable, "broker_unavailable"), (.overloaded, "broker_overloaded"),
        (.timeout, "broker_timeout"),
        (.internal, "broker_failed"),
    ])
    func whatIsNotPublishedIsNotCreated(code: BrokerError.Code, expected: String) async throws {
        let broker = InMemoryBroker()
        broker.refuseNext([BrokerError(code, "inner text")])
        try await withAPI(broker: broker) { api in
            let refused = try await api.post("c")
            #expect(refused.status == .serviceUnavailable)
            #expect(refused.headers[.retryAfter] == "1")
            #expect(refused.code == expected)
            #expect(!refused.body.contains("inner text"))
            let accepted = try await api.post("c")
            #expect(accepted.status == .created)
        }
    }

    @Test func reportsCountWhatWasPublished() async throws {
        let broker = InMemoryBroker()
        let settings = try CommentAPISettings.read(environment: ["INSTANCE_ID": "c-1"])
        let process = ServiceProcess(
            name: "CommentAPI", server: settings.server, logger: quietLogger,
            session: "s")
        let service = CommentService(repository: RedisCommentRepository(broker: broker))
        let reports = CommentReports(counters: service.counters, process: process, storedComments: nil)
        let router = process.makeRouter()
        CommentRoutes(service: service).add(to: router)
        RemovalRoutes(repository: service.repository, counters: service.counters).add(to: router)
        try await process.makeApplication(router: router).test(.router) { client in
            let api = TestAPI(client: client, process: process)
            for video in ["a", "a", "b"] { _ = try await api.post("c", user: "u", video: video) }
            let latest = service.counters.latest()
            #expect(latest.map(\.videoid) == ["b", "a", "a"])
            let uri = "/comment/\(latest[2].id)?userid=u&videoid=a"
            let removed = try await api.request(.delete, uri)
            #expect(removed.status == .ok)
            broker.setReachable(false)
            _ = try await api.post("c", user: "u", video: "a")
            _ = try await api.post(bytes: Array("{}".utf8))
        }
        var first = reports.makeReport()
        #expect(first.latestComments?.map(\.videoid) == ["b", "a"], "what was removed is not shown")
        first.latestComments = []
        #expect(
            first
                == CommentAPIReport(
                    instanceId: "c-1", session: "s", totalCommentsReceived: 5, totalCommentsPublished: 3,
                    refusals: ["broker_unavailable": 1, "invalid_comment": 1],
                    publishedByChannel: ["video:a": 2, "video:b": 1]))
        reports.reportFailed()
        #expect(reports.makeReport().publishedByChannel == ["video:a": 2, "video:b": 1])
        reports.reportAccepted(ReportAcknowledgement())
        #expect(reports.makeReport().publishedByChannel.isEmpty)
    }

    @Test func statisticsWithoutStatsAPI() async throws {
        for environment in [[:], ["STATISTICS_API_URL": "http://127.0.0.1:1"]] as [[String: String]] {
            try await withAPI(broker: InMemoryBroker(), environment: environment) { api in
                let response = try await api.request(.get, "/statistics")
                #expect(response.status == .badGateway)
                #expect(
                    response.body == #"{"error":"StatsAPI does not answer","code":"statistics_unavailable"}"#)
            }
        }
    }

    private func expectRefusal(
        _ body: [UInt8], _ status: HTTPResponse.Status, _ code: String, _ sentence: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let broker = InMemoryBroker()
        try await withAPI(broker: broker) { api in
            let response = try await api.post(bytes: body)
            #expect(response.status == status, sourceLocation: sourceLocation)
            let refusal = try response.decode(ErrorBody.self)
            #expect(refusal.code == code, sourceLocation: sourceLocation)
            #expect(refusal.error.hasPrefix(sentence), "\(refusal.error)", sourceLocation: sourceLocation)
            #expect(api.process.http.refusals == [code: 1], sourceLocation: sourceLocation)
        }
        for id in ["v", String(repeating: "i", count: 128)] {
            let channel = try #require(Channel.video(id))
            #expect(try await broker.position(of: channel) == nil, sourceLocation: sourceLocation)
        }
    }
}

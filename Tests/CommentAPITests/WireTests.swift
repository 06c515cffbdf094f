import Broker
import Hummingbird
import HummingbirdTesting
import InMemory
import ServiceRuntime
import TestSupport
import Testing
import Wire

@testable import CommentAPI

/// `POST /comment` on a socket, as browsers, proxies and broken clients send it.
@Suite struct WireTests {
    private static let browser = [
        ("Connection", "keep-alive"), ("Origin", "https://example.org"),
        ("Content-Type", "application/json; charset=utf-8"), ("User-Agent", "Mozilla/5.0"), ("Accept", "*/*"),
    ]

    private func request(_ text: String, headers: [(String, String)] = browser) -> [UInt8] {
        RequestText.make(
            "POST", "/comment", headers: headers,
            body: Array(#"{"userid":"u","videoid":"v","comment":"\#(text)"}"#.utf8))
    }

    /// The statuses of the answers in their order, all that was received, and the comments that were published.
    private func talk(_ pieces: [[UInt8]]) async throws -> (statuses: [Int], received: String, published: [String]) {
        let settings = try CommentAPISettings.read(environment: [:])
        let process = ServiceProcess(name: "CommentAPI", server: settings.server, logger: quietLogger)
        let broker = InMemoryBroker()
        let assembly = CommentAPI.assemble(settings, process, broker: broker)
        let application = process.makeApplication(router: assembly.router, crossOrigin: assembly.crossOrigin)
        let received = try await application.test(.live) { client in
            try await LoopbackHTTP.talk(port: try #require(client.port), pieces)
        }
        let statuses = received.split(separator: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
        return (statuses, received, try await texts(broker, try video("v")))
    }

    @Test func aBrowsersRequestsAreServedOnOneConnection() async throws {
        let answer = try await talk([request("one"), request("two")])
        #expect(answer.statuses == [201, 201])
        #expect(answer.received.lowercased().contains("access-control-allow-origin: *"))
        #expect(answer.published == ["one", "two"])
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let get = RequestText.make("GET", "/health/ready")
        let answer = try await talk([request("one") + get + request("two") + request("") + request("three")])
        #expect(answer.statuses == [201, 200, 201, 400, 201])
        #expect(answer.published == ["one", "two", "three"])
    }

    @Test func anAnswerToGarbageDoesNotOvertake() async throws {
        let answer = try await talk([request("one") + request("two") + Array("NONSENSE\r\n\r\n".utf8)])
        #expect(answer.statuses == [201, 201, 400])
        #expect(answer.published == ["one", "two"])
    }

    @Test func aRequestInPiecesIsServedOnce() async throws {
        let pieces = request("one").map { [$0] }
        let answer = try await talk(pieces + [request("two")])
        #expect(answer.statuses == [201, 201])
        #expect(answer.published == ["one", "two"])
    }

    @Test func bodiesOverTheLimitAreRefusedAndTheNextRequestIsServed() async throws {
        let answer = try await talk([request(String(repeating: "x", count: 70_000)) + request("two")])
        #expect(answer.statuses == [413, 201])
        #expect(answer.received.contains(#""code":"body_too_large""#))
        #expect(answer.published == ["two"])
    }

    /// A client that has sent all it will send, and only reads: every conversation here ends so. One that leaves in the
    /// middle of a request gets no comment published.
    @Test func halfARequestIsNotServed() async throws {
        let answer = try await talk([request("one") + request("two").dropLast(10)])
        #expect(answer.statuses.first == 201)
        #expect(answer.published == ["one"])
    }
}

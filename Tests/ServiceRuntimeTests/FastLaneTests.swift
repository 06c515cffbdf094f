import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Testing

@testable import ServiceRuntime

/// `#expect` cannot call what changes its subject.
private func check(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: sourceLocation)
}

private struct PostLikes: FastRoute {
    var method: HTTPRequest.Method { .post }
    var path: String { "/v1/likes" }
    var bodyBytesMax: Int { 100 }
    func serve(_ body: ByteBuffer, reply: @escaping @Sendable (FastReply) -> Void) -> Bool { false }
}

private func makeHead(
    _ method: HTTPRequest.Method, _ path: String, _ fields: HTTPFields
) -> HTTPRequest {
    HTTPRequest(method: method, scheme: "http", authority: "h", path: path, headerFields: fields)
}

@Suite struct FastLaneRuleTests {
    private static let plain: HTTPFields = [.contentType: "application/json", .contentLength: "20", .userAgent: "x"]

    @Test func onlyTheOrdinaryIsTaken() {
        let route = PostLikes()
        #expect(FastLaneRule.isOrdinary(makeHead(.post, "/v1/likes", Self.plain), for: route))
        #expect(!FastLaneRule.isOrdinary(makeHead(.delete, "/v1/likes", Self.plain), for: route))
        #expect(!FastLaneRule.isOrdinary(makeHead(.post, "/v1/likes?x=1", Self.plain), for: route))
        #expect(!FastLaneRule.isOrdinary(makeHead(.post, "/v1/likes", [.contentLength: "20"]), for: route))
        #expect(!FastLaneRule.isOrdinary(makeHead(.post, "/v1/likes", [.contentType: "application/json"]), for: route))
        for name in [HTTPField.Name.origin, .expect, .connection, .transferEncoding, .contentEncoding] {
            var fields = Self.plain
            fields[name] = "x"
            #expect(!FastLaneRule.isOrdinary(makeHead(.post, "/v1/likes", fields), for: route))
        }
        for length in ["0", "101", "x", "-1", ""] {
            var fields = Self.plain
            fields[.contentLength] = length
            #expect(!FastLaneRule.isOrdinary(makeHead(.post, "/v1/likes", fields), for: route))
        }
        var text = Self.plain
        text[.contentType] = "text/plain"
        #expect(!FastLaneRule.isOrdinary(makeHead(.post, "/v1/likes", text), for: route))
    }
}

@Suite struct FastLaneQueueTests {
    private static let fast = HTTPRequestPart.head(makeHead(.post, "/fast", [:]))
    private static let slow = HTTPRequestPart.head(makeHead(.post, "/slow", [:]))
    private static func body(_ text: String) -> HTTPRequestPart { .body(ByteBuffer(string: text)) }

    private func receive(_ part: HTTPRequestPart, _ queue: inout FastLaneQueue) -> FastLaneQueue.Action {
        queue.received(part) { $0 == Self.fast }
    }

    @Test func aRequestInPiecesIsServedOnce() {
        var queue = FastLaneQueue(bodyBytesMax: 10)
        check(receive(Self.fast, &queue) == .nothing)
        check(receive(Self.body("ab"), &queue) == .nothing)
        check(receive(Self.body("cd"), &queue) == .nothing)
        check(receive(.end(nil), &queue) == .serve(ByteBuffer(string: "abcd")))
        check(queue.isServing && !queue.isIdle)
        check(queue.served().isEmpty && queue.isIdle)
    }

    @Test func whatComesMeanwhileWaitsItsTurn() {
        var queue = FastLaneQueue(bodyBytesMax: 10)
        for part in [Self.fast, Self.body("a")] { _ = receive(part, &queue) }
        check(receive(.end(nil), &queue) == .serve(ByteBuffer(string: "a")))
        for part in [Self.slow, .end(nil), Self.fast] { check(receive(part, &queue) == .nothing) }
        check(queue.served() == [Self.slow, .end(nil), Self.fast])
    }

    @Test func behindAnOrdinaryRequestNothingOvertakes() {
        var queue = FastLaneQueue(bodyBytesMax: 10)
        check(receive(Self.slow, &queue) == .pass([Self.slow]))
        check(receive(.end(nil), &queue) == .pass([.end(nil)]))
        check(receive(Self.fast, &queue) == .pass([Self.fast]))
        check(receive(.end(nil), &queue) == .pass([.end(nil)]))
        check(queue.passed == 2)
        queue.answered()
        check(!queue.isIdle)
        queue.answered()
        check(queue.isIdle && receive(Self.fast, &queue) == .nothing)
    }

    @Test func whatIsGivenBackGoesOnAsItCame() {
        var queue = FastLaneQueue(bodyBytesMax: 10)
        for part in [Self.fast, Self.body("ab"), .end(nil), Self.slow, .end(nil)] { _ = receive(part, &queue) }
        check(queue.giveBack() == [Self.fast, Self.body("ab"), .end(nil), Self.slow, .end(nil)])
        check(queue.passed == 2 && !queue.isServing)
        check(queue.giveBack().isEmpty)
    }

    @Test func aLongBodyGoesOn() {
        var queue = FastLaneQueue(bodyBytesMax: 3)
        _ = receive(Self.fast, &queue)
        _ = receive(Self.body("ab"), &queue)
        check(receive(Self.body("cd"), &queue) == .pass([Self.fast, Self.body("ab"), Self.body("cd")]))
        check(receive(.end(nil), &queue) == .pass([.end(nil)]))
        check(queue.passed == 1)
    }
}

@Suite struct DateFieldTests {
    @Test func isAsTheStandardWritesIt() {
        #expect(DateField.text(of: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(DateField.text(of: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(DateField.now().hasSuffix(" GMT"))
    }
}

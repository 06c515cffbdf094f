import FoundationEssentials
import Hummingbird
import Logging
import NIOCore
import Primitives
import ServiceLifecycle
import TestSupport
import Testing

@testable import ServiceRuntime

/// A service as its clients meet it: bytes on a socket.
@Suite struct HTTPConnectionTests {
    /// What a service logs: its port, and what went wrong.
    private final class ServiceLog: LogHandler, Sendable {
        let problems = Mutex<[String]>([])
        let port = Mutex<Int?>(nil)
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        var logLevel: Logger.Level {
            get { .info }
            set {}
        }
        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) {
            if event.level >= .warning {
                let cause = event.metadata?["error"].map { ": \($0)" } ?? ""
                problems.withLock { $0.append("\(event.message)\(cause)") }
            }
            if let found = event.metadata?["port"] { port.withLock { $0 = Int("\(found)") } }
        }
    }

    private let log = ServiceLog()

    private static let hasty: HTTPLimits = {
        var limits = HTTPLimits()
        limits.idle = .milliseconds(400)
        limits.head = .milliseconds(100)
        limits.body = .milliseconds(2_000)
        limits.bodyGrace = .milliseconds(100)
        limits.bodyBytesPerSecond = 1_000
        limits.answer = .milliseconds(200)
        limits.linger = .milliseconds(200)
        return limits
    }()

    private func makeProcess(_ arguments: [String] = []) throws -> ServiceProcess {
        let settings = try TestSettings.read(arguments: arguments + ["--host", "127.0.0.1"], environment: [:])
        return ServiceProcess(
            name: "Test", server: settings.server, logger: Logger(label: "test") { [log] _ in log }, session: "s1")
    }

    private func makeRouter(_ process: ServiceProcess) -> Router<ServiceContext> {
        let router = process.makeRouter()
        router.post("echo") { request, _ in
            let text = try await request.jsonFields(code: "invalid_echo", bytesMax: 2_000).string("text")
            return Response.json(Array("\"\(text)\"".utf8))
        }
        router.get("stream") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    for part in ["one,", "two"] { try await writer.write(ByteBuffer(string: part)) }
                    try await writer.finish(nil)
                })
        }
        router.get("failed") { _, _ -> Response in
            throw APIError.unavailable("failed", "it failed").caused(by: CocoaError(.fileWriteNoPermission))
        }
        router.get("large") { _, _ in Response.json(ByteBuffer(repeating: 0x20, count: 16 << 20)) }
        router.get("things/{id}") { _, context in
            Response.json(Array(try context.parameters.require("id").utf8))
        }
        return router
    }

    /// Runs a service, stops it in order, and waits for its end.
    private func withService(
        _ arguments: [String] = [], limits: HTTPLimits = HTTPLimits(), router: Router<ServiceContext>? = nil,
        _ test: @Sendable (_ port: Int, _ process: ServiceProcess, _ group: ServiceGroup) async throws -> Void
    ) async throws {
        let process = try makeProcess(arguments)
        let application = process.makeApplication(
            router: router ?? makeRouter(process), crossOrigin: nil, limits: limits)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [application], logger: quietLogger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            #expect(await eventually { log.port.withLock { $0 != nil } })
            let port = try #require(log.port.withLock { $0 })
            try await withEnd({ await group.triggerGracefulShutdown() }) { try await test(port, process, group) }
            try await tasks.waitForAll()
        }
    }

    private func head(_ method: String, _ path: String, _ headers: [String] = [], version: String = "1.1") -> String {
        "\(method) \(path) HTTP/\(version)\r\n" + (["Host: test"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private func post(_ headers: [String], body: String = "") -> String {
        head("POST", "/echo", ["Content-Type: application/json"] + headers) + body
    }

    /// The statuses of all answers in their order.
    private func statuses(_ text: String) -> [Int] {
        text.split(separator: "HTTP/1.").compactMap { Int($0.dropFirst(2).prefix(3)) }
    }

    @Test func theCauseOfAnAnswerIsInTheLogOnly() async throws {
        try await withService { port, _, _ in
            let text = try await LoopbackHTTP.talk(port: port, [Array(head("GET", "/failed").utf8)])
            #expect(statuses(text) == [503] && text.hasSuffix(#"{"error":"it failed","code":"failed"}"#))
            let problems = log.problems.withLock { $0 }
            #expect(problems.count == 1 && problems[0].hasPrefix("request refused: "), "\(problems)")
        }
    }

    @Test func aHeadHasNoBody() async throws {
        try await withService { port, _, _ in
            let requests = ["/health", "/nothing", "/echo"].map { head("HEAD", $0) } + [head("GET", "/health")]
            let text = try await LoopbackHTTP.talk(port: port, [Array(requests.joined().utf8)])
            #expect(statuses(text) == [200, 404, 405, 200])
            // What follows each head is the next answer.
            let heads = text.components(separatedBy: "\r\n\r\n")
            #expect(heads.count == 5 && heads[1...3].allSatisfy { $0.hasPrefix("HTTP/1.1 ") }, "\(text)")
            #expect(heads[...2].allSatisfy { $0.contains("Content-Length: ") && !$0.contains("Content-Length: 0") })
            #expect(heads[4].contains(#""status":"ok""#))
        }
    }

    @Test(arguments: [
        (version: "1.0", headers: [String]()), ("1.1", ["Connection: close"]), ("1.1", ["Connection: Close"]),
        ("1.1", ["Connection: close, te"]),
    ])
    func theConnectionEndsAfterTheLastAnswer(version: String, headers: [String]) async throws {
        try await withService { port, _, _ in
            let client = try RawConnection(port: port)
            // The second request comes after the last one, and is none.
            try await client.send(
                head("GET", "/things/1", headers, version: version) + head("GET", "/things/2", version: version))
            let text = try await client.readToEnd()
            #expect(statuses(text) == [200] && text.hasPrefix("HTTP/\(version) "), "\(text)")
            #expect(text.lowercased().contains("\r\nconnection: close\r\n"))
        }
    }

    @Test func http10IsKeptAliveWhenItAsks() async throws {
        try await withService { port, _, _ in
            let client = try RawConnection(port: port)
            try await client.send(head("GET", "/things/1", ["Connection: keep-alive"], version: "1.0"))
            #expect(try await client.read(until: "\r\n\r\n1").lowercased().contains("\r\nconnection: keep-alive\r\n"))
            // Without a length, the end of the connection ends the answer.
            try await client.send(head("GET", "/stream", ["Connection: keep-alive"], version: "1.0"))
            let text = try await client.readToEnd()
            #expect(text.hasSuffix("\r\n\r\none,two") && !text.lowercased().contains("chunked"), "\(text)")
            #expect(text.lowercased().contains("\r\nconnection: close\r\n"))
        }
    }

    @Test func aBodyThatIsExpectedIsAskedFor() async throws {
        try await withService { port, _, _ in
            let client = try RawConnection(port: port)
            try await client.send(post(["Expect: 100-continue", "Content-Length: 14"]))
            #expect(try await client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send(#"{"text":"abc"}"#)
            try await client.read(until: #""abc""#)
            // Who did not wait is not told any more, and the connection goes on.
            try await client.send(post(["Expect: 100-continue", "Content-Length: 14"], body: #"{"text":"def"}"#))
            #expect(try await statuses(client.read(until: #""def""#)) == [100, 200, 200])
        }
    }

    @Test(arguments: [
        (headers: ["Content-Length: 90000", "Content-Type: application/json"], status: 413),
        (["Content-Length: 14", "Content-Type: text/plain"], 415),
    ])
    func aBodyThatIsRefusedByItsHeadIsNotAskedFor(headers: [String], status: Int) async throws {
        try await withService { port, _, _ in
            let client = try RawConnection(port: port)
            try await client.send(head("POST", "/echo", headers + ["Expect: 100-continue"]))
            #expect(try await statuses(client.readToEnd()) == [status])
        }
    }

    @Test(arguments: [
        (
            request:
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "e\r\n{\"text\":\"abc\"}\r\nZZ\r\n", status: 400, code: "malformed_request"
        ),
        ("\u{1}\u{2}\u{3}\r\n\r\n", 400, "malformed_request"), ("GET / HTTP/4.2\r\n\r\n", 400, "malformed_request"),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "malformed_request"),
        (
            "GET /health HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 90_000))\r\n\r\n", 431,
            "head_too_large"
        ),
    ])
    func whatIsNoRequestIsRefused(request: String, status: Int, code: String) async throws {
        try await withService { port, process, _ in
            let client = try RawConnection(port: port)
            // The answer to what came before is not lost.
            try await client.send(head("GET", "/things/1") + request + head("GET", "/things/2"))
            let text = try await client.readToEnd()
            #expect(statuses(text) == [200, status], "\(text)")
            #expect(text.contains(#""code":"\#(code)""#) && text.lowercased().contains("connection: close"))
            #expect(process.http.refusals == [code: 1])
            #expect(log.problems.withLock { $0 } == [])
        }
    }

    @Test(arguments: ["close", "reset", "half-close"]) func whoLeavesInTheMiddleCountsForNothing(how: String)
        async throws
    {
        try await withService { port, process, _ in
            for request in [post(["Content-Length: 300"], body: #"{"text":"abc"}"#), "POST /echo HT"] {
                let client = try RawConnection(port: port)
                try await client.send(request)
                #expect(await eventually { process.connections.open == 1 })
                switch how {
                case "close": client.close()
                case "reset": client.reset()
                default:
                    client.halfClose()
                    #expect(try await !client.readToEnd().contains("200"))
                }
                #expect(await eventually { process.connections.open == 0 })
            }
            #expect(process.http.refusals == [:] && log.problems.withLock { $0 } == [])
            #expect(!process.metrics.exposition().contains(#"status="500""#))
        }
    }

    @Test(arguments: [
        (sent: #"{"#, every: 0), (#"{"text":"#, 0), ("  ", 20),
    ])
    func aBodyThatStallsOrDripsIsRefused(sent: String, every milliseconds: Int) async throws {
        try await withService(limits: Self.hasty) { port, process, _ in
            let client = try RawConnection(port: port)
            try await client.send(post(["Content-Length: 1000"], body: sent))
            while milliseconds > 0, !client.hasEnded, !client.received.contains("408") {
                try? await client.send(" ")
                try await Task.sleep(for: .milliseconds(milliseconds))
                _ = try? await client.read(until: "")
            }
            let text = try await client.readToEnd()
            #expect(statuses(text) == [408] && text.contains(#""code":"request_timeout""#), "\(text)")
            #expect(process.http.refusals == ["request_timeout": 1])
        }
    }

    @Test func aHeadThatStallsAndAConnectionWithoutOneAreClosed() async throws {
        try await withService(limits: Self.hasty) { port, process, _ in
            let stalled = try RawConnection(port: port)
            try await stalled.send("GET /health HTTP/1.1\r\nHo")
            #expect(try await stalled.readToEnd() == "")
            #expect(process.http.refusals == ["request_timeout": 1])
            let idle = try RawConnection(port: port)
            try await idle.send(head("GET", "/things/1"))
            #expect(try await statuses(idle.readToEnd()) == [200])
            #expect(process.http.refusals == ["request_timeout": 1])
        }
    }

    @Test func anAnswerThatNobodyTakesIsGivenUp() async throws {
        try await withService(limits: Self.hasty) { port, process, _ in
            let client = try RawConnection(port: port, receiveBufferBytes: 4_096)
            try await client.send(head("GET", "/large"))
            #expect(await eventually { process.http.refusals == ["answer_timeout": 1] })
            #expect(await eventually { process.connections.open == 0 })
        }
    }

    @Test func connectionsAreBounded() async throws {
        try await withService(["--http-connections-max", "2"]) { port, process, _ in
            let served = [try RawConnection(port: port), try RawConnection(port: port)]
            #expect(await eventually { process.connections.open == 2 })
            var refused: [RawConnection] = []
            for _ in 0..<20 { refused.append(try RawConnection(port: port)) }
            #expect(await eventually { process.http.refusals["too_many_connections"] ?? 0 >= 4 })
            for client in refused {
                try? await client.send(head("GET", "/things/1"))
                let text = try await client.readToEnd()
                #expect(statuses(text) == [503] && text.contains("Retry-After: 1"), "\(text)")
                #expect(text.contains(#""code":"too_many_connections""#))
            }
            #expect(process.http.refusals == ["too_many_connections": 20])
            for client in served {
                try await client.send(head("GET", "/things/1"))
                #expect(try await statuses(client.read(until: "\r\n\r\n1")) == [200])
            }
        }
    }

    @Test(arguments: [
        ("/things/a%3Ab%2e%5F?x=%3A", "a:b._"), ("/thin%67s/a", "a"), ("/things/a%2Fb", "a%2Fb"),
        ("/things/a%3Fb", "a%3Fb"), ("/things/a%00", "a%00"), ("/things/a%", "a%"), ("/things/a%4", "a%4"),
    ])
    func idsInPathsMayBeEncoded(path: String, id: String) async throws {
        try await withService { port, _, _ in
            let answer = try await LoopbackHTTP.get(port: port, path)
            #expect(answer.text == id)
        }
    }

    @Test func aStopLetsTheRequestInProgressEnd() async throws {
        let gate = AsyncStream.makeStream(of: Void.self)
        let router = makeRouter(try makeProcess())
        router.get("slow") { _, _ in
            for await _ in gate.stream {}
            return Response.json(Array("\"done\"".utf8))
        }
        try await withService(router: router) { port, process, group in
            let (busy, idle, half) = (
                try RawConnection(port: port), try RawConnection(port: port), try RawConnection(port: port)
            )
            try await idle.send(head("GET", "/things/1"))
            try await idle.read(until: "\r\n\r\n1")
            try await busy.send(head("GET", "/slow") + head("GET", "/things/2"))
            try await half.send(post(["Content-Length: 14"], body: #"{"text""#))
            #expect(await eventually { process.connections.open == 3 })
            await group.triggerGracefulShutdown()
            #expect(try await statuses(idle.readToEnd()) == [200])
            try await half.send(#":"abc"}"#)
            let rest = try await half.readToEnd()
            #expect(rest.hasSuffix(#""abc""#) && rest.lowercased().contains("connection: close"), "\(rest)")
            gate.continuation.finish()
            let text = try await busy.readToEnd()
            #expect(statuses(text) == [200] && text.hasSuffix("\"done\""), "\(text)")
            #expect(text.lowercased().contains("connection: close"))
        }
    }
}

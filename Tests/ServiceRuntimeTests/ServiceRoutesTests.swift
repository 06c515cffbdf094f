import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Testing

@testable import ServiceRuntime

@Suite struct ServiceRoutesTests {
    private struct Broken: Error, CustomStringConvertible {
        var description: String { "secret inner detail" }
    }

    private struct Tree: Decodable {
        struct Leaf: Decodable { var size: Int }
        var name: String
        var leaves: [String: Leaf]
    }

    private func makeProcess() throws -> ServiceProcess {
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return ServiceProcess(
            name: "Test", server: try TestSettings.read(arguments: ["--instance-id", "t-1"], environment: [:]).server,
            logger: logger, session: "s1")
    }

    private func withService(
        crossOrigin: CrossOriginPolicy? = nil, _ setup: TestingSetup = .router, _ process: ServiceProcess? = nil,
        _ test: @Sendable (any TestClientProtocol, ServiceProcess) async throws -> Void
    ) async throws {
        let process = try process ?? makeProcess()
        let router = process.makeRouter()
        router.post("echo") { request, _ in
            let fields = try await request.jsonFields(code: "invalid_echo")
            let text = try fields.text("text", charactersMax: 5)
            let user = try fields.optionalIdentifier("userid")
            return Response.json(Array("{\"text\":\"\(text)\",\"userid\":\"\(user ?? "-")\"}".utf8))
        }
        router.post("tree") { request, _ in
            Response.json(
                Array("\(try await request.json(Tree.self, code: "invalid_tree", bytesMax: 1_000).leaves.count)".utf8))
        }
        router.get("things/{id}") { request, context in
            let fields = try RequestFields(queryOf: request, code: "invalid_thing")
            return Response.json(Array(try fields.identifier("videoid").utf8))
        }
        router.delete("things/{id}") { _, _ in Response(status: .noContent) }
        router.get("broken") { _, _ -> Response in throw Broken() }
        router.get("away") { _, _ -> Response in throw APIError.unavailable("away", "come back", retryAfterSeconds: 3) }
        let application = process.makeApplication(router: router, crossOrigin: crossOrigin)
        try await application.test(setup) { client in try await test(client, process) }
    }

    private func get(
        _ client: any TestClientProtocol, _ uri: String, _ method: HTTPRequest.Method = .get, origin: Bool = false
    ) async throws -> TestResponse {
        let headers: HTTPFields = origin ? [.origin: "https://example.org"] : [:]
        return try await client.execute(uri: uri, method: method, headers: headers) { $0 }
    }

    private func post(
        _ client: any TestClientProtocol, to path: String = "/echo", _ body: String, type: String? = "application/json"
    ) async throws -> TestResponse {
        var headers: HTTPFields = [:]
        headers[.contentType] = type
        return try await client.execute(uri: path, method: .post, headers: headers, body: ByteBuffer(string: body)) {
            $0
        }
    }

    private func expect(
        _ response: TestResponse, _ status: HTTPResponse.Status, _ body: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(response.status == status, sourceLocation: sourceLocation)
        #expect(String(buffer: response.body) == body, sourceLocation: sourceLocation)
        #expect(response.headers[.contentType] == "application/json", sourceLocation: sourceLocation)
    }

    private func error(_ sentence: String, _ code: String) -> String { #"{"error":"\#(sentence)","code":"\#(code)"}"# }

    @Test func fieldsOfABody() async throws {
        try await withService { client, _ in
            expect(
                try await post(client, #"{"text":"hi","userid":null,"more":[1]}"#), .ok, #"{"text":"hi","userid":"-"}"#)
            for (body, sentence) in [
                ("{}", "text is missing"), (#"{"text":null}"#, "text is missing"),
                (#"{"text":5}"#, "text must be a string"), (#"{"text":""}"#, "text is empty"),
                (#"{"text":"123456"}"#, "text is longer than 5 characters"),
                (#"{"text":"a\u0007"}"#, "text holds a control character"),
            ] {
                expect(try await post(client, body), .badRequest, error(sentence, "invalid_echo"))
            }
            let badUser = try await post(client, #"{"text":"a","userid":"a b"}"#)
            #expect(badUser.status == .badRequest)
            #expect(String(buffer: badUser.body).hasPrefix(#"{"error":"userid must be 1 to 128 characters"#))
        }
    }

    @Test func bodiesThatAreNone() async throws {
        try await withService { client, process in
            expect(try await post(client, "{\"text\":"), .badRequest, error("the body is not JSON", "malformed_json"))
            for type in [nil, "text/plain", "application/x-www-form-urlencoded"] {
                expect(
                    try await post(client, "{}", type: type), .unsupportedMediaType,
                    error("the content type must be application/json", "unsupported_media_type"))
            }
            expect(
                try await post(client, #"{"text":"a"}"#, type: "application/json; charset=utf-8"), .ok,
                #"{"text":"a","userid":"-"}"#)
            #expect(process.http.refusals == ["malformed_json": 1, "unsupported_media_type": 3])
        }
    }

    @Test(arguments: [TestingSetup.router, .live]) func bodiesThatAreTooLarge(setup: TestingSetup) async throws {
        try await withService(setup) { client, process in
            let padding = String(repeating: " ", count: Request.jsonBytesMax - 12)
            expect(try await post(client, padding + #"{"text":"a"}"#), .ok, #"{"text":"a","userid":"-"}"#)
            expect(
                try await post(client, padding + #"{"text":"ab"}"#), .contentTooLarge,
                error("the body is larger than 65536 bytes", "body_too_large"))
            #expect(process.http.refusals == ["body_too_large": 1])
        }
    }

    @Test func hugeBodiesCloseTheConnection() async throws {
        try await withService { client, _ in
            let response = try await post(client, String(repeating: " ", count: 3 << 20))
            #expect(response.status == .contentTooLarge && response.headers[.connection] == "close")
        }
    }

    @Test func structuresNameTheField() async throws {
        try await withService { client, _ in
            expect(try await post(client, to: "/tree", #"{"name":"a","leaves":{"x":{"size":1}}}"#), .ok, "1")
            for (body, sentence, code) in [
                (#"{"leaves":{}}"#, "name is missing", "invalid_tree"),
                (#"{"name":1,"leaves":{}}"#, "name is of the wrong type", "invalid_tree"),
                (
                    #"{"name":"a","leaves":{"<script>":{"size":"x"}}}"#, "something in leaves is of the wrong type",
                    "invalid_tree"
                ), ("[1", "the body is not JSON", "malformed_json"),
            ] {
                expect(try await post(client, to: "/tree", body), .badRequest, error(sentence, code))
            }
            let long = try await post(client, to: "/tree", String(repeating: " ", count: 1_001))
            #expect(long.status == .contentTooLarge)
        }
    }

    @Test func pathsAndMethods() async throws {
        try await withService { client, process in
            for path in ["/nothing", "/"] {
                expect(try await get(client, path), .notFound, error("there is no such path", "not_found"))
            }
            let wrong = try await get(client, "/echo")
            expect(wrong, .methodNotAllowed, error("this path knows other methods", "method_not_allowed"))
            #expect(wrong.headers[.allow] == "POST")
            #expect(try await get(client, "/things/7", .put).headers[.allow] == "DELETE, GET")
            #expect(process.http.refusals == ["not_found": 2, "method_not_allowed": 2])
        }
    }

    @Test func fieldsOfAQuery() async throws {
        try await withService { client, _ in
            expect(try await get(client, "/things/1?videoid=a%2Eb"), .ok, "a.b")
            for query in [
                "", "?videoid=", "?videoid=%00", "?videoid=a%20b", "?videoid=%FF", "?videoid=a&videoid=b", "?videoid",
            ] {
                let response = try await get(client, "/things/1" + query)
                #expect(response.status == .badRequest, "\(query)")
                #expect(String(buffer: response.body).contains("invalid_thing"))
            }
        }
    }

    @Test func faultsTellNothing() async throws {
        try await withService { client, _ in
            expect(
                try await get(client, "/broken"), .internalServerError,
                error("the service failed to handle this request", "internal_error"))
            let away = try await get(client, "/away")
            expect(away, .serviceUnavailable, error("come back", "away"))
            #expect(away.headers[.retryAfter] == "3")
        }
    }

    @Test func health() async throws {
        let process = try makeProcess()
        let isAway = GaugeCell()
        process.readiness.require("redis") { isAway.value > 0 ? "Redis is away" : nil }
        process.readiness.note("postgres") { "not configured" }
        try await withService(.router, process) { client, _ in
            let live = try await get(client, "/health")
            #expect(live.status == .ok)
            #expect(
                String(buffer: live.body).hasPrefix(
                    #"{"instanceId":"t-1","service":"Test","session":"s1","status":"ok","uptimeSeconds":"#))
            expect(
                try await get(client, "/health/ready"), .ok,
                #"{"notes":{"postgres":"not configured"},"reasons":{},"status":"ready"}"#)
            isAway.set(1.0)
            let notReady = try await get(client, "/health/ready")
            expect(
                notReady, .serviceUnavailable,
                #"{"notes":{"postgres":"not configured"},"reasons":{"redis":"Redis is away"},"status":"unavailable"}"#)
            #expect(notReady.headers[.retryAfter] == "1")
            #expect(try await get(client, "/health", .head).status == .ok)
        }
    }

    @Test func metricsCountByTemplate() async throws {
        try await withService { client, _ in
            for id in 0..<3 { _ = try await get(client, "/things/\(id)?videoid=v") }
            _ = try await get(client, "/random/\(Int.random(in: 0..<9))")
            _ = try await get(client, "/echo", #require(HTTPRequest.Method("BREW")))
            let metrics = try await get(client, "/metrics")
            #expect(metrics.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            let lines = String(buffer: metrics.body).split(separator: "\n").map(String.init)
            for line in [
                #"requests_total{route="/things/{id}",method="GET",status="200"} 3"#,
                #"requests_total{route="none",method="GET",status="404"} 1"#,
                #"requests_total{route="none",method="other",status="405"} 1"#, #"refusals_total{code="not_found"} 1"#,
                #"request_duration_seconds_count{route="/things/{id}",method="GET"} 3"#,
            ] {
                #expect(lines.contains("chorus_http_" + line))
            }
        }
    }

    @Test func browsersOfOtherOrigins() async throws {
        try await withService(crossOrigin: CrossOriginPolicy()) { client, _ in
            let preflight = try await get(client, "/echo", .options, origin: true)
            #expect(preflight.status == .noContent && preflight.headers[.accessControlAllowOrigin] == "*")
            #expect(preflight.headers[.accessControlAllowMethods] == "POST, OPTIONS")
            let known = "authorization, cache-control, content-type, idempotency-key, last-event-id, x-requested-with"
            #expect(preflight.headers[.accessControlAllowHeaders] == known)
            // Whatever else a page's library sends; nothing here is protected by cookies.
            let asking: HTTPFields = [
                .origin: "https://example.org", .accessControlRequestHeaders: "traceparent,Cache-Control, b\u{FFFD}d",
            ]
            let more = try await client.execute(uri: "/echo", method: .options, headers: asking) { $0.headers }
            #expect(more[.accessControlAllowHeaders] == known + ", traceparent")
            let refused = try await get(client, "/echo", .post, origin: true)
            #expect(refused.status == .unsupportedMediaType && refused.headers[.accessControlAllowOrigin] == "*")
            #expect(try await get(client, "/health").headers[.accessControlAllowOrigin] == nil)
        }
        try await withService { client, _ in
            let preflight = try await get(client, "/echo", .options, origin: true)
            #expect(preflight.status == .methodNotAllowed)
        }
    }

    @Test func connectionsSurviveRefusals() async throws {
        try await withService(.live) { client, _ in
            for _ in 0..<3 {
                let malformed = try await post(client, "{")
                let form = try await post(client, "{}", type: "text/plain")
                let fine = try await post(client, #"{"text":"a"}"#)
                #expect([malformed, form, fine].map(\.status) == [.badRequest, .unsupportedMediaType, .ok])
            }
        }
    }
}

struct TestSettings: ServiceSettings {
    var server: ServerSettings

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 0)
    }
}

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

    @Test func fieldsOfABody() async throws {
        try await withService { client, _ in
            expect(
                try await post(client, #"{"text":"hi","userid":null,"more":[1]}"#), .ok, #"{"text":"hi","userid":"-"}"#)
            expect(
                try await post(client, "{}"), .badRequest, #"{"error":"text is missing","code":"invalid_echo"}"#)
            expect(
                try await post(client, #"{"text":null}"#), .badRequest,
                #"{"error":"text is missing","code":"invalid_echo"}"#)
            expect(
                try await post(client, #"{"text":5}"#), .badRequest,
                #"{"error":"text must be a string","code":"invalid_echo"}"#)
            expect(
                try await post(client, #"{"text":""}"#), .badRequest,
                #"{"error":"text is empty","code":"invalid_echo"}"#)
            expect(
                try await post(client, #"{"text":"123456"}"#), .badRequest,
                #"{"error":"text is longer than 5 characters","code":"invalid_echo"}"#)
            expect(
                try await post(client, #"{"text":"a\u0007"}"#), .badRequest,
                #"{"error":"text holds a control character","code":"invalid_echo"}"#)
            let badUser = try await post(client, #"{"text":"a","userid":"a b"}"#)
            #expect(badUser.status == .badRequest)
            #expect(String(buffer: badUser.body).hasPrefix(#"{"error":"userid must be 1 to 128 characters"#))
        }
    }

    @Test func bodiesThatAreNone() async throws {
        try await withService { client, process in
            expect(
                try await post(client, "{\"text\":"), .badRequest,
                #"{"error":"the body is not JSON","code":"malformed_json"}"#)
            for type in [nil, "text/plain", "application/x-www-form-urlencoded"] {
                expect(
                    try await post(client, "{}", type: type), .unsupportedMediaType,
                    #"{"error":"the content type must be application/json","code":"unsupported_media_type"}"#)
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
                #"{"error":"the body is larger than 65536 bytes","code":"body_too_large"}"#)
            #expect(process.http.refusals == ["body_too_large": 1])
        }
    }

    @Test func hugeBodiesCloseTheConnection() async throws {
        try await withService { client, _ in
            let response = try await post(client, String(repeating: " ", count: 3 << 20))
            #expect(response.status == .contentTooLarge)
            #expect(response.headers[.connection] == "close")
        }
    }

    @Test func structuresNameTheField() async throws {
        try await withService { client, _ in
            expect(try await post(client, to: "/tree", #"{"name":"a","leaves":{"x":{"size":1}}}"#), .ok, "1")
            expect(
                try await post(client, to: "/tree", #"{"leaves":{}}"#), .badRequest,
                #"{"error":"name is missing","code":"invalid_tree"}"#)
            expect(
                try await post(client, to: "/tree", #"{"name":1,"leaves":{}}"#), .badRequest,
                #"{"error":"name is of the wrong type","code":"invalid_tree"}"#)
            expect(
                try await post(client, to: "/tree", #"{"name":"a","leaves":{"<script>":{"size":"x"}}}"#), .badRequest,
                #"{"error":"something in leaves is of the wrong type","code":"invalid_tree"}"#)
            expect(
                try await post(client, to: "/tree", "[1"), .badRequest,
                #"{"error":"the body is not JSON","code":"malformed_json"}"#)
            let long = try await post(client, to: "/tree", String(repeating: " ", count: 1_001))
            #expect(long.status == .contentTooLarge)
        }
    }

    @Test func pathsAndMethods() async throws {
        try await withService { client, process in
            expect(
                try await client.execute(uri: "/nothing", method: .get) { $0 }, .notFound,
                #"{"error":"there is no such path","code":"not_found"}"#)
            expect(
                try await client.execute(uri: "/", method: .get) { $0 }, .notFound,
                #"{"error":"there is no such path","code":"not_found"}"#)
            let wrong = try await client.execute(uri: "/echo", method: .get) { $0 }
            expect(wrong, .methodNotAllowed, #"{"error":"this path knows other methods","code":"method_not_allowed"}"#)
            #expect(wrong.headers[.allow] == "POST")
            let wrongThing = try await client.execute(uri: "/things/7", method: .put) { $0 }
            #expect(wrongThing.headers[.allow] == "DELETE, GET")
            #expect(process.http.refusals == ["not_found": 2, "method_not_allowed": 2])
        }
    }

    @Test func fieldsOfAQuery() async throws {
        try await withService { client, _ in
            expect(try await client.execute(uri: "/things/1?videoid=a%2Eb", method: .get) { $0 }, .ok, "a.b")
            for query in [
                "", "?videoid=", "?videoid=%00", "?videoid=a%20b", "?videoid=%FF", "?videoid=a&videoid=b", "?videoid",
            ] {
                let response = try await client.execute(uri: "/things/1" + query, method: .get) { $0 }
                #expect(response.status == .badRequest, "\(query)")
                #expect(String(buffer: response.body).contains("invalid_thing"))
            }
        }
    }

    @Test func faultsTellNothing() async throws {
        try await withService { client, _ in
            expect(
                try await client.execute(uri: "/broken", method: .get) { $0 }, .internalServerError,
                #"{"error":"the service failed to handle this request","code":"internal_error"}"#)
            let away = try await client.execute(uri: "/away", method: .get) { $0 }
            expect(away, .serviceUnavailable, #"{"error":"come back","code":"away"}"#)
            #expect(away.headers[.retryAfter] == "3")
        }
    }

    @Test func health() async throws {
        let process = try makeProcess()
        let isAway = GaugeCell()
        process.readiness.require("redis") { isAway.value > 0 ? "Redis is away" : nil }
        process.readiness.note("postgres") { "not configured" }
        try await withService(.router, process) { client, _ in
            let live = try await client.execute(uri: "/health", method: .get) { $0 }
            #expect(live.status == .ok)
            #expect(
                String(buffer: live.body).hasPrefix(
                    #"{"instanceId":"t-1","service":"Test","session":"s1","status":"ok","uptimeSeconds":"#))
            expect(
                try await client.execute(uri: "/health/ready", method: .get) { $0 }, .ok,
                #"{"notes":{"postgres":"not configured"},"reasons":{},"status":"ready"}"#)
            isAway.set(1.0)
            let notReady = try await client.execute(uri: "/health/ready", method: .get) { $0 }
            expect(
                notReady, .serviceUnavailable,
                #"{"notes":{"postgres":"not configured"},"reasons":{"redis":"Redis is away"},"status":"unavailable"}"#)
            #expect(notReady.headers[.retryAfter] == "1")
            let stillLive = try await client.execute(uri: "/health", method: .head) { $0 }
            #expect(stillLive.status == .ok)
        }
    }

    @Test func metricsCountByTemplate() async throws {
        try await withService { client, _ in
            for id in 0..<3 { _ = try await client.execute(uri: "/things/\(id)?videoid=v", method: .get) { $0 } }
            _ = try await client.execute(uri: "/random/\(Int.random(in: 0..<9))", method: .get) { $0 }
            _ = try await client.execute(uri: "/echo", method: HTTPRequest.Method("BREW")!) { $0 }
            let metrics = try await client.execute(uri: "/metrics", method: .get) { $0 }
            #expect(metrics.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            let lines = String(buffer: metrics.body).split(separator: "\n").map(String.init)
            #expect(lines.contains(#"chorus_http_requests_total{route="/things/{id}",method="GET",status="200"} 3"#))
            #expect(lines.contains(#"chorus_http_requests_total{route="none",method="GET",status="404"} 1"#))
            #expect(lines.contains(#"chorus_http_requests_total{route="none",method="other",status="405"} 1"#))
            #expect(lines.contains(#"chorus_http_refusals_total{code="not_found"} 1"#))
            #expect(lines.contains(#"chorus_http_request_duration_seconds_count{route="/things/{id}",method="GET"} 3"#))
        }
    }

    @Test func browsersOfOtherOrigins() async throws {
        let origin: HTTPFields = [.origin: "https://example.org"]
        try await withService(crossOrigin: CrossOriginPolicy()) { client, _ in
            let preflight = try await client.execute(uri: "/echo", method: .options, headers: origin) { $0 }
            #expect(preflight.status == .noContent)
            #expect(preflight.headers[.accessControlAllowOrigin] == "*")
            #expect(preflight.headers[.accessControlAllowMethods] == "POST, OPTIONS")
            #expect(preflight.headers[.accessControlAllowHeaders] == "content-type, last-event-id")
            let refused = try await client.execute(uri: "/echo", method: .post, headers: origin) { $0 }
            #expect(refused.status == .unsupportedMediaType)
            #expect(refused.headers[.accessControlAllowOrigin] == "*")
            let plain = try await client.execute(uri: "/health", method: .get) { $0 }
            #expect(plain.headers[.accessControlAllowOrigin] == nil)
        }
        try await withService { client, _ in
            let preflight = try await client.execute(uri: "/echo", method: .options, headers: origin) { $0 }
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

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Identity
import Logging
import NIOCore
import Primitives
import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import ServiceRuntime

private let tokens = TestTokens()

private struct AccessTestSettings: ServiceSettings {
    var server: ServerSettings
    init(from reader: inout SettingsReader) { server = ServerSettings(from: &reader, port: 0) }
}

@Suite(.serialized) struct AccessTests {
    private func withService(
        _ environment: [String: String] = [:], redis: RedisClient? = nil,
        _ body: @escaping @Sendable (any TestClientProtocol, ServiceProcess) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/keys.json"
            try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
            let common = ["AUTH": "optional", "AUTH_KEYS_FILE": path, "INSTANCE_ID": "t"]
            let settings = try AccessTestSettings.read(environment: common.merging(environment) { $1 })
            let process = ServiceProcess(name: "Test", server: settings.server, logger: quietLogger)
            if let redis { process.access.use(RateLimiter(redis: redis, factory: process.metrics)) }
            let router = process.makeRouter()
            router.post("write") { request, context in
                let fields = try RequestFields(queryOf: request, code: "invalid")
                let channel = try #require(Channel.video("v"))
                let user = try context.writer(to: channel, fields)
                try await context.limit(.comments, request, channel: channel)
                return Response.json(Array(user.utf8))
            }
            router.get("read") { request, context in
                try await context.limit(.reads, request)
                return Response.json(Array((context.address(of: request)?.limitKey ?? "none").utf8))
            }
            router.put("slow") { request, context in
                let seconds = Int(request.uri.queryParameters["seconds"] ?? "0") ?? 0
                try await context.setSlowMode(
                    of: try #require(Channel.video("v")), seconds: seconds == 0 ? nil : seconds)
                return Response(status: .ok)
            }
            let application = process.makeApplication(router: router, crossOrigin: CrossOriginPolicy())
            try await application.test(.router) { try await body($0, process) }
        }
    }

    private func send(
        _ client: any TestClientProtocol, _ method: HTTPRequest.Method, _ uri: String, token: String? = nil,
        cookie: String? = nil, _ headers: [(String, String)] = []
    ) async throws -> TestResponse {
        var fields = HTTPFields()
        if let token { fields[.authorization] = "Bearer \(token)" }
        if let cookie { fields[.cookie] = "chorus_session=\(cookie)" }
        for (name, value) in headers {
            fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
        }
        return try await client.execute(uri: uri, method: method, headers: fields) { $0 }
    }

    private func withLimiter(
        _ limits: String, _ more: [String: String] = [:],
        _ body: @escaping @Sendable (any TestClientProtocol, ServiceProcess, RedisClient) async throws -> Void
    ) async throws {
        try await withRedis { server in
            let redis = RedisClient(endpoint: try RedisEndpoint(parsing: server.url), logger: quietLogger)
            try await withBackground({ try await redis.run() }) {
                try #require(await eventually { redis.isConnected })
                try await withService(["LIMITS": limits].merging(more) { $1 }, redis: redis) { client, process in
                    try await body(client, process, redis)
                }
            }
        }
    }

    // MARK: Limits

    @Test func aBurstThenTheRate() async throws {
        // Five at once, then one every two seconds.
        try await withLimiter("comments:user=5/10 comments:address=off comments:channel=off") {
            client, process, _ in
            let (anna, bert) = (try tokens.token(of: "anna"), try tokens.token(of: "bert"))
            for number in 0..<8 {
                let answer = try await send(client, .post, "/write", token: anna)
                #expect(answer.status.code == (number < 5 ? 200 : 429), "\(number)")
                guard number == 5 else { continue }
                #expect(String(buffer: answer.body).contains(#""code":"rate_limited""#))
                #expect(answer.headers[.retryAfter] == "2")
                #expect(answer.headers[try #require(HTTPField.Name("RateLimit-Policy"))] == #""user";q=5;w=10"#)
                #expect(answer.headers[try #require(HTTPField.Name("RateLimit"))] == #""user";r=0;t=2"#)
            }
            #expect(try await send(client, .post, "/write", token: bert).status == .ok)
            try await Task.sleep(for: .milliseconds(2_050))
            #expect(try await send(client, .post, "/write", token: anna).status == .ok)
            #expect(try await send(client, .post, "/write", token: anna).status == .tooManyRequests)
            let metrics = process.metrics.exposition()
            #expect(
                metrics.contains(#"chorus_limit_refusals_total{reason="user",route="comments"} 4"#)
                    || metrics.contains(#"chorus_limit_refusals_total{route="comments",reason="user"} 4"#), "\(metrics)"
            )
        }
    }

    @Test func byAddressBehindProxies() async throws {
        try await withLimiter("reads:address=2/60", ["TRUSTED_PROXIES": "10.0.0.0/8"]) { client, process, _ in
            // In this test the other end has no address, so that nobody is behind anything.
            #expect(
                String(buffer: try await send(client, .get, "/read", [("X-Forwarded-For", "1.2.3.4")]).body) == "none")
            let access = process.access
            let proxy = try #require(IPAddress("10.0.0.1"))
            for (peer, fields, expected) in [
                ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"), ("10.0.0.1", ["9.9.9.9, 1.2.3.4, 10.0.0.7"], "1.2.3.4"),
                ("10.0.0.1", ["9.9.9.9", "1.2.3.4"], "1.2.3.4"), ("10.0.0.1", ["nonsense"], "10.0.0.1"),
                ("10.0.0.1", ["1.2.3.4, nonsense"], "10.0.0.1"), ("10.0.0.1", [], "10.0.0.1"),
                ("10.0.0.1", ["2001:db8::1:2"], "2001:db8:0:0::"), ("8.8.8.8", ["1.2.3.4"], "8.8.8.8"),
                ("10.0.0.1", ["10.0.0.5"], "10.0.0.5"), ("10.0.0.1", [""], "10.0.0.1"),
            ] as [(String, [String], String)] {
                let client = access.client(IPAddress(peer), forwarded: fields)
                #expect(client?.limitKey == expected, "\(peer) \(fields)")
            }
            #expect(access.client(nil, forwarded: ["1.2.3.4"]) == nil && proxy.limitKey == "10.0.0.1")
        }
    }

    @Test func severalLimitsAtOnceAndTheChannels() async throws {
        try await withLimiter("comments:user=100/1 comments:address=off comments:channel=3/60") { client, process, _ in
            for number in 0..<6 {
                let token = try tokens.token(of: "user\(number)")
                let answer = try await send(client, .post, "/write", token: token)
                #expect(answer.status.code == (number < 3 ? 200 : 429))
                if number == 3 { #expect(String(buffer: answer.body).contains("by channel")) }
            }
        }
    }

    @Test func slowMode() async throws {
        try await withLimiter("comments:user=100/1 comments:address=off comments:channel=off") { client, _, redis in
            let anna = try tokens.token(of: "anna")
            let moderator = try tokens.token(of: "mod", #","role":"moderator""#)
            for _ in 0..<3 { #expect(try await send(client, .post, "/write", token: anna).status == .ok) }
            #expect(try await send(client, .put, "/slow?seconds=60").status == .ok)
            #expect(try await send(client, .post, "/write", token: anna).status == .ok)
            let refused = try await send(client, .post, "/write", token: anna)
            #expect(refused.status == .tooManyRequests && String(buffer: refused.body).contains(#""code":"slow_mode""#))
            #expect(["59", "60"].contains(refused.headers[.retryAfter] ?? ""))
            // Others wait for themselves only, and moderators do not.
            #expect(try await send(client, .post, "/write", token: try tokens.token(of: "bert")).status == .ok)
            for _ in 0..<3 { #expect(try await send(client, .post, "/write", token: moderator).status == .ok) }
            #expect(try await send(client, .put, "/slow?seconds=0").status == .ok)
            for _ in 0..<3 { #expect(try await send(client, .post, "/write", token: anna).status == .ok) }
        }
    }

    @Test func limitsAreRedissAndForgottenInTime() async throws {
        try await withLimiter("comments:user=2/1 comments:address=off comments:channel=off") { client, _, redis in
            let anna = try tokens.token(of: "anna")
            _ = try await send(client, .post, "/write", token: anna)
            let key = "limit:{comments:user:anna}"
            let left = try await redis.send(RedisCommand("PTTL", key)).integer ?? 0
            #expect((1...500).contains(left), "\(left)")
            #expect(await eventually { try await redis.send(RedisCommand("EXISTS", key)).integer == 0 })
        }
    }

    @Test func withoutRedisWritesAreRefusedAndReadsPass() async throws {
        try await withService { client, _ in
            let answer = try await send(client, .post, "/write", token: try tokens.token(of: "anna"))
            #expect(answer.status == .serviceUnavailable && String(buffer: answer.body).contains("limits_unavailable"))
            #expect(answer.headers[.retryAfter] != nil)
            #expect(try await send(client, .get, "/read").status == .ok)
        }
        let nobody = RedisClient(endpoint: RedisEndpoint(host: "127.0.0.1", port: 1), logger: quietLogger)
        try await withService([:], redis: nobody) { client, _ async throws in
            #expect(
                try await send(client, .post, "/write", token: try tokens.token(of: "anna")).status
                    == .serviceUnavailable)
            #expect(try await send(client, .get, "/read").status == .ok)
        }
        // With AUTH=off nothing is counted.
        try await withService(["AUTH": "off"]) { client, _ async throws in
            #expect(try await send(client, .post, "/write?userid=u").status == .ok)
        }
    }

    // MARK: Origins

    @Test func aCookieWritesFromItsOwnOriginOnly() async throws {
        try await withService(["LIMITS": "off", "ALLOWED_ORIGINS": "https://app.example https://other.example:8443"]) {
            client, _ in
            let anna = try tokens.token(of: "anna")
            for (headers, isAllowed) in [
                ([], false), ([("Sec-Fetch-Site", "same-origin")], true), ([("Sec-Fetch-Site", "same-site")], false),
                ([("Sec-Fetch-Site", "cross-site")], false), ([("Sec-Fetch-Site", "none")], false),
                ([("Origin", "https://app.example")], true), ([("Origin", "https://app.example.evil.org")], false),
                ([("Origin", "https://other.example")], false), ([("Origin", "https://other.example:8443")], true),
                ([("Origin", "null")], false), ([("Origin", "http://app.example")], false),
                ([("Origin", "https://evil.org"), ("Referer", "https://app.example/")], false),
            ] as [([(String, String)], Bool)] {
                let answer = try await send(client, .post, "/write", cookie: anna, headers)
                #expect(answer.status.code == (isAllowed ? 200 : 403), "\(headers)")
                if !isAllowed { #expect(String(buffer: answer.body).contains("cross_origin")) }
                // A token in a header is sent by whoever has it, never by a browser on its own.
                #expect(try await send(client, .post, "/write", token: anna, headers).status == .ok)
                #expect(try await send(client, .get, "/read", cookie: anna, headers).status == .ok)
            }
        }
    }

    @Test func originsThatMayRead() async throws {
        try await withService(["ALLOWED_ORIGINS": "https://app.example"]) { client, _ in
            let mine = try await send(client, .get, "/read", [("Origin", "https://app.example")])
            #expect(mine.headers[.accessControlAllowOrigin] == "https://app.example")
            #expect(mine.headers[.accessControlAllowCredentials] == "true" && mine.headers[.vary] == "origin")
            for origin in ["https://evil.org", "null", "https://app.example:444", "HTTPS://APP.EXAMPLE"] {
                let other = try await send(client, .get, "/read", [("Origin", origin)])
                #expect(other.headers[.accessControlAllowOrigin] == nil && other.headers[.vary] == "origin")
                let preflight = try await send(
                    client, .options, "/write", [("Origin", origin), ("Access-Control-Request-Method", "POST")])
                #expect(preflight.headers[.accessControlAllowOrigin] == nil)
                #expect(preflight.headers[.accessControlAllowMethods] == nil)
            }
            let preflight = try await send(client, .options, "/write", [("Origin", "https://app.example")])
            #expect(preflight.status == .noContent && preflight.headers[.accessControlAllowMethods] != nil)
        }
        try await withService { client, _ in
            let answer = try await send(client, .get, "/read", [("Origin", "https://app.example")])
            #expect(answer.headers[.accessControlAllowOrigin] == nil)
        }
    }

    // MARK: Settings

    @Test(
        arguments: [
            (["AUTH": "required"], "AUTH_KEYS_FILE"), (["AUTH": "maybe"], "AUTH"), (["LIMITS": "comments"], "LIMITS"),
            (["ALLOWED_ORIGINS": "https://a.example/"], "ALLOWED_ORIGINS"),
            (["ALLOWED_ORIGINS": "*"], "ALLOWED_ORIGINS"),
            (["ALLOWED_ORIGINS": "a.example"], "ALLOWED_ORIGINS"),
            (["ALLOWED_ORIGINS": "https://A.example"], "ALLOWED_ORIGINS"),
            (["TRUSTED_PROXIES": "localhost"], "TRUSTED_PROXIES"), (["METRICS_ALLOW": "10.0.0.0/33"], "METRICS_ALLOW"),
            (["SERVICE_TOKEN": "short"], "SERVICE_TOKEN"),
        ] as [([String: String], String)])
    func unusable(environment: [String: String], key: String) {
        #expect {
            _ = try AccessTestSettings.read(environment: environment)
        } throws: { error in
            (error as? ConfigurationError)?.problems.map(\.key) == [key]
        }
    }

    @Test func keysThatCannotBeReadAtTheStart() async throws {
        let settings = try AccessTestSettings.read(environment: [
            "AUTH": "required", "AUTH_KEYS_FILE": "/nowhere/keys.json",
        ])
        let process = ServiceProcess(name: "Test", server: settings.server, logger: quietLogger)
        await #expect(throws: ConfigurationError.self) { try await process.access.load() }
    }

    @Test func keysThatBecomeUnreadableAreANote() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/keys.json"
            try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
            let settings = try AccessTestSettings.read(environment: ["AUTH": "required", "AUTH_KEYS_FILE": path])
            let process = ServiceProcess(name: "Test", server: settings.server, logger: quietLogger)
            try await process.access.load()
            try Data("no keys".utf8).write(to: URL(fileURLWithPath: path))
            let token = try tokens.token(of: "anna")
            try await Task.sleep(for: .milliseconds(1_100))
            #expect(try await process.access.authenticator.subject(of: token).id == "anna")
            #expect(process.readiness.status().notes["keys"]?.contains("the keys before stay") == true)
            #expect(process.readiness.isReady)
        }
    }
}

import CoreMetrics
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
    /// - Parameter isLive: with a port of its own, so that requests have addresses.
    private func withService(
        _ environment: [String: String] = [:], redis: RedisClient? = nil, isLive: Bool = false,
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
            router.delete("other") { _, context in
                try context.require(.remove(commentOf: "other"))
                return Response(status: .ok)
            }
            let application = process.makeApplication(router: router, crossOrigin: CrossOriginPolicy())
            try await application.test(isLive ? .live : .router) { try await body($0, process) }
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
        _ limits: String, _ more: [String: String] = [:], isLive: Bool = false,
        _ body: @escaping @Sendable (any TestClientProtocol, ServiceProcess, RedisClient) async throws -> Void
    ) async throws {
        try await withRedis { server in
            let redis = RedisClient(endpoint: try RedisEndpoint(parsing: server.url), logger: quietLogger)
            try await withBackground({ try await redis.run() }) {
                try #require(await eventually { redis.isConnected })
                try await withService(["LIMITS": limits].merging(more) { $1 }, redis: redis, isLive: isLive) {
                    client, process in
                    try await body(client, process, redis)
                }
            }
        }
    }

    // MARK: Limits

    private func refusals(_ process: ServiceProcess, _ route: String, _ reason: String) -> Int {
        let name = #"chorus_limit_refusals_total{route="\#(route)",reason="\#(reason)"} "#
        let line = process.metrics.exposition().split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.dropFirst(name.count)) } ?? 0
    }

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
            #expect(refusals(process, "comments", "user") == 4)
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

    /// Anna's refused requests take nothing of what the channel lets through.
    @Test func aRefusedRequestIsCountedByNoLimit() async throws {
        try await withLimiter("comments:user=1/60 comments:address=off comments:channel=3/600") { client, process, _ in
            let anna = try tokens.token(of: "anna")
            for number in 0..<20 {
                #expect(try await send(client, .post, "/write", token: anna).status.code == (number < 1 ? 200 : 429))
            }
            for (name, status) in [("bert", 200), ("carl", 200), ("dora", 429)] {
                let answer = try await send(client, .post, "/write", token: try tokens.token(of: name))
                #expect(answer.status.code == status, "\(name)")
            }
            #expect(refusals(process, "comments", "user") == 19 && refusals(process, "comments", "channel") == 1)
            // Both refuse: what is said is the longer time.
            let both = try await send(client, .post, "/write", token: anna)
            #expect(String(buffer: both.body).contains("by channel"))
        }
    }

    private func calls(_ redis: RedisClient) async throws -> Int {
        let text = try await redis.send(RedisCommand("INFO", "commandstats")).text ?? ""
        return text.split(separator: "\r\n").reduce(0) { sum, line in
            guard line.hasPrefix("cmdstat_eval") else { return sum }
            return sum + (Int(line.split(separator: "calls=").dropFirst().first?.prefix { $0 != "," } ?? "") ?? 0)
        }
    }

    @Test func aFloodOfRefusedRequestsDoesNotReachRedis() async throws {
        try await withLimiter("comments:user=1/600 comments:address=off comments:channel=off") { client, _, redis in
            let anna = try tokens.token(of: "anna")
            for _ in 0..<2 { _ = try await send(client, .post, "/write", token: anna) }
            let (before, start) = (try await calls(redis), ContinuousClock.now)
            #expect(before >= 2)
            for _ in 0..<500 {
                #expect(try await send(client, .post, "/write", token: anna).status == .tooManyRequests)
            }
            // One a second, since somebody may have changed what Redis knows.
            let seconds = Int((ContinuousClock.now - start).components.seconds)
            #expect(try await calls(redis) - before <= seconds + 1)
            _ = try await redis.send(RedisCommand("DEL", "limit:{comments:user:anna}"))
            #expect(
                await eventually(within: 3) { try await send(client, .post, "/write", token: anna).status == .ok })
        }
    }

    /// A limit lets a request through when it said that it would, and not before; to the millisecond, below the whole
    /// seconds of the answer.
    @Test func theTimeToWaitIsExact() async throws {
        try await withLimiter("off") { _, process, redis in
            let limiter = RateLimiter(redis: redis, factory: process.metrics)
            let check = RateLimiter.Check(route: .likes, reason: "user", key: "limit:{x}", rate: Rate(4, per: 2))
            func wait() async -> Int? {
                guard case .refused(_, _, let microseconds) = await limiter.check([check]) else { return nil }
                return microseconds
            }
            for _ in 0..<4 { #expect(await wait() == nil) }
            let first = try #require(await wait())
            #expect((300_000...500_000).contains(first), "\(first)")
            try await Task.sleep(for: .microseconds(first - 100_000))
            let rest = try #require(await wait(), "let through too early")
            #expect(rest <= 100_000)
            // A second process, which remembers nothing, is told the same.
            let other = RateLimiter(redis: redis, factory: process.metrics)
            guard case .refused(_, _, let asked) = await other.check([check]) else {
                Issue.record("Redis lets through what this process refuses")
                return
            }
            #expect(abs(asked - rest) < 50_000)
            try await Task.sleep(for: .microseconds(asked))
            #expect(await wait() == nil, "refused for longer than was said")
            // One every half second from here on, and not five after a rest.
            #expect(await wait() != nil)
        }
    }

    /// Limits of one request on several nodes of a cluster: whoever one of them refuses takes nothing from the others.
    @Test func limitsOnSeveralNodesAreOne() async throws {
        try await withTestbed { testbed in
            let cluster = try await testbed.startRedisCluster()
            let redis = RedisClient(endpoint: try RedisEndpoint(parsing: cluster.url), logger: quietLogger)
            try await withBackground({ try await redis.run() }) {
                try #require(await eventually { redis.server(of: "k") != nil && redis.isConnected })
                let limiter = RateLimiter(redis: redis, factory: NOOPMetricsHandler.instance)
                let keys = (0..<50).map { "limit:{u\($0)}" }
                let shared = RateLimiter.Check(
                    route: .comments, reason: "channel", key: "limit:{c}", rate: Rate(3, per: 600))
                let others = keys.filter { redis.server(of: $0) != redis.server(of: shared.key) }
                let (anna, bert) = (try #require(others.first), try #require(others.last))
                func check(_ user: String, _ checks: RateLimiter.Check...) async -> String {
                    let own = RateLimiter.Check(route: .comments, reason: "user", key: user, rate: Rate(2, per: 600))
                    switch await limiter.check([own] + checks) {
                    case .allowed: return "allowed"
                    case .refused(let reason, _, _): return reason
                    case .unknown: return "unknown"
                    }
                }
                try #require(anna != bert)
                for _ in 0..<2 { #expect(await check(anna, shared) == "allowed") }
                #expect(await check(anna, shared) == "user")
                #expect(await check(bert, shared) == "allowed", "the refused one took nothing from the channel")
                #expect(await check(bert, shared) == "channel")
                #expect(await check(bert) == "allowed", "and this one nothing from the user")
                #expect(await check(bert) == "user")
            }
        }
    }

    /// Requests that come at once go to Redis together, and each is counted.
    @Test func manyAtOnceAreCountedOneByOne() async throws {
        try await withLimiter("off") { _, process, redis in
            let limiter = RateLimiter(redis: redis, factory: process.metrics)
            let shared = RateLimiter.Check(
                route: .comments, reason: "channel", key: "limit:{c}", rate: Rate(150, per: 600))
            let before = try await calls(redis)
            let outcomes = await withTaskGroup(of: String.self) { group in
                for number in 0..<1_000 {
                    // Each user may once, and comes twice.
                    let own = RateLimiter.Check(
                        route: .comments, reason: "user", key: "limit:{u\(number / 2)}", rate: Rate(1, per: 600))
                    group.addTask {
                        switch await limiter.check([own, shared]) {
                        case .allowed: "\(number / 2)"
                        case .refused(let reason, _, let microseconds):
                            (1...600_000_000).contains(microseconds) ? reason : "\(microseconds)"
                        case .unknown: "unknown"
                        }
                    }
                }
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            let refused = outcomes.filter { ["user", "channel"].contains($0.key) }
            #expect(refused.values.reduce(0, +) == 850 && refused.count == 2, "\(outcomes)")
            #expect(outcomes.count == 152 && outcomes.values.filter { $0 == 1 }.count == 150)
            #expect(try await calls(redis) - before < 500)
        }
    }

    private func read(_ client: any TestClientProtocol, _ addresses: [String]) async throws -> [Int] {
        var statuses: [Int] = []
        for address in addresses {
            statuses.append(try await send(client, .get, "/read", [("X-Forwarded-For", address)]).status.code)
        }
        return statuses
    }

    /// An IPv6 customer has a whole /64; and nobody but a trusted proxy says where a request came from.
    @Test func addressesAreCountedAsTheProxySaysThem() async throws {
        try await withLimiter("reads:address=2/60", ["TRUSTED_PROXIES": "127.0.0.1,::1"], isLive: true) {
            client, process, _ async throws in
            let v6 = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8::3", "2001:db8:0:1::1"]
            #expect(try await read(client, v6) == [200, 200, 429, 200])
            let v4 = ["1.2.3.4", "9.9.9.9, 1.2.3.4", "8.8.8.8, 1.2.3.4", "1.2.3.5"]
            #expect(try await read(client, v4) == [200, 200, 429, 200])
            #expect(refusals(process, "reads", "address") == 2)
        }
        try await withLimiter("reads:address=2/60", isLive: true) { client, _, _ async throws in
            #expect(try await read(client, ["1.2.3.4", "1.2.3.5", "1.2.3.6"]) == [200, 200, 429])
        }
    }

    @Test func slowMode() async throws {
        try await withLimiter("comments:user=100/1 comments:address=off comments:channel=off") {
            client, process, redis in
            let anna = try tokens.token(of: "anna")
            let moderator = try tokens.token(of: "mod", #","role":"moderator""#)
            for _ in 0..<3 { #expect(try await send(client, .post, "/write", token: anna).status == .ok) }
            #expect(try await send(client, .put, "/slow?seconds=60").status == .ok)
            #expect(try await send(client, .post, "/write", token: anna).status == .ok)
            let refused = try await send(client, .post, "/write", token: anna)
            #expect(refused.status == .tooManyRequests && String(buffer: refused.body).contains(#""code":"slow_mode""#))
            #expect(["59", "60"].contains(refused.headers[.retryAfter] ?? ""))
            #expect(refused.headers[try #require(HTTPField.Name("RateLimit-Policy"))] == #""slow_mode";q=1;w=60"#)
            #expect(refusals(process, "comments", "slow_mode") == 1)
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
        // However many wait: nobody for longer than one attempt to reach Redis, a quarter of a second.
        let limiter = RateLimiter(redis: nobody, factory: NOOPMetricsHandler.instance)
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<3_000 {
                group.addTask {
                    let check = RateLimiter.Check(
                        route: .likes, reason: "user", key: "limit:{\(number)}", rate: Rate(1, per: 1))
                    #expect(await limiter.check([check]) == .unknown)
                }
            }
        }
        #expect(ContinuousClock.now - start < .seconds(2))
        // With AUTH=off nothing is counted.
        try await withService(["AUTH": "off"]) { client, _ async throws in
            #expect(try await send(client, .post, "/write?userid=u").status == .ok)
        }
    }

    // MARK: Tokens

    /// A token that is none is refused by whatever asks who the caller is, and by nothing else.
    @Test func aTokenThatIsNone() async throws {
        try await withService(["LIMITS": "off"]) { client, _ in
            let expired = try tokens.token(of: "anna", seconds: -61)
            for (uri, status) in [("/health", 200), ("/health/ready", 200), ("/metrics", 401), ("/nowhere", 404)] {
                #expect(try await send(client, .get, uri, token: expired).status.code == status, "\(uri)")
                #expect(try await send(client, .get, uri, cookie: expired).status.code == status, "\(uri)")
            }
            for cookie in [nil, expired] {
                let answer = try await send(
                    client, .post, "/write", token: cookie == nil ? expired : nil, cookie: cookie)
                #expect(answer.status == .unauthorized && String(buffer: answer.body).contains("token_expired"))
            }
        }
        // Several that differ, and one twice.
        try await withService(["LIMITS": "off"]) { client, _ async throws in
            let (anna, bert) = (try tokens.token(of: "anna"), try tokens.token(of: "bert"))
            let again = ("Authorization", "Bearer \(anna)")
            for (token, cookie, more) in [
                (anna, nil, [again]), (nil, nil, [again, again]), (anna, bert, []),
                (nil, anna, [("Cookie", "chorus_session=\(bert)")]),
            ] as [(String?, String?, [(String, String)])] {
                let headers = more + [("Sec-Fetch-Site", "same-origin")]
                let answer = try await send(client, .post, "/write", token: token, cookie: cookie, headers)
                #expect(answer.status == .unauthorized, "\(more)")
                #expect(String(buffer: answer.body).contains(#""code":"ambiguous_credentials""#))
            }
        }
        // With AUTH=off nobody is asked, but for what a moderator's token would have changed.
        let off = ["AUTH": "off", "MODERATOR_TOKEN": "a-secret-of-moderators"]
        try await withService(off) { client, _ async throws in
            for token in ["a-secret-of-moderators", "a-secret-of-moderatorS", try tokens.token(of: "anna")] {
                let isSecret = token == "a-secret-of-moderators"
                #expect(try await send(client, .get, "/metrics", token: token).status.code == (isSecret ? 403 : 200))
                let written = try await send(client, .post, "/write?userid=u", token: token)
                #expect(written.status.code == (isSecret ? 403 : 200))
                #expect(try await send(client, .delete, "/other", token: token).status.code == (isSecret ? 200 : 401))
            }
            #expect(try await send(client, .delete, "/other").status == .ok)
        }
    }

    /// From an address that has sent too many tokens that are none, only those that are known pass, and no signature is
    /// checked. Whoever comes without one is not concerned.
    @Test func aFloodOfTokensThatNobodySigned() async throws {
        let limits = "comments:user=off comments:address=off comments:channel=off tokens:address=5/600"
        try await withLimiter(limits, ["TRUSTED_PROXIES": "127.0.0.1,::1"], isLive: true) { client, process, redis in
            let here = ("X-Forwarded-For", "1.2.3.4")
            let (known, other) = (try tokens.token(of: "anna"), try tokens.token(of: "bert"))
            #expect(try await send(client, .post, "/write", token: known, [here]).status == .ok)
            let foreign = TestTokens()
            for number in 0..<20 {
                let token = try foreign.token(of: "user\(number)")
                let answer = try await send(client, .post, "/write", token: token, [here])
                #expect(answer.status.code == (number < 5 ? 401 : 429), "\(number)")
                let text = String(buffer: answer.body)
                #expect(text.contains(number < 5 ? #""code":"invalid_token""# : #""code":"rate_limited""#))
                if number == 5 { #expect((60...120).contains(Int(answer.headers[.retryAfter] ?? "") ?? 0)) }
            }
            let (before, start) = (try await calls(redis), ContinuousClock.now)
            #expect(try await send(client, .post, "/write", token: known, [here]).status == .ok)
            for (token, cookie) in [(nil, other), (other, nil), (nil, "x")] as [(String?, String?)] {
                let origin = ("Sec-Fetch-Site", "same-origin")
                let answer = try await send(client, .post, "/write", token: token, cookie: cookie, [here, origin])
                #expect(answer.status == .tooManyRequests)
                // As every token that is none, it keeps nobody from what asks for none.
                #expect(try await send(client, .get, "/health", token: token, cookie: cookie, [here]).status == .ok)
            }
            #expect(try await send(client, .get, "/read", [here]).status == .ok)
            let elsewhere = ("X-Forwarded-For", "1.2.3.5")
            #expect(try await send(client, .post, "/write", token: other, [elsewhere]).status == .ok)
            #expect(refusals(process, "tokens", "address") == 21)
            // The process knows by itself; it asks Redis once a second, and for what `/read` may.
            let seconds = Int((ContinuousClock.now - start).components.seconds)
            #expect(try await calls(redis) - before <= seconds + 3)
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
            let application = process.makeApplication(router: process.makeRouter())
            try await application.test(.router) { client in
                func ready() async throws -> TestResponse { try await send(client, .get, "/health/ready") }
                #expect(String(buffer: try await ready().body).contains(#""notes":{}"#))
                // Nobody sends a token: the probe finds out.
                try Data("no keys".utf8).write(to: URL(fileURLWithPath: path))
                #expect(
                    await eventually(within: 10) {
                        String(buffer: try await ready().body).contains("the keys before stay")
                    })
                #expect(try await ready().status == .ok)
                let token = try tokens.token(of: "anna")
                #expect(try await process.access.authenticator.subject(of: token).id == "anna")
                try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
                #expect(
                    await eventually(within: 10) { String(buffer: try await ready().body).contains(#""notes":{}"#) })
            }
        }
    }
}

import Broker
import Fanout
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Identity
import InMemory
import NIOCore
import PostgresLibpq
import Primitives
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Social
import Storage
import TestSupport
import Testbed
import Testing
import Wire

@testable import CommentAPI
@testable import LikeAPI
@testable import ReaderAPI
@testable import SocialAPI
@testable import StatsAPI

private let tokens = TestTokens()

/// Every route of every service, and everybody who may come to it.
@Suite(.serialized) struct RouteWalkTests {
    private func environment(_ folder: String, _ mode: String) throws -> [String: String] {
        let path = folder + "/keys.json"
        try Data(tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
        return ["AUTH": mode, "AUTH_KEYS_FILE": path, "INSTANCE_ID": "i", "LIMITS": "off"]
    }

    /// Sends every case as every visitor; a route without a case fails.
    private func walk(
        _ cases: [RouteCase], _ assembly: ServiceAssembly, _ process: ServiceProcess, mode: String,
        own: Set<String> = [], isOpen: Bool = false, prepare: @escaping @Sendable () async throws -> String = { "none" }
    ) async throws {
        let routes = Set(assembly.router.routes.map { "\($0.method) \($0.path)" })
        let walked = Set(cases.map { "\($0.method) \($0.route)" }).union(own)
        #expect(
            routes == walked, "routes without a case: \(routes.subtracting(walked)), and \(walked.subtracting(routes))")
        let described = Set(Operation.all(of: process.name).map { "\($0.method) \($0.path)" })
        #expect(
            routes == described,
            "routes that the OpenAPI document lacks: \(routes.subtracting(described)), and has in vain: \(described.subtracting(routes))"
        )
        let application = process.makeApplication(router: assembly.router, crossOrigin: assembly.crossOrigin)
        try await application.test(.router) { client in
            for route in cases {
                for visitor in Visitor.allCases {
                    let id = try await prepare()
                    let response = try await send(route, as: visitor, to: client, id: id)
                    var expected = route.expected(visitor)
                    let asksNobody = route.route.hasPrefix("/health") || route.route == "/socket.io"
                    if mode == "required", !isOpen, visitor == .anonymous, !asksNobody {
                        expected = .unauthorized
                    }
                    let body = String(buffer: response.body)
                    #expect(
                        Outcome(response.status) == expected,
                        "\(mode) \(visitor): \(route.method) \(route.uri) \(route.body ?? ""): \(response.status) \(body)"
                    )
                    // Nothing that is refused is refused without a code, and nothing is a failure of the service.
                    #expect(
                        response.status.code < 400 || route.route == "/health/ready" || body.contains(#""code":"#),
                        "\(body)")
                    #expect(response.status.code != 500, "\(route.method) \(route.uri)")
                    if response.status == .unauthorized { #expect(response.headers[.wwwAuthenticate] != nil) }
                }
            }
        }
    }

    private func send(
        _ route: RouteCase, as visitor: Visitor, to client: any TestClientProtocol, id: String
    ) async throws -> TestResponse {
        var headers = HTTPFields()
        if let claims = visitor.claims {
            let token = try tokens.token(of: visitor.rawValue, seconds: visitor == .late ? -61 : 600, claims)
            headers[.authorization] = "Bearer \(token)"
        }
        func filled(_ text: String) -> String {
            text.replacing("ME", with: visitor.rawValue).replacing("ID", with: id)
        }
        if route.body != nil { headers[.contentType] = "application/json" }
        return try await client.execute(
            uri: filled(route.uri), method: route.method, headers: headers,
            body: route.body.map { ByteBuffer(string: filled($0)) }
        ) { $0 }
    }

    @Test(arguments: ["optional", "required"]) func comments(mode: String) async throws {
        try await withTemporaryFolder { folder in
            let settings = try CommentAPISettings.read(environment: try environment(folder, mode))
            let process = ServiceProcess(name: "CommentAPI", server: settings.server, logger: quietLogger)
            let broker = InMemoryBroker()
            let repository = RedisCommentRepository(broker: broker)
            let number = Counter()
            try await walk(
                RouteCases.comments, CommentAPI.assemble(settings, process, broker: broker), process, mode: mode
            ) {
                let id = "comment\(number.next())"
                let comment = Wire.Comment(
                    id: id, userid: "author", videoid: "v", comment: "c", timestamp: "2026-01-01T12:00:00.000Z")
                _ = try await repository.publish(comment, to: try #require(Channel.video("v")))
                return id
            }
        }
    }

    @Test(arguments: ["optional", "required"]) func likes(mode: String) async throws {
        try await withTemporaryFolder { folder in
            try await withRedis { server in
                var environment = try environment(folder, mode)
                environment["REDIS_URL"] = server.url
                let settings = try LikeAPISettings.read(environment: environment)
                let process = ServiceProcess(name: "LikeAPI", server: settings.server, logger: quietLogger)
                let broker = RedisBroker(endpoint: settings.redis.endpoint, logger: quietLogger)
                let assembly = LikeAPI.assemble(settings, process, broker: broker, database: nil)
                let services = assembly.services
                try await withBackground({
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await broker.run() }
                        for service in services { group.addTask { try await service.run() } }
                        try await group.waitForAll()
                    }
                }) {
                    try #require(await eventually { broker.isReady })
                    try await walk(RouteCases.likes, assembly, process, mode: mode)
                }
            }
        }
    }

    @Test(arguments: ["optional", "required"]) func reader(mode: String) async throws {
        try await withTemporaryFolder { folder in
            let settings = try ReaderSettings.read(environment: try environment(folder, mode))
            let process = ServiceProcess(name: "ReaderAPI", server: settings.server, logger: quietLogger)
            // A Redis that nobody runs: what would need it is answered with 503.
            let redis = RedisBroker(endpoint: settings.redis.endpoint, logger: quietLogger).redis
            let assembly = try ReaderAPI.assemble(
                settings, process, broker: InMemoryBroker(), redis: redis, services: [])
            // A hub that nobody runs would wait for its broker; one that drains refuses every stream.
            let hub = try #require(assembly.services.lazy.compactMap { $0 as? HubService }.first?.hub)
            hub.drain(over: .zero)
            try await walk(RouteCases.reader, assembly, process, mode: mode)
        }
    }

    @Test(arguments: ["optional", "required"]) func statistics(mode: String) async throws {
        try await withTemporaryFolder { folder in
            // Without the dashboard's files, which are everybody's.
            var settings = try StatsAPISettings.read(environment: try environment(folder, mode))
            settings.webFolder = nil
            let process = ServiceProcess(name: "StatsAPI", server: settings.server, logger: quietLogger)
            try await walk(
                RouteCases.statistics, StatsAPI.assemble(settings, process, broker: InMemoryBroker()), process,
                mode: mode)
        }
    }

    /// It asks for its tokens whatever `AUTH` says to the others, and lets anybody see who is there.
    @Test func social() async throws {
        try await withTemporaryFolder { folder in
            let signing = folder + "/signing.json"
            try Data(TokenSigner.makeKeys().signing.utf8).write(to: URL(fileURLWithPath: signing))
            var environment = try environment(folder, "off")
            environment["AUTH_SIGNING_KEY_FILE"] = signing
            environment["DATABASE_URL"] = try await sharedPostgres().makeDatabase()
            let settings = try SocialAPISettings.read(environment: environment.filter { $0.key != "AUTH" })
            let process = ServiceProcess(name: "SocialAPI", server: settings.server, logger: quietLogger)
            // A Redis that nobody runs.
            let redis = RedisBroker(endpoint: settings.redis.endpoint, logger: quietLogger).redis
            let database = ServiceDatabase(try #require(settings.database.configuration), process: process)
            let assembly = try await SocialAPI.assemble(settings, process, database: database, redis: redis)
            let number = Counter()
            try await withBackground({ try await database.run() }) {
                try #require(await eventually(within: 30) { database.isReady })
                for visitor in Visitor.allCases {
                    _ = try await AccountStore(pool: database.pool).register(
                        id: visitor.rawValue, email: "a@b", password: "")
                }
                try await walk(
                    RouteCases.social, assembly, process, mode: "optional", own: RouteCases.credentials, isOpen: true
                ) {
                    let id = "post\(number.next())"
                    let post = NewPost(id: id, author: "author", content: "c")
                    guard case .created = try await PostStore(pool: database.pool).create(post) else { return "none" }
                    return id
                }
            }
        }
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }
}

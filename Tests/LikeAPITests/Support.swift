import Broker
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import RedisNIO
import ServiceLifecycle
import ServiceRuntime
import Storage
import TestSupport
import Testbed
import Testing

@testable import LikeAPI

/// Notifications in memory: what the routes need of them.
final class FewNotifications: NotificationStore {
    let all: [UserNotification]

    init(_ all: [UserNotification]) {
        self.all = all
    }

    func add(_ events: [NotifyEvent], completing rows: [OutboxRow]) async throws(StorageError) -> [UserNotification] {
        []
    }

    func notifications(
        of owner: String, before: NotificationCursor?, limit: Int
    ) async throws(StorageError) -> Page<UserNotification, NotificationCursor> {
        let page = Array(all.filter { $0.owner == owner }.prefix(limit))
        return Page(
            items: page, next: page.last.map { NotificationCursor(at: $0.newestAt, id: $0.id) })
    }

    func markRead(owner: String, ids: [Int64]?) async throws(StorageError) -> Int {
        all.count { $0.owner == owner && ids?.contains($0.id) ?? true }
    }

    func unreadCount(of owner: String) async throws(StorageError) -> Int { all.count { $0.owner == owner } }
    func purge(olderThan age: Duration) async throws(StorageError) -> Int { 0 }
}

/// A running LikeAPI without its port: routes, service and a Redis of its own.
func withService(
    database: LikeDatabase? = nil, environment: [String: String] = [:], isolation: isolated (any Actor)? = #isolation,
    _ test: @escaping @Sendable (any TestClientProtocol, Node) async throws -> Void
) async throws {
    try await withRedis { redis async throws in
        var environment = environment
        environment["REDIS_URL"] = redis.url
        if database != nil { environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none" }
        let settings = try LikeAPISettings.read(environment: environment)
        let process = ServiceProcess(name: "LikeAPI", server: settings.server, logger: quietLogger)
        let broker = RedisBroker(endpoint: settings.redis.endpoint, logger: quietLogger)
        let assembly = LikeAPI.assemble(settings, process, broker: broker, database: database)
        let application = process.makeApplication(router: assembly.router)
        try await withBackground({ try await broker.run() }) { () async throws in
            #expect(await eventually { broker.isReady })
            let services = assembly.services
            try await withBackground({ try await run(services) }) { () async throws in
                try await application.test(.router) { client in try await test(client, redis) }
            }
        }
    }
}

private func run(_ services: [any Service]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services { group.addTask { try await service.run() } }
        try await group.waitForAll()
    }
}

struct Answer: Sendable {
    let status: HTTPResponse.Status
    let text: String
    let code: String?
    let retryAfter: String?
    let link: String?

    /// A number of the answer's top level.
    func number(_ name: String) -> Int64? {
        guard let start = text.firstRange(of: "\"\(name)\":")?.upperBound else { return nil }
        return Int64(text[start...].prefix { $0.isNumber || $0 == "-" })
    }
}

extension TestClientProtocol {
    func send(_ method: HTTPRequest.Method, _ uri: String, _ body: String? = nil) async throws -> Answer {
        try await execute(
            uri: uri, method: method, headers: body == nil ? [:] : [.contentType: "application/json"],
            body: body.map { ByteBuffer(string: $0) }
        ) { response in
            let text = String(buffer: response.body)
            let code = text.firstRange(of: "\"code\":\"").map { String(text[$0.upperBound...].prefix { $0 != "\"" }) }
            return Answer(
                status: response.status, text: text, code: code, retryAfter: response.headers[.retryAfter],
                link: HTTPField.Name("Link").flatMap { response.headers[$0] })
        }
    }
}

import Broker
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import ServiceLifecycle
import ServiceRuntime
import TestSupport
import Testbed
import Testing
import Wire

@testable import CommentAPI

let moderatorToken = "a-token-of-the-tests"

/// A CommentAPI that takes requests without a socket between; its services run.
struct TestAPI: Sendable {
    let client: any TestClientProtocol
    let process: ServiceProcess

    /// An answer that was read.
    struct Answer: Sendable {
        var status: HTTPResponse.Status
        var headers: HTTPFields
        var body: String

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try JSONDecoder().decode(type, from: Data(body.utf8))
        }

        /// The code of a refusal.
        var code: String? { (try? decode(ErrorBody.self))?.code }
    }

    func request(
        _ method: HTTPRequest.Method, _ uri: String, headers: [(String, String)] = [], json: String? = nil,
        bytes: [UInt8]? = nil
    ) async throws -> Answer {
        var fields = HTTPFields()
        if json != nil { fields[.contentType] = "application/json" }
        for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
        let response = try await client.execute(
            uri: uri, method: method, headers: fields,
            body: json.map { ByteBuffer(string: $0) } ?? bytes.map { ByteBuffer(bytes: $0) }
        ) { $0 }
        return Answer(status: response.status, headers: response.headers, body: String(buffer: response.body))
    }

    func post(
        _ text: String, user: String = "user1", video: String = "video1", key: String? = nil
    ) async throws -> Answer {
        try await request(
            .post, "/comment", headers: key.map { [("Idempotency-Key", $0)] } ?? [],
            json: #"{"userid":"\#(user)","videoid":"\#(video)","comment":"\#(text)"}"#)
    }

    /// Posts what may be no comment.
    func post(bytes: [UInt8]) async throws -> Answer {
        try await request(.post, "/comment", headers: [("Content-Type", "application/json")], bytes: bytes)
    }

    /// Posts and expects 201.
    func published(_ text: String, user: String = "user1", video: String = "video1") async throws
        -> CommentResponse.Placed
    {
        let answer = try await post(text, user: user, video: video)
        #expect(answer.status == .created, "\(answer.body)")
        return try answer.decode(CommentResponse.self).comment
    }

    /// Whether all comments of `video1` have their position by now or soon.
    func isPublished() async -> Bool {
        await eventually { try await history("videoid=video1").comments.allSatisfy { $0.offset != nil } }
    }

    func history(_ query: String) async throws -> HistoryResponse {
        let answer = try await request(.get, "/history?\(query)")
        #expect(answer.status == .ok, "\(answer.body)")
        return try answer.decode(HistoryResponse.self)
    }
}

/// Runs `body` with a CommentAPI of `environment`; `change` sees the settings before.
func withAPI<Value: Sendable>(
    broker: any EventLog, environment: [String: String] = [:], services: [any Service] = [],
    change: (inout CommentAPISettings) -> Void = { _ in },
    _ body: @escaping @Sendable (TestAPI) async throws -> Value
) async throws -> Value {
    let environment = ["MODERATOR_TOKEN": moderatorToken].merging(environment) { $1 }
    var settings = try CommentAPISettings.read(environment: environment)
    change(&settings)
    let process = ServiceProcess(name: "CommentAPI", server: settings.server, logger: quietLogger)
    let assembly = CommentAPI.assemble(settings, process, broker: broker, services: services)
    let application = process.makeApplication(router: assembly.router)
    return try await withServices(assembly.services[...]) {
        #expect(await eventually(within: 30) { process.readiness.isReady }, "\(process.readiness.status())")
        return try await application.test(.router) {
            try await body(TestAPI(client: $0, process: process))
        }
    }
}

/// Runs the services around `body`, stopped last to first, as a service group does.
private func withServices<Value: Sendable>(
    _ services: ArraySlice<any Service>, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    guard let first = services.first else { return try await body() }
    let rest = services.dropFirst()
    return try await withBackground({ try await first.run() }) { try await withServices(rest, body) }
}

/// A CommentAPI on a Redis and a database, without `redis` and `database` of its own.
func withDatabaseAPI<Value: Sendable>(
    redis: Node? = nil, database: String? = nil, environment: [String: String] = [:],
    change: @escaping (inout CommentAPISettings) -> Void = { _ in },
    wrap: (any EventLog) -> any EventLog = { $0 },
    _ body: @escaping @Sendable (TestAPI, any EventLog, Node) async throws -> Value
) async throws -> Value {
    guard let redis else {
        return try await withRedis {
            try await withDatabaseAPI(
                redis: $0, database: database, environment: environment, change: change, wrap: wrap, body)
        }
    }
    let url: String
    if let database { url = database } else { url = try await sharedPostgres().makeDatabase() }
    let all = ["DATABASE_URL": url, "DATABASE_CONNECTIONS": "2"].merging(environment) { $1 }
    let settings = makeBrokerSettings { $0.historyLength = all["HISTORY_LENGTH"].flatMap { Int($0) } ?? 1000 }
    return try await withBroker(redis, settings: settings) { broker in
        let broker = wrap(broker)
        return try await withAPI(broker: broker, environment: all, change: change) { try await body($0, broker, redis) }
    }
}

func makeComment(_ id: String, video: String = "v", _ text: String = "hello") -> Wire.Comment {
    Wire.Comment(id: id, userid: "u", videoid: video, comment: text, timestamp: "2026-01-01T12:00:00.000Z")
}

func video(_ id: String) throws -> Wire.Channel { try #require(Channel.video(id)) }

/// The texts of the comments that a channel's history holds, oldest first; removals as `-<id>`.
func texts(_ broker: any EventLog, _ channel: Wire.Channel) async throws -> [String] {
    try await broker.latest(of: channel, before: nil, limit: 10_000).reversed().map { event in
        guard let comment = CommentEvents.comment(in: event.payload) else {
            return "-"
                + (String(decoding: event.payload, as: UTF8.self).split(separator: "\"").dropFirst(3).first ?? "")
        }
        return comment.comment
    }
}

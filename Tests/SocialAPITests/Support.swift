import Broker
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Identity
import NIOCore
import RedisNIO
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage
import TestSupport
import Testbed
import Testing

@testable import SocialAPI

/// A SocialAPI without its port, on a database and a Redis of its own.
struct TestSocial: Sendable {
    let client: any TestClientProtocol
    let process: ServiceProcess
    let redis: RedisClient
    let database: ServiceDatabase
    let databaseURL: String
    let server: Node
    /// What its settings were read from.
    let environment: [String: String]

    struct Answer: Sendable {
        var status: Int
        var body: String
        var cookies: [String: String]
        var headers: HTTPFields

        var code: String? { member("code") }

        /// A string of the answer, wherever it stands.
        func member(_ name: String) -> String? {
            guard let start = body.firstRange(of: "\"\(name)\":\"")?.upperBound else { return nil }
            return String(body[start...].prefix { $0 != "\"" })
        }
    }

    func send(
        _ method: HTTPRequest.Method, _ uri: String, _ json: String? = nil, token: String? = nil,
        cookies: [String: String] = [:], headers: HTTPFields = [:]
    ) async throws -> Answer {
        var fields = headers
        if json != nil { fields[.contentType] = "application/json" }
        if let token { fields[.authorization] = "Bearer \(token)" }
        if !cookies.isEmpty {
            fields[.cookie] = cookies.map { "\($0)=\($1)" }.joined(separator: "; ")
            // What a browser says of a page of the same origin.
            if let site = HTTPField.Name("Sec-Fetch-Site"), fields[site] == nil { fields[site] = "same-origin" }
        }
        let response = try await client.execute(
            uri: uri, method: method, headers: fields, body: json.map { ByteBuffer(string: $0) }
        ) { $0 }
        var set: [String: String] = [:]
        for cookie in response.headers[values: .setCookie] {
            let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            set[String(pair[0])] = String(pair[1])
        }
        return Answer(
            status: response.status.code, body: String(buffer: response.body), cookies: set, headers: response.headers)
    }

    @discardableResult
    func register(_ name: String, password: String = "correct horse") async throws -> Answer {
        try await send(
            .post, "/api/users/register",
            #"{"username":"\#(name)","email":"\#(name)@example.org","password":"\#(password)"}"#)
    }

    func login(_ name: String, password: String = "correct horse") async throws -> Answer {
        try await send(.post, "/api/users/login", #"{"username":"\#(name)","password":"\#(password)"}"#)
    }

    func refresh(_ token: String) async throws -> Answer {
        try await send(.post, "/api/users/token", cookies: ["chorus_refresh": token])
    }

    func sql(_ text: String) async throws -> String { try await sharedPostgres().sql(text, url: databaseURL) }
}

/// Hashing as cheap as libsodium allows: what is tested here is not its cost.
let cheap = PasswordHash(memoryBytes: 8_192, passes: 1)

/// - Parameter isLive: with a port of its own, so that requests have addresses.
func withSocial(
    environment: [String: String] = [:], hash: PasswordHash = cheap, isLive: Bool = false,
    _ body: @escaping @Sendable (TestSocial) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let keys = TokenSigner.makeKeys()
        for (name, text) in [("signing.json", keys.signing), ("keys.json", keys.keySet)] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        let url = try await sharedPostgres().makeDatabase()
        try await withRedis { redis in
            let common = [
                "DATABASE_URL": url, "DATABASE_CONNECTIONS": "4", "REDIS_URL": redis.url,
                "LIMITS": "off", "AUTH_KEYS_FILE": "\(folder)/keys.json",
                "AUTH_SIGNING_KEY_FILE": "\(folder)/signing.json",
            ]
            var settings = try SocialAPISettings.read(environment: common.merging(environment) { $1 })
            settings.passwords.hash = hash
            let process = ServiceProcess(name: "SocialAPI", server: settings.server, logger: quietLogger)
            let broker = ServiceBroker(redis: settings.redis, process: process, isRequired: false)
            let database = ServiceDatabase(try #require(settings.database.configuration), process: process)
            let assembly = try await SocialAPI.assemble(
                settings, process, database: database, redis: broker.broker.redis, services: [broker])
            let application = process.makeApplication(router: assembly.router, crossOrigin: assembly.crossOrigin)
            let services = assembly.services
            try await withBackground({
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for service in services { group.addTask { try await service.run() } }
                    try await group.waitForAll()
                }
            }) {
                try #require(await eventually(within: 30) { database.isReady && broker.broker.redis.isConnected })
                try await application.test(isLive ? .live : .router) { client in
                    try await body(
                        TestSocial(
                            client: client, process: process, redis: broker.broker.redis, database: database,
                            databaseURL: url, server: redis, environment: common))
                }
            }
        }
    }
}

import Foundation
import Report
import Testbed

/// All parts of the product, started in the order in which they need each other; one line each.
struct Product: Sendable {
    let testbed: Testbed
    let progress: Progress

    /// What has to be built.
    static let programs = ["StatsAPI", "CommentAPI", "LikeAPI", "SocialAPI", "ReaderAPI", "SimClient"]
    private static let readers = 2
    /// Whoever writes has an account.
    private static let authentication = "optional"

    /// Looks for `deploy/gateway/gateway.sh`.
    static func gatewayScript(above directory: String) throws(Failure) -> String {
        let script = "deploy/gateway/gateway.sh"
        guard let found = Checkout.file(script, above: directory) else {
            throw .missing("\(script) was found neither here nor above \(directory): run this in a checkout")
        }
        return found
    }

    /// - Returns: the gateway, through which everything is reached.
    func start(script: String, port: Int) async throws -> Node {
        let redis = try await testbed.startRedis(RedisOptions(appendOnly: .everysec))
        tell(redis)
        let postgres = try await testbed.startPostgres()
        tell(postgres)
        let keys = try await testbed.tokenKeys()
        let media = try testbed.folders.shared("media")
        let access = [
            "AUTH": Self.authentication, "AUTH_KEYS_FILE": keys.accepting, "SERVICE_TOKEN": Self.secret(),
            "TRUSTED_PROXIES": "127.0.0.1", "METRICS_ALLOW": "127.0.0.1",
            // Everybody on this machine has one address.
            "LIMITS": "register:address=100/3600",
        ]
        var environment = ServiceEnvironment(redis: redis.url, database: postgres.url)
        environment.statistics = try await started(testbed.addService(.statistics, environment, access)).url
        func add(_ role: Node.Role, number: Int = 1, _ own: [String: String] = [:]) async throws -> Node {
            try await testbed.addService(role, number: number, environment, access.merging(own) { $1 })
        }
        let comments = try await add(.commentAPI)
        let likes = try await add(.likeAPI, ["LIKE_ROLE": "all"])
        let social = try await add(.socialAPI, ["AUTH_SIGNING_KEY_FILE": keys.signing, "MEDIA_FOLDER": media])
        var services = [comments, likes, social]
        let reader = ["PLACEMENT": "overflow", "COMMENT_API_URL": comments.url, "LIKE_API_URL": likes.url]
        for number in 1...Self.readers { services.append(try await add(.reader, number: number, reader)) }
        for service in services { _ = try await started(service) }
        return try await started(
            testbed.addGateway(script: script, port: port, authentication: Self.authentication, media: media))
    }

    /// 128 random bits, for as long as this process runs.
    static func secret() -> String {
        let (high, low) = (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max))
        return String(high, radix: 36) + "-" + String(low, radix: 36)
    }

    /// What is up, and where.
    func report(_ base: Report) -> Report {
        var report = base
        report.finishedAt = Report.now()
        report.verdict.checks = [.completed(nil)]
        report.tables = [
            Table(
                "Services", [.init("name", .left), .init("address", .left), .init("log", .left)],
                rows: testbed.nodes.map { [$0.name, $0.url, $0.specification.log] })
        ]
        return report
    }

    private func started(_ node: Node) async throws -> Node {
        try await Node.waitUntilReady([node])
        tell(node)
        return node
    }

    private func tell(_ node: Node) {
        let name = node.name.padding(toLength: 14, withPad: " ", startingAt: 0)
        progress.step("\(name) 127.0.0.1:\(node.port)  \(node.specification.log)")
    }
}

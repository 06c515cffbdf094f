import Foundation
import Testbed

/// All parts of the product, started in the order in which they need each other; one line each.
struct Product: Sendable {
    let testbed: Testbed
    let progress: Progress

    /// What has to be built.
    static let programs = ["StatsAPI", "CommentAPI", "LikeAPI", "ReaderAPI", "SimClient"]
    private static let readers = 2

    /// Looks for `deploy/gateway/gateway.sh` in the folders above the programs, as in a checkout, and in the current one.
    static func gatewayScript(above directory: String) throws(Failure) -> String {
        let script = "deploy/gateway/gateway.sh"
        var folders = [URL(fileURLWithPath: FileManager.default.currentDirectoryPath), URL(fileURLWithPath: directory)]
        while let last = folders.last, last.path != "/" { folders.append(last.deletingLastPathComponent()) }
        guard
            let found = folders.map({ $0.appendingPathComponent(script).path })
                .first(where: { FileManager.default.fileExists(atPath: $0) })
        else { throw .missing("\(script) was found neither here nor above \(directory): run this in a checkout") }
        return found
    }

    /// - Returns: the gateway, through which everything is reached.
    func start(script: String, port: Int) async throws -> Node {
        let redis = try await testbed.startRedis(RedisOptions(appendOnly: .everysec))
        tell(redis)
        let postgres = try await testbed.startPostgres()
        tell(postgres)
        var environment = ServiceEnvironment(redis: redis.url, database: postgres.url)
        environment.statistics = try await started(testbed.addService(.statistics, environment)).url
        let comments = try await testbed.addService(.commentAPI, environment)
        let likes = try await testbed.addService(.likeAPI, environment, ["LIKE_ROLE": "all"])
        var services = [comments, likes]
        for number in 1...Self.readers {
            services.append(
                try await testbed.addService(.reader, number: number, environment, ["PLACEMENT": "overflow"]))
        }
        for service in services { _ = try await started(service) }
        return try await started(testbed.addGateway(script: script, port: port))
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

extension Product {
    /// Who watches what, and writes there.
    private static let people = [
        ("anna", "harbour"), ("ben", "harbour"), ("chloe", "harbour"), ("dev", "aurora"), ("emil", "aurora"),
        ("fatou", "kitchen"),
    ]

    /// A small world of traffic, through the gateway as in a browser: comments on three videos, likes for five photos.
    func startDemo() async throws {
        let gateway = try testbed.node("gateway").url
        let statistics = try testbed.node("stats-api").url
        for (number, (user, video)) in Self.people.enumerated() {
            try await client(
                "demo-\(user)",
                [
                    "watch", "--user", user, "--video", video, "--readers", gateway, "--comment-api", gateway,
                    "--stats-api", statistics, "--interval", "\(3 + number)",
                ])
        }
        // The app shows a video's photos under these names. A day of it, then nobody likes any more.
        try await client(
            "demo-likes",
            [
                "likes", "--like-api", gateway, "--readers", gateway, "--photo-prefix", "harbour.", "--photos", "5",
                "--rate", "1", "--duration", "86400", "--connections", "4", "--seed",
                "\(UInt32.random(in: 1 ... .max))",
            ])
        progress.step("demo           \(Self.people.map(\.0).joined(separator: ", ")) write")
    }

    private func client(_ name: String, _ arguments: [String]) async throws {
        // However one of them ends, the product goes on.
        var specification = ChildSpecification(
            name: name, executable: try testbed.binaries.own("SimClient"), arguments: arguments,
            log: testbed.folders.log(name), life: .ends(codes: Set(0...255)), phase: .clients)
        specification.grace = .seconds(3)
        try await testbed.add(.client, specification)
    }
}

import Foundation
import ServiceRuntime
import TestSupport
import Testbed
import Testing
import Wire

@testable import ReaderAPI

/// Readers that know each other through one Redis, all in this process.
struct PlacedReaders: Sendable {
    struct Setup: Sendable {
        var ids = ["reader-1", "reader-2", "reader-3"]
        var placement = "overflow"
        var environment: [String: String] = [:]
        var hidden: Set<String> = []
    }

    let redis: Node
    let readers: [RunningService]

    /// Short enough for tests, and long enough for a loaded machine.
    static let intervalMilliseconds = 200

    static func with(_ setup: Setup = Setup(), _ body: @Sendable (PlacedReaders) async throws -> Void) async throws {
        try await withRedis { redis in
            try await start(setup.ids[...], setup, redis, []) { readers in
                let system = PlacedReaders(redis: redis, readers: readers)
                let shown = setup.ids.filter { !setup.hidden.contains($0) }
                let isReady = await eventually(within: 30) {
                    for reader in readers {
                        guard try await reader.get("/health/ready").status == 200 else { return false }
                        guard try await system.number("chorus_registry_readers", at: reader) >= Double(shown.count)
                        else { return false }
                    }
                    return true
                }
                try #require(isReady)
                try await body(system)
            }
        }
    }

    private static func start(
        _ ids: ArraySlice<String>, _ setup: Setup, _ redis: Node, _ started: [RunningService],
        _ body: ([RunningService]) async throws -> Void
    ) async throws {
        guard let id = ids.first else { return try await body(started) }
        try await one(id, setup, redis) { reader in
            try await start(ids.dropFirst(), setup, redis, started + [reader], body)
        }
    }

    static func one(
        _ id: String, _ setup: Setup, _ redis: Node, _ body: (RunningService) async throws -> Void
    ) async throws {
        let port = try Ports.one()
        var environment = [
            "REDIS_URL": redis.url, "HOST": "127.0.0.1", "PORT": "\(port)", "INSTANCE_ID": id, "DRAIN_SECONDS": "0",
            "READER_LOOPS": "1", "PLACEMENT": setup.placement,
            "PLACEMENT_ANNOUNCE_INTERVAL_MS": "\(intervalMilliseconds)",
        ]
        if !setup.hidden.contains(id) { environment["READER_PUBLIC_URL"] = "http://127.0.0.1:\(port)" }
        let settings = try ReaderSettings.read(environment: environment.merging(setup.environment) { $1 })
        try await TestSystem.withReader(settings, isPlaced: true) { reader, _ in try await body(reader) }
    }
}

extension PlacedReaders {
    /// The value of a metric without labels, or the sum over its labels.
    func number(_ metric: String, at reader: RunningService) async throws -> Double {
        try await reader.get("/metrics").text.split(separator: "\n")
            .filter { $0.hasPrefix(metric + " ") || $0.hasPrefix(metric + "{") }
            .reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
    }

    /// An entry of the registry that nobody renews.
    func register(_ id: String, port: Int, seconds: Int) throws {
        let json = #"{"url":"http://127.0.0.1:\#(port)","connections":0,"capacity":9,"draining":false,"full":[]}"#
        let now = try #require(Int(redis.command("TIME").split(separator: "\r\n")[2]))
        try redis.command("HSET", "readers", id, "\((now + seconds) * 1_000) abc \(json)")
    }

    func expectReaders(_ count: Double, at reader: RunningService) async {
        await expectEventually(within: 20) { try await number("chorus_registry_readers", at: reader) == count }
    }

    func locate(_ video: String, at reader: RunningService) async throws -> Place {
        let answer = try await reader.get("/locate?videoid=\(video)")
        try #require(answer.status == 200, "\(answer.text)")
        return try JSONDecoder().decode(Place.self, from: Data(answer.body))
    }

    func places(of videos: [String], at reader: RunningService) async throws -> [String] {
        var places: [String] = []
        for video in videos { places.append(try await locate(video, at: reader).instance) }
        return places
    }

    /// Asks `reader`, follows, and returns the ports on the way with the last response, which is an open stream.
    func follow(
        _ video: String, from reader: RunningService, headers: [(String, String)] = []
    ) async throws -> (ports: [Int], viewer: StreamClient) {
        var ports = [reader.port]
        var path = "/connect?userid=u&videoid=\(video)"
        while true {
            let request = RequestText.make("GET", path, headers: headers)
            let viewer = try await StreamClient(port: ports[ports.count - 1], request)
            let head = try await viewer.head()
            guard head.status == 307, ports.count < 10 else { return (ports, viewer) }
            let location = try #require(head["location"].flatMap { URLComponents(string: $0) })
            ports.append(try #require(location.port))
            path = location.percentEncodedPath + "?" + (location.percentEncodedQuery ?? "")
            await viewer.close()
        }
    }
}

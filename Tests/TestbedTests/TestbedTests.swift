import Foundation
import Glibc
import RedisNIO
import TestSupport
import Testing

@testable import Testbed

/// Runs a testbed as a command does, with a folder of the test.
private func withRun(_ body: @escaping @Sendable (Testbed) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let folders = try Folders(report: folder)
        try await Testbed.run(folders, Binaries(), body: body)
        #expect(!FileManager.default.fileExists(atPath: folders.data), "the servers' data stayed")
    }
}

@Suite(.timeLimit(.minutes(2)), .serialized)
struct TestbedTests {
    @Test func aPrivateRedisForgetsOnItsDeath() async throws {
        try await withRun { testbed in
            let redis = try await testbed.startRedis()
            let probe = RedisProbe(redis)
            _ = try await probe.send(RedisCommand("SET", "key", "value"))
            let (port, first) = (redis.port, redis.child?.pid)
            await redis.kill()
            #expect(!(await probe.isReady()))
            try await redis.restart()
            #expect(redis.port == port)
            #expect(redis.starts == 2)
            #expect(redis.child?.pid != first)
            #expect(try await probe.send(RedisCommand("GET", "key")) == .null)
        }
    }

    /// What is cut is cut both ways and for connections that stand; what is together again goes on.
    @Test func aClusterWhoseNetworkIsCutIsWholeAgainAfterwards() async throws {
        try await withRun { testbed in
            let cluster = try await testbed.startRedisCluster(masters: 3, isRelayed: true)
            let network = try #require(cluster.network)
            func state(_ node: Node) async throws -> String {
                let info = try await RedisProbe(node).send(RedisCommand("CLUSTER", "INFO")).text ?? ""
                return String(info.split(separator: "\r\n").first ?? "")
            }
            func wait(_ wanted: [String]) async throws -> Bool? {
                try await Polling.wait(atMost: .seconds(40)) { () async throws -> Bool? in
                    var states: [String] = []
                    for node in cluster.masters { states.append(try await state(node)) }
                    return states == wanted ? true : nil
                }
            }
            let (ok, fail) = ("cluster_state:ok", "cluster_state:fail")
            let endpoint = try RedisEndpoint(parsing: cluster.url)
            try await endpoint.withClient(graceWait: .seconds(10)) { client in
                let keys = (0..<30).map { "key\($0)" }
                let replies = try await client.send(contentsOf: keys.map { RedisCommand("SET", $0, "value") })
                #expect(replies.allSatisfy { $0 == .status("OK") })
            }
            // Each is a minority.
            await network.cut { path in path.isBus && path.from != nil }
            #expect(try await wait([fail, fail, fail]) == true)
            network.heal()
            #expect(try await wait([ok, ok, ok]) == true)
        }
    }

    @Test func withItsFileItRemembersUntilItIsMadeToForget() async throws {
        try await withRun { testbed in
            let redis = try await testbed.startRedis(
                RedisOptions(appendOnly: .everysec, arguments: ["--maxmemory", "64mb"]))
            let probe = RedisProbe(redis)
            _ = try await probe.send(RedisCommand("SET", "key", "value"))
            try await redis.restart()
            #expect(try await probe.send(RedisCommand("GET", "key")).text == "value")
            #expect(try await probe.info()["maxmemory"] == "\(64 << 20)")
            await redis.stop()
            redis.forget()
            try await redis.start()
            #expect(try await probe.send(RedisCommand("GET", "key")) == .null)
        }
    }

    @Test func aPausedNodeAnswersAgainWhenItIsResumed() async throws {
        try await withRun { testbed in
            let redis = try await testbed.startRedis()
            redis.pause()
            #expect(redis.isPaused)
            await #expect(throws: Failure.self) {
                try await Node.waitUntilReady([redis], within: .milliseconds(100))
            }
            redis.resume()
            try await Node.waitUntilReady([redis])
        }
    }

    @Test func aPrivatePostgresTakesConnectionsAndSurvivesARestart() async throws {
        try await withRun { testbed in
            let postgres = try await testbed.startPostgres(settings: ["fsync": "off"])
            #expect(postgres.url.hasPrefix("postgresql://chorus@127.0.0.1:"))
            let pid = try #require(postgres.child?.pid)
            // As root it must have become somebody else.
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            #expect(!status.contains("\nUid:\t0"))
            try await postgres.restart()
            #expect(postgres.starts == 2)
            await postgres.stop()
            #expect(postgres.child?.exit == .code(0))
        }
    }

    @Test func whoIsNotReadyInTimeIsNamedWithTheEndOfItsLog() async throws {
        try await withRun { testbed in
            let specification = makeScript(
                "silent", "echo still waiting for nothing; sleep 300", in: testbed.folders.report)
            let node = try await testbed.add(
                .reader, specification, port: try Ports.one(), readiness: .service)
            try await waitFor("waiting", in: specification.log)
            await #expect {
                try await Node.waitUntilReady([node], within: .milliseconds(200))
            } throws: { error in
                let text = (error as? Failure)?.description ?? ""
                return text.contains("not ready within 0 s: silent") && text.contains("still waiting for nothing")
            }
        }
    }

    @Test func aDeathEndsTheRunAndIsNamedInsteadOfItsSymptom() async throws {
        await #expect {
            try await withRun { testbed in
                let redis = try await testbed.startRedis()
                Glibc.kill(redis.child?.pid ?? 0, SIGKILL)
                _ = try await RedisProbe(redis).send(RedisCommand("PING"))
                try await Task.sleep(for: .seconds(60))
            }
        } throws: { error in
            guard case .died(let death)? = error as? Failure else { return false }
            return death.name == "redis" && death.exit == .signal(SIGKILL)
        }
    }

    @Test func whatIsMissingIsSaidWithItsPackage() throws {
        let nothing = Binaries(directory: "/nonexistent", path: "/nonexistent")
        #expect(throws: Failure.missing("redis-server was not found: install it with 'apt-get install redis-server'")) {
            try nothing.system("redis-server", package: "redis-server")
        }
        #expect(throws: Failure.self) { try nothing.own("ReaderAPI") }
    }
}

struct PortsTests {
    @Test func portsLieBelowThoseOfOutgoingConnections() throws {
        let ports = try Ports.free(20)
        #expect(Set(ports).count == 20)
        #expect(ports.allSatisfy { Ports.range().contains($0) })
        let low = try String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8).split(
            separator: "\t")[0]
        #expect(ports.allSatisfy { $0 < Int(low) ?? 0 })
    }

    @Test func aPortInUseIsNotGiven() async throws {
        try await withRun { testbed in
            let redis = try await testbed.startRedis()
            #expect(!Ports.isFree(redis.port))
            #expect(throws: Failure.self) { try Ports.free(1, range: redis.port..<redis.port + 1) }
        }
    }
}

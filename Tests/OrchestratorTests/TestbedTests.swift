import Foundation
import Glibc
import RedisNIO
import Testing

@testable import Orchestrator

/// Runs a testbed that logs into a folder of the test.
func withTestbed(_ body: @escaping @Sendable (Testbed) async throws -> Void) async throws {
    try await withFolder { folder in
        let folders = try Folders(report: folder)
        try await ExperimentRunner.run(folders: folders, binaries: Binaries(launcher: launcher), body: body)
        #expect(!FileManager.default.fileExists(atPath: folders.data), "the servers' data stayed")
    }
}

@Suite(.timeLimit(.minutes(2)), .serialized)
struct TestbedTests {
    @Test func aPrivateRedisForgetsOnItsDeath() async throws {
        try await withTestbed { testbed in
            let redis = try await PrivateRedis.start(in: testbed)
            let probe = RedisProbe(port: redis.port)
            _ = try await probe.send(RedisCommand("SET", "key", "value"))
            let (port, first) = (redis.port, redis.node.child?.pid)
            await testbed.kill(redis.node)
            #expect(!(await probe.isReady()))
            try await testbed.restart(redis.node)
            #expect(redis.port == port)
            #expect(redis.node.starts == 2)
            #expect(redis.node.child?.pid != first)
            #expect(try await probe.send(RedisCommand("GET", "key")) == .null)
        }
    }

    @Test func withItsFileItRemembersUntilItIsMadeToForget() async throws {
        try await withTestbed { testbed in
            let redis = try await PrivateRedis.start(in: testbed, appendOnly: true, arguments: ["--maxmemory", "64mb"])
            let probe = RedisProbe(port: redis.port)
            _ = try await probe.send(RedisCommand("SET", "key", "value"))
            try await testbed.restart(redis.node)
            #expect(try await probe.send(RedisCommand("GET", "key")).text == "value")
            #expect(try await probe.info()["maxmemory"] == "\(64 << 20)")
            await testbed.stop(redis.node)
            redis.forget()
            try await testbed.start(redis.node)
            try await testbed.waitUntilReady([redis.node])
            #expect(try await probe.send(RedisCommand("GET", "key")) == .null)
        }
    }

    @Test func aPausedNodeAnswersAgainWhenItIsResumed() async throws {
        try await withTestbed { testbed in
            let redis = try await PrivateRedis.start(in: testbed)
            testbed.pause(redis.node)
            #expect(redis.node.isPaused)
            await #expect(throws: Failure.self) {
                try await testbed.waitUntilReady([redis.node], within: .milliseconds(100))
            }
            testbed.resume(redis.node)
            try await testbed.waitUntilReady([redis.node])
        }
    }

    @Test func aPrivatePostgresTakesConnectionsAndSurvivesARestart() async throws {
        try await withTestbed { testbed in
            let postgres = try await PrivatePostgres.start(in: testbed, settings: ["fsync": "off"])
            #expect(postgres.url.hasPrefix("postgresql://chorus@127.0.0.1:"))
            let pid = try #require(postgres.node.child?.pid)
            // As root it must have become somebody else.
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            #expect(!status.contains("\nUid:\t0"))
            try await testbed.restart(postgres.node)
            #expect(postgres.node.starts == 2)
            await testbed.stop(postgres.node)
            #expect(postgres.node.child?.exit == .code(0))
        }
    }

    @Test func whoIsNotReadyInTimeIsNamedWithTheEndOfItsLog() async throws {
        try await withTestbed { testbed in
            let specification = makeScript(
                "silent", "echo still waiting for nothing; sleep 300", in: testbed.folders.report)
            let port = try Ports.free(1)[0]
            let node = try await testbed.add(
                Node(role: .reader, specification: specification, port: port, readiness: .http))
            try await waitFor("waiting", in: specification.log)
            await #expect {
                try await testbed.waitUntilReady([node], within: .milliseconds(200))
            } throws: { error in
                let text = (error as? Failure)?.description ?? ""
                return text.contains("not ready within 0 s: silent") && text.contains("still waiting for nothing")
            }
        }
    }

    @Test func aDeathEndsTheRunAndIsNamedInsteadOfItsSymptom() async throws {
        await #expect {
            try await withTestbed { testbed in
                let redis = try await PrivateRedis.start(in: testbed)
                Glibc.kill(redis.node.child?.pid ?? 0, SIGKILL)
                _ = try await RedisProbe(port: redis.port).send(RedisCommand("PING"))
                try await Task.sleep(for: .seconds(60))
            }
        } throws: { error in
            guard case .died(let death)? = error as? Failure else { return false }
            return death.name == "redis" && death.exit == .signal(SIGKILL)
        }
    }

    @Test func whatIsMissingIsSaidWithItsPackage() throws {
        let nothing = Binaries(directory: "/nonexistent", launcher: launcher, environment: ["PATH": "/nonexistent"])
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
        try await withTestbed { testbed in
            let redis = try await PrivateRedis.start(in: testbed)
            #expect(!Ports.isFree(redis.port))
            #expect(throws: Failure.self) { try Ports.free(1, range: redis.port..<redis.port + 1) }
        }
    }
}

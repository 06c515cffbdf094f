import Foundation
import Glibc
import Primitives
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
            try await probe.send(RedisCommand("SET", "key", "value"))
            await #expect(throws: (any Error).self, "an error reply is no answer") {
                try await probe.send(RedisCommand("CLUSTER", "INFO"))
            }
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

    @Test func aWaitThatIsInVainSaysForWhat() async throws {
        await #expect(throws: Failure.unavailable("nobody came")) {
            try await Polling.until(atMost: .milliseconds(50), late: "nobody came") { false }
        }
        await #expect(throws: Failure.unavailable("nothing came")) {
            _ = try await Polling.wait(atMost: .milliseconds(50), late: "nothing came") { () -> Int? in nil }
        }
        #expect(try await Polling.wait(atMost: .seconds(5), late: "late") { 7 } == 7)
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

    /// The script of the Kubernetes overlay, with names and addresses of its pods that lead here: what was interrupted is
    /// made anew, a whole cluster is left alone, and so is one that is not whole and has data.
    @Test func theScriptThatMakesAClusterFinishesWhatWasInterrupted() async throws {
        try await withRun { testbed in
            var nodes: [Node] = []
            for number in 0..<6 {
                let options = RedisOptions(arguments: [
                    "--cluster-enabled", "yes", "--cluster-port", "\(try Ports.one())", "--cluster-node-timeout",
                    "1000", "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
                ])
                nodes.append(try await testbed.startRedis(options, name: "redis-\(number)"))
            }
            let folder = try testbed.makeDirectory("programs")
            let ports = nodes.map { "\($0.port)" }.joined(separator: " ")
            let programs = [
                "getent": """
                number=${2#redis-}
                echo "127.0.2.${number%%.*} $2"
                """,
                "redis-cli": """
                ports=(\(ports)) words=()
                while [ $# -gt 0 ]; do
                    case $1 in
                        --no-auth-warning|--tls) ;;
                        --cacert|--user) shift ;;
                        -h) number=${2#redis-}; words+=(-h 127.0.0.1 -p "${ports[${number%%.*}]}"); shift ;;
                        127.0.2.*:6379) number=${1#127.0.2.}; words+=("127.0.0.1:${ports[${number%%:*}]}") ;;
                        *) words+=("$1") ;;
                    esac
                    shift
                done
                unset REDISCLI_AUTH
                exec /usr/bin/redis-cli "${words[@]}"
                """,
            ]
            for (name, text) in programs {
                let path = "\(folder)/\(name)"
                try Data("#!/bin/bash\n\(text)\n".utf8).write(to: URL(fileURLWithPath: path))
                chmod(path, 0o755)
            }
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appending(path: "../../deploy/kubernetes/components/redis-cluster/node.sh").path
            func create() async throws -> String {
                try await testbed.supervisor.output(
                    of: "/usr/bin/env", ["PATH=\(folder):/usr/bin:/bin", "sh", script, "create", "6", "1"])
            }
            func send(_ words: String...) async throws -> RESPValue {
                try await RedisProbe(nodes[0]).send(RedisCommand(words[0], words.dropFirst()))
            }
            // Its slots are given out in part, and it has met another node.
            _ = try await send("CLUSTER", "ADDSLOTSRANGE", "0", "5460")
            _ = try await send("CLUSTER", "MEET", "127.0.0.1", "\(nodes[1].port)")
            _ = try await create()
            let isWhole = try await Polling.wait(atMost: .seconds(20)) { () async throws -> Bool? in
                let cluster = try await send("CLUSTER", "NODES").text ?? ""
                let info = try await send("CLUSTER", "INFO").text ?? ""
                return cluster.matches(of: /slave/).count == 3 && info.contains("cluster_slots_assigned:16384")
                    && info.contains("cluster_state:ok") ? true : nil
            }
            #expect(isWhole == true)
            let id = try await send("CLUSTER", "MYID").text
            #expect(try await create().contains("there is a cluster already"))
            #expect(try await send("CLUSTER", "MYID").text == id, "a reset gives another name")
            _ = try await send("SET", "b", "value")
            _ = try await send("CLUSTER", "DELSLOTS", "5")
            await #expect(throws: Failure.self) { try await create() }
            #expect(try await send("GET", "b").text == "value")
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

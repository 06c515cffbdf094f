import Glibc
import TestSupport
import Testbed
import Testing
import Wire

extension EndToEndTests {
    @Suite struct StoppingTests {
        @Test(arguments: [SIGTERM, SIGINT, SIGHUP]) func aReaderThatIsToldToStopDrains(signal: Int32) async throws {
            try await System.with(environment: ["DRAIN_SECONDS": "1"]) { system in
                var viewers: [StreamClient] = []
                for _ in 0..<20 { viewers.append(try await system.viewer(of: "v")) }
                async let code = system.readers[0].end(by: signal)
                for viewer in viewers {
                    #expect(try await viewer.end() == .complete)
                    #expect(await viewer.allEvents.last?.name == "reconnect")
                    #expect(await viewer.retryMilliseconds != nil)
                }
                #expect(await code == 0)
                #expect(try system.redis.command("PUBSUB", "CHANNELS") == "*0\r\n")
            }
        }

        @Test func aSecondSignalEndsItAtOnce() async throws {
            try await System.with(environment: ["DRAIN_SECONDS": "600"]) { system in
                let viewer = try await system.viewer(of: "v")
                let reader = system.readers[0]
                async let code = reader.end(by: SIGTERM)
                #expect(await eventually(within: 30) { reader.log.contains(" stopping ") })
                reader.signal(SIGTERM)
                #expect(await code == 130)
                #expect(try await viewer.end() != .complete)
            }
        }

        /// Under `nohup` the end of the terminal is no reason to stop.
        @Test func aHangupThatIsIgnoredStaysIgnored() async throws {
            try await withTemporaryFolder { folder in
                let environment = ["HOST": "127.0.0.1", "PORT": "0"]
                let program = try await Program(
                    "StatsAPI", environment: environment, folder: folder, ignoresHangup: true)
                try await withEnd({ await program.stop() }) {
                    let port = try await program.port()
                    program.signal(SIGHUP)
                    #expect(try await LoopbackHTTP.get(port: port, "/health").status == 200)
                    program.signal(SIGTERM)
                    #expect(await program.end() == 0)
                    #expect(!program.log.contains("SIGHUP"))
                }
            }
        }

        @Test func theOthersStopInOrderToo() async throws {
            try await System.with { system in
                for node in [system.comments, system.stats] {
                    #expect(await node.end(by: SIGTERM) == 0)
                    #expect(node.log.contains(" stopped"), "\(node.log)")
                }
            }
        }
    }
}

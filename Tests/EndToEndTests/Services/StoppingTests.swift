import Glibc
import TestSupport
import Testing
import Wire

extension EndToEndTests {
    @Suite struct StoppingTests {
        @Test(arguments: [SIGTERM, SIGINT, SIGHUP]) func aReaderThatIsToldToStopDrains(signal: Int32) async throws {
            try await Testbed.with(environment: ["DRAIN_SECONDS": "1"]) { testbed in
                var viewers: [StreamClient] = []
                for _ in 0..<20 { viewers.append(try await testbed.viewer(of: "v")) }
                testbed.readers[0].program.signal(signal)
                for viewer in viewers {
                    #expect(try await viewer.end() == .complete)
                    #expect(await viewer.allEvents.last?.name == "reconnect")
                    #expect(await viewer.retryMilliseconds != nil)
                }
                #expect(await testbed.readers[0].program.end() == 0)
                #expect(try testbed.redis.command("PUBSUB", "CHANNELS") == "*0\r\n")
            }
        }

        @Test func aSecondSignalEndsItAtOnce() async throws {
            try await Testbed.with(environment: ["DRAIN_SECONDS": "600"]) { testbed in
                let viewer = try await testbed.viewer(of: "v")
                let program = testbed.readers[0].program
                program.signal(SIGTERM)
                #expect(await eventually(within: 30) { program.log.contains(" stopping ") })
                program.signal(SIGTERM)
                #expect(await program.end() == 130)
                #expect(try await viewer.end() != .complete)
            }
        }

        /// Under `nohup` the end of the terminal is no reason to stop.
        @Test func aHangupThatIsIgnoredStaysIgnored() async throws {
            try await withTemporaryFolder { folder in
                let environment = ["HOST": "127.0.0.1", "PORT": "0"]
                let program = try Program("StatsAPI", environment: environment, folder: folder, ignoresHangup: true)
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
            try await Testbed.with { testbed in
                for node in [testbed.comments, testbed.stats] {
                    node.program.signal(SIGTERM)
                    #expect(await node.program.end() == 0)
                    #expect(node.program.log.contains(" stopped"), "\(node.program.log)")
                }
            }
        }
    }
}

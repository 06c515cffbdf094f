import Glibc
import TestSupport
import Testbed
import Testing

extension EndToEndTests {
    @Suite struct ConfigurationTests {
        private static let services = ["CommentAPI", "ReaderAPI", "StatsAPI"]

        private func run(
            _ name: String, _ arguments: [String] = [], environment: [String: String] = [:]
        ) async throws -> (code: Int32?, text: String) {
            try await withTemporaryFolder { folder in
                let program = try await Program(name, arguments, environment: environment, folder: folder)
                let code = await program.end()
                await program.stop()
                return (code, program.log)
            }
        }

        @Test(arguments: services) func allProblemsAreToldAtOnceAndNoSecret(service: String) async throws {
            let (code, text) = try await run(
                service, ["--log-level", "shouting", "--no-such-option", "1"],
                environment: [
                    "PORT": "eighty", "REDIS_URL": "redis://:hunter2@127.0.0.1:notaport", "INSTANCE_ID": "a b",
                ])
            #expect(code == 64)
            for key in ["PORT", "REDIS_URL", "INSTANCE_ID", "LOG_LEVEL", "--no-such-option"] {
                #expect(text.contains(key), "\(text)")
            }
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("listening"))
        }

        @Test func theReadersOwnKeysAreChecked() async throws {
            let values = [
                "READER_LOOPS": "0", "READER_BACKLOG_BYTES": "12", "READER_HEARTBEAT_SECONDS": "25s",
                "READER_CONNECTIONS_MAX": "-1", "READER_UNSUBSCRIBE_DELAY_MS": "1e3", "DRAIN_SECONDS": "soon",
                "PLACEMENT": "everywhere", "READER_PUBLIC_URL": "reader", "STATISTICS_API_URL": "ftp://stats",
            ]
            let (code, text) = try await run("ReaderAPI", environment: values)
            #expect(code == 64)
            for key in values.keys { #expect(text.contains(key), "\(key) in \(text)") }
        }

        @Test(arguments: services) func helpAndVersionNeedNoSettings(service: String) async throws {
            let help = try await run(service, ["--help"], environment: ["PORT": "eighty"])
            #expect(help.code == 0)
            for option in ["--port", "--redis-url", "--instance-id", "--log-level"] {
                #expect(help.text.contains(option))
            }
            let version = try await run(service, ["--version"], environment: ["PORT": "eighty"])
            #expect(version.code == 0)
            #expect(version.text.hasPrefix(service + " "))
        }

        /// A port that somebody else has is not the program's fault and may be free later: another code than for settings.
        @Test func aPortThatIsTaken() async throws {
            try await System.with { system in
                var environment = ["REDIS_URL": system.redis.url, "HOST": "127.0.0.1"]
                environment["PORT"] = "\(system.comments.port)"
                let (code, text) = try await run("ReaderAPI", environment: environment)
                #expect(code == 69)
                #expect(text.contains("cannot listen on 127.0.0.1:\(system.comments.port)"), "\(text)")
            }
        }

        @Test func aHostThatNobodyKnows() async throws {
            let host = "no-such-host.invalid"
            let (code, text) = try await run("StatsAPI", environment: ["HOST": host, "PORT": "0"])
            #expect(code == 64)
            #expect(text.contains("HOST=\(host): is no name or address that can be resolved"), "\(text)")
        }

        /// Redis may come later: a service that starts without it is alive, not ready, and does not show the password.
        @Test func withoutRedisAServiceStartsAndIsNotReady() async throws {
            try await withTemporaryFolder { folder in
                let port = try Ports.one()
                let environment = ["REDIS_URL": "redis://:hunter2@127.0.0.1:\(port)", "HOST": "127.0.0.1", "PORT": "0"]
                let program = try await Program("ReaderAPI", environment: environment, folder: folder)
                try await withEnd({ await program.stop() }) {
                    let own = try await program.port()
                    #expect(try await LoopbackHTTP.get(port: own, "/health").status == 200)
                    #expect(try await LoopbackHTTP.get(port: own, "/health/ready").status == 503)
                    #expect(try await LoopbackHTTP.exchange(port: own, RequestText.connect(video: "v")).status == 503)
                    program.signal(SIGTERM)
                    #expect(await program.end() == 0)
                    #expect(!program.log.contains("hunter2"))
                }
            }
        }
    }
}

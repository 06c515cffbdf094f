import Foundation
import TestSupport
import Testbed
import Testing

extension EndToEndTests {
    /// A service with an encrypted Redis and an encrypted PostgreSQL, whose addresses stand in files.
    @Suite struct EncryptionTests {
        private struct Servers: Sendable {
            let redis: Node
            let environment: [String: String]
        }

        private func withServers(_ body: (Servers, String) async throws -> Void) async throws {
            try await withTestbed { testbed async throws in
                let folder = testbed.folders.data
                let authority = try await PrivateAuthority(folder: folder)
                let server = try await authority.issue("server", for: ["DNS:localhost", "DNS:redis.test"])
                let postgres = try await encryptedPostgres(authority, testbed)
                let port = try Ports.one()
                let options = RedisOptions(
                    password: "hunter2",
                    arguments: [
                        "--tls-port", "\(port)", "--tls-cert-file", server.certificate, "--tls-key-file", server.key,
                        "--tls-ca-cert-file", authority.certificate,
                    ])
                let redis = try await testbed.startRedis(options)
                let client = try await authority.issue("client", for: ["DNS:client.test"])
                func file(_ name: String, _ text: String) throws -> String {
                    try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
                    return "\(folder)/\(name)"
                }
                let environment = [
                    "HOST": "127.0.0.1", "PORT": "0",
                    "REDIS_URL_FILE": try file("redis-url", "rediss://:hunter2@127.0.0.1:\(port)\n"),
                    "REDIS_TLS_CA_FILE": authority.certificate, "REDIS_TLS_NAME": "redis.test",
                    "REDIS_TLS_CERTIFICATE_FILE": client.certificate, "REDIS_TLS_KEY_FILE": client.key,
                    "DATABASE_URL_FILE": try file(
                        "database-url",
                        "postgresql://chorus:hunter2@localhost:\(postgres.port)/postgres?sslmode=verify-full"
                            + "&sslrootcert=\(authority.certificate)\n"),
                    "MODERATOR_TOKEN_FILE": try file("moderator-token", "hunter2hunter2hunter2\n"),
                ]
                try await body(Servers(redis: redis, environment: environment), folder)
            }
        }

        /// It wants the password, and takes no session that is not encrypted.
        private func encryptedPostgres(_ authority: PrivateAuthority, _ testbed: Testbed) async throws -> Node {
            let folder = testbed.folders.data
            let identity = try await authority.issue("postgres", for: ["DNS:localhost"])
            let rules = "local all all trust\nhostssl all all all scram-sha-256\n"
            try Data(rules.utf8).write(to: URL(filePath: "\(folder)/hba"))
            if geteuid() == 0, let user = getpwnam("postgres")?.pointee {
                for path in [identity.certificate, identity.key, "\(folder)/hba"] {
                    chown(path, user.pw_uid, user.pw_gid)
                }
            }
            let postgres = try await testbed.startQuickPostgres(settings: [
                "ssl": "on", "ssl_cert_file": identity.certificate, "ssl_key_file": identity.key,
                "hba_file": "\(folder)/hba",
            ])
            try await postgres.sql("ALTER ROLE chorus PASSWORD 'hunter2'")
            return postgres
        }

        @Test func secretsFromFilesStayInTheProcess() async throws {
            try await withServers { servers, folder async throws in
                let program = try await Program("CommentAPI", environment: servers.environment, folder: folder)
                try await withEnd({ await program.stop() }) { () async throws in
                    let port = try await program.port()
                    #expect(
                        await eventually(within: 30) {
                            try await LoopbackHTTP.get(port: port, "/health/ready").status == 200
                        }, "\(program.log)")
                    let body = #"{"userid":"u","videoid":"v","comment":"sealed"}"#
                    let answer = try await LoopbackHTTP.post(port: port, "/comment", json: body)
                    #expect(answer.status == 201, "\(answer.text)")
                    let id = try #require(answer.text.firstMatch(of: /"id":"([^"]+)"/)).1
                    let removal = RequestText.make(
                        "DELETE", "/comment/\(id)?videoid=v",
                        headers: [("Authorization", "Bearer hunter2hunter2hunter2")])
                    #expect(try await LoopbackHTTP.exchange(port: port, removal).status == 200)
                    for file in ["cmdline", "environ"] {
                        let bytes = try Data(contentsOf: URL(filePath: "/proc/\(program.pid)/\(file)"))
                        #expect(!String(decoding: bytes, as: UTF8.self).contains("hunter2"), "\(file)")
                    }
                    // Redis goes away and comes back; the database too: errors are written.
                    await servers.redis.kill()
                    #expect(await eventually { try await LoopbackHTTP.get(port: port, "/health/ready").status == 503 })
                    try await servers.redis.start()
                    #expect(await eventually { try await LoopbackHTTP.get(port: port, "/health/ready").status == 200 })
                    #expect(program.log.contains("Redis connection ended") && !program.log.contains("hunter2"))
                }
            }
        }

        @Test func whatCannotBeUsedIsToldWithoutIt() async throws {
            try await withServers { servers, folder async throws in
                var environment = servers.environment
                environment["DATABASE_URL_FILE"] = environment["REDIS_URL_FILE"]
                environment["MODERATOR_TOKEN_FILE"] = "hunter2hunter2hunter2"
                environment["REDIS_TLS_CA_FILE"] = "\(folder)/hunter2"
                let arguments = ["--redis-url", "redis://:hunter2@127.0.0.1"]
                let program = try await Program("CommentAPI", arguments, environment: environment, folder: folder)
                #expect(await program.end() == 64)
                await program.stop()
                for key in ["DATABASE_URL:", "MODERATOR_TOKEN_FILE:", "--redis-url:"] {
                    #expect(program.log.contains(key), "\(program.log)")
                }
                #expect(!program.log.contains("hunter2"), "\(program.log)")
            }
        }
    }
}

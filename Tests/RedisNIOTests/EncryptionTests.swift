import Foundation
import RedisNIO
import TestSupport
import Testbed
import Testing

/// `rediss://` against a redis-server with certificates of an authority that was made for the test.
@Suite struct EncryptionTests {
    private struct Server: Sendable {
        let redis: Node
        let port: Int
        let folder: String
        let authority: PrivateAuthority

        /// Checks the server's certificate as it should be checked.
        var tls: RedisTLS {
            var tls = RedisTLS()
            tls.authoritiesFile = authority.certificate
            tls.serverName = "redis.test"
            return tls
        }

        func endpoint(_ tls: RedisTLS) -> RedisEndpoint { RedisEndpoint(host: "127.0.0.1", port: port, tls: tls) }
    }

    /// Its certificate names `redis.test`, and no address. The plain port is for the test itself.
    private func withServer(
        names: [String] = ["DNS:redis.test"], arguments: [String] = ["--tls-auth-clients", "no"],
        _ body: (Server) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder async throws in
            let authority = try await PrivateAuthority(folder: folder)
            let server = try await authority.issue("server", for: names)
            let port = try Ports.one()
            let options = RedisOptions(
                arguments: [
                    "--tls-port", "\(port)", "--tls-cert-file", server.certificate, "--tls-key-file", server.key,
                    "--tls-ca-cert-file", authority.certificate,
                ] + arguments)
            try await withRedis(options) { redis in
                try await body(Server(redis: redis, port: port, folder: folder, authority: authority))
            }
        }
    }

    private func withClient(
        _ endpoint: RedisEndpoint, settings: RedisClientSettings = makeClientSettings(),
        _ body: (RedisClient) async throws -> Void
    ) async throws {
        let client = RedisClient(endpoint: endpoint, settings: settings, logger: quietLogger)
        try await withBackground({ try await client.run() }) { try await body(client) }
    }

    /// What the client says when it cannot connect.
    private func trouble(_ endpoint: RedisEndpoint, until word: String = "TLS") async throws -> String {
        var text = ""
        try await withClient(endpoint) { client async throws in
            _ = await eventually(within: 5) { client.isConnected || client.trouble?.message.contains(word) == true }
            text = client.isConnected ? "connected" : client.trouble?.message ?? ""
        }
        return text
    }

    @Test func commandsAndMessages() async throws {
        try await withServer { server async throws in
            let endpoint = server.endpoint(server.tls)
            let subscriber = RedisSubscriber(endpoint: endpoint, logger: quietLogger)
            let sink = RecordingSink()
            subscriber.subscribe(["c"])
            try await withBackground({ try await subscriber.run(sink) }) { () async throws in
                try await withClient(endpoint) { client async throws in
                    #expect(await eventually { sink.subscribed == ["c"] })
                    let commands = (0..<10_000).map { RedisCommand("ECHO", "\($0)") }
                    let replies = try await client.send(contentsOf: commands)
                    #expect(replies.compactMap(\.text) == (0..<10_000).map(String.init))
                    let large = String(repeating: "x", count: 1_000_000)
                    _ = try await client.send(RedisCommand("SET", "k", large))
                    #expect(try await client.send(RedisCommand("GET", "k")).text == large)
                    for number in 0..<100 { _ = try await client.send(RedisCommand("PUBLISH", "c", "\(number)")) }
                    #expect(await eventually { sink.messages.count == 100 })
                }
            }
        }
    }

    @Test func aServerOfAnotherAuthorityIsRefused() async throws {
        try await withServer { server async throws in
            var tls = server.tls
            tls.authoritiesFile = try await PrivateAuthority(folder: server.folder, name: "other").certificate
            #expect(try await trouble(server.endpoint(tls)).contains("TLS: certificate verify failed"))
            tls.authoritiesFile = nil
            #expect(try await trouble(server.endpoint(tls)).contains("TLS: certificate verify failed"))
        }
    }

    @Test func aServerWithAnotherNameIsRefused() async throws {
        try await withServer { server async throws in
            var tls = server.tls
            tls.serverName = "database.test"
            #expect(try await trouble(server.endpoint(tls), until: "certificate").contains("database.test"))
            // By itself the host of the URL must be certified: here an address.
            tls.serverName = nil
            #expect(try await trouble(server.endpoint(tls), until: "ertificate") != "connected")
        }
        try await withServer(names: ["IP:127.0.0.1"]) { server async throws in
            var tls = server.tls
            tls.serverName = nil
            #expect(try await trouble(server.endpoint(tls)) == "connected")
        }
    }

    @Test func aClientShowsItsCertificate() async throws {
        try await withServer(arguments: ["--tls-auth-clients", "yes"]) { server async throws in
            #expect(try await trouble(server.endpoint(server.tls)) != "connected")
            var tls = server.tls
            let client = try await server.authority.issue("client", for: ["DNS:client.test"])
            (tls.certificateFile, tls.keyFile) = (client.certificate, client.key)
            #expect(try await trouble(server.endpoint(tls)) == "connected")
            let stranger = try await PrivateAuthority(folder: server.folder, name: "other")
                .issue("stranger", for: ["DNS:client.test"])
            (tls.certificateFile, tls.keyFile) = (stranger.certificate, stranger.key)
            #expect(try await trouble(server.endpoint(tls)) != "connected")
        }
    }

    /// Two certificates on one port, as a proxy in front of several servers has them.
    @Test func theServerIsAskedForByName() async throws {
        try await withTemporaryFolder { folder async throws in
            let authority = try await PrivateAuthority(folder: folder)
            let first = try await authority.issue("first", for: ["DNS:first.test"])
            let second = try await authority.issue("second", for: ["DNS:second.test"])
            let port = try Ports.one()
            let server = try await Program(
                try Binaries().system("openssl", package: "openssl"),
                [
                    "s_server", "-accept", "127.0.0.1:\(port)", "-www", "-cert", first.certificate, "-key", first.key,
                    "-servername", "second.test", "-cert2", second.certificate, "-key2", second.key,
                ], folder: folder)
            try await withEnd({ await server.stop() }) { () async throws in
                for name in ["first.test", "second.test"] {
                    var tls = RedisTLS()
                    (tls.authoritiesFile, tls.serverName) = (authority.certificate, name)
                    // It speaks TLS, and no Redis.
                    let endpoint = RedisEndpoint(host: "127.0.0.1", port: port, tls: tls)
                    let text = try await trouble(endpoint, until: "no reply in time")
                    #expect(text.contains("no reply in time"), "\(name): \(text)")
                }
            }
        }
    }

    @Test func plainAndEncryptedDoNotMeet() async throws {
        try await withServer { server async throws in
            let plain = RedisEndpoint(host: "127.0.0.1", port: server.redis.port, tls: server.tls)
            // Redis waits for the end of what it takes for a line.
            #expect(try await trouble(plain, until: "no reply in time").contains("no reply in time"))
            let encrypted = RedisEndpoint(host: "127.0.0.1", port: server.port)
            #expect(try await trouble(encrypted, until: "the connection") != "connected")
        }
    }

    @Test func renewedFilesCountWithoutARestart() async throws {
        try await withServer { server async throws in
            var tls = server.tls
            let file = "\(server.folder)/trusted.pem"
            tls.authoritiesFile = file
            try await withClient(server.endpoint(tls)) { client async throws in
                #expect(await eventually { client.trouble?.message.contains("certificate in PEM") == true })
                try FileManager.default.copyItem(atPath: server.authority.certificate, toPath: file)
                #expect(await eventually { client.isConnected })
            }
        }
    }

    @Test func aServerThatFreezesOrDiesIsLeftInTime() async throws {
        let settings = makeClientSettings { settings in
            settings.connection.commandTimeout = .milliseconds(200)
            settings.connection.connectTimeout = .seconds(1)
            settings.connections = 1
            settings.graceWait = .zero
        }
        try await withServer { server async throws in
            try await withClient(server.endpoint(server.tls), settings: settings) { client async throws in
                #expect(await eventually { client.isConnected })
                server.redis.pause()
                let began = ContinuousClock.now
                let error = await thrown(RedisError.self) { _ = try await client.send(RedisCommand("PING")) }
                #expect(error?.code == .timeout)
                #expect((.milliseconds(200) ... .seconds(2)).contains(ContinuousClock.now - began))
                server.redis.resume()
                #expect(await eventually { (try? await client.send(RedisCommand("PING"))) == .status("PONG") })
                await server.redis.kill()
                #expect(await eventually { !client.isConnected })
                #expect(client.trouble?.message.contains("uncleanShutdown") == false)
                try await server.redis.start()
                #expect(await eventually { client.isConnected })
            }
        }
    }
}

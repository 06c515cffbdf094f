import Foundation
import PostgresLibpq
import TestSupport
import Testbed
import Testing

/// `sslmode` of `DATABASE_URL` against a PostgreSQL with `ssl = on`.
@Suite struct EncryptionTests {
    /// A server whose certificate names `database.test`; `hostssl` logins need a client certificate when `rules` say so.
    private func withServer(
        rules: String = "hostssl all all 127.0.0.1/32 trust",
        _ body: (Node, PrivateAuthority, String) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder async throws in
            let authority = try await PrivateAuthority(folder: folder)
            let identity = try await authority.issue("server", for: ["DNS:database.test"])
            try Data("local all all trust\n\(rules)\n".utf8).write(to: URL(filePath: "\(folder)/hba"))
            try handOver(folder)
            try await withTestbed { testbed in
                let server = try await testbed.startQuickPostgres(settings: [
                    "ssl": "on", "ssl_cert_file": identity.certificate, "ssl_key_file": identity.key,
                    "ssl_ca_file": authority.certificate, "hba_file": "\(folder)/hba",
                ])
                try await body(server, authority, folder)
            }
        }
    }

    /// The server runs as `postgres` when the tests run as root, and only its own key is good enough for it.
    private func handOver(_ folder: String) throws {
        guard geteuid() == 0, let user = getpwnam("postgres")?.pointee else { return }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
        for path in [folder] + files { chown(path, user.pw_uid, user.pw_gid) }
    }

    /// Whether the session is encrypted, or why there is none.
    private func session(
        _ server: Node, _ options: String, host: String = "host=database.test&hostaddr=127.0.0.1"
    ) async throws -> String {
        let url = "postgresql://chorus:hunter2@/postgres?\(host)&port=\(server.port)&\(options)"
        return try await withPool(url: url, connections: 1) { pool in
            do {
                let version = try await pool.query(
                    "SELECT coalesce(version, 'plain') FROM pg_stat_ssl WHERE pid = pg_backend_pid()", []
                ) { row throws(PostgresError) in try row.text(0) }
                return version.first ?? ""
            } catch let error as PostgresError {
                #expect(!error.description.contains("hunter2"))
                return error.description
            }
        }
    }

    @Test func theServerIsCheckedAsTheModeSays() async throws {
        try await withServer { server, authority, folder async throws in
            let root = "sslrootcert=\(authority.certificate)"
            #expect(try await session(server, "sslmode=require") == "TLSv1.3")
            #expect(try await session(server, "sslmode=verify-full&\(root)") == "TLSv1.3")
            let byAddress = "host=127.0.0.1"
            #expect(try await session(server, "sslmode=verify-ca&\(root)", host: byAddress) == "TLSv1.3")
            let named = try await session(server, "sslmode=verify-full&\(root)", host: byAddress)
            #expect(named.contains("does not match host name"), "\(named)")
            let other = try await PrivateAuthority(folder: folder, name: "other")
            let unknown = try await session(server, "sslmode=verify-ca&sslrootcert=\(other.certificate)")
            #expect(unknown.contains("certificate verify failed"), "\(unknown)")
            let plain = try await session(server, "sslmode=disable")
            #expect(plain.contains("no encryption"), "\(plain)")
        }
    }

    @Test func aClientShowsItsCertificate() async throws {
        try await withServer(rules: "hostssl all all 127.0.0.1/32 trust clientcert=verify-full") {
            server, authority, folder async throws in
            let mode = "sslmode=verify-full&sslrootcert=\(authority.certificate)"
            let without = try await session(server, mode)
            #expect(without.contains("certificate"), "\(without)")
            // The common name must be the user's.
            let own = try await authority.issue("chorus", for: ["DNS:client.test"])
            let shown = "&sslcert=\(own.certificate)&sslkey=\(own.key)"
            #expect(try await session(server, mode + shown) == "TLSv1.3")
        }
    }

    @Test func aServerWithoutEncryptionIsRefused() async throws {
        let server = try await sharedPostgres()
        let refused = try await session(server, "sslmode=require")
        #expect(refused.contains("does not support SSL"), "\(refused)")
    }
}

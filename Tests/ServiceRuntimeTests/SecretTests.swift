import Foundation
import RedisNIO
import ServiceRuntime
import TestSupport
import Testing

private struct SecretSettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings
    var reports: ReportSettings
    var token: String?
    var publicURL: ServiceURL?

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 3000)
        redis = RedisSettings(from: &reader)
        reports = ReportSettings(from: &reader)
        token = reader.optionalSecret("TOKEN", length: 8...64, "A token.")
        publicURL = reader.optionalURL("PUBLIC_URL", schemes: ["http"], isPublic: true, "An address.")
    }
}

@Suite struct SecretTests {
    private func problems(_ environment: [String: String], _ arguments: [String] = []) -> [String] {
        do {
            _ = try SecretSettings.read(arguments: arguments, environment: environment)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    private func withFile(_ bytes: [UInt8], _ body: (String) async throws -> Void) async throws {
        try await withTemporaryFolder { folder async throws in
            let path = "\(folder)/secret"
            try Data(bytes).write(to: URL(filePath: path))
            try await body(path)
        }
    }

    @Test(arguments: ["redis://:hunter2@h:7000/2", "redis://:hunter2@h:7000/2\n", "redis://:hunter2@h:7000/2\r\n"])
    func anAddressFromAFile(text: String) async throws {
        try await withFile(Array(text.utf8)) { path async throws in
            for settings in [
                try SecretSettings.read(environment: ["REDIS_URL_FILE": path, "TOKEN_FILE": "", "REDIS_URL": ""]),
                try SecretSettings.read(arguments: ["--redis-url-file", path], environment: [:]),
            ] {
                #expect(settings.redis.endpoint.password == "hunter2" && settings.redis.endpoint.database == 2)
                #expect(settings.token == nil)
            }
        }
    }

    @Test func aTokenFromAFileKeepsItsSpacesToItself() async throws {
        try await withFile(Array("hunter2hunter2\n".utf8)) { path async throws in
            #expect(try SecretSettings.read(environment: ["TOKEN_FILE": path]).token == "hunter2hunter2")
        }
        try await withFile(Array("hunter2 hunter2\n\n".utf8)) { path async throws in
            #expect(
                problems(["TOKEN_FILE": path]) == ["TOKEN: must be a secret, 8 to 64 visible ASCII characters"])
        }
    }

    private static let unusable: [(bytes: [UInt8], reason: String)] = [
        ([], "is empty"), (Array("\n".utf8), "is empty"), ([0x68, 0xC3, 0x28], "is no UTF-8 text"),
        (Array(repeating: 0x68, count: 65_537), "is longer than 65536 bytes"),
    ]

    @Test(arguments: unusable) func aFileThatHoldsNoSecret(bytes: [UInt8], reason: String) async throws {
        try await withFile(bytes) { path async throws in
            #expect(problems(["TOKEN_FILE": path]) == ["TOKEN_FILE: \(reason)"])
        }
    }

    @Test func whatIsNoFileIsNotShown() async throws {
        #expect(
            problems(["TOKEN_FILE": "hunter2hunter2"]) == ["TOKEN_FILE: cannot be opened: No such file or directory"])
        #expect(problems(["TOKEN_FILE": "/"]) == ["TOKEN_FILE: cannot be read: Is a directory"])
        try await withFile(Array("hunter2hunter2".utf8)) { path async throws in
            let both = problems(["TOKEN_FILE": path, "TOKEN": "hunter2hunter2"])
            #expect(both == ["TOKEN_FILE: is of no use: TOKEN is given, too"])
        }
    }

    @Test(arguments: [
        ("--token", "hunter2hunter2"), ("--redis-url", "redis://:hunter2@h"), ("--redis-url", "redis://a:hunter2@h"),
        ("--statistics-api-url", "http://a:hunter2@h"), ("--statistics-api-url", "http://h?password=hunter2"),
    ])
    func aSecretIsNoArgument(option: String, value: String) {
        let found = problems([:], [option, value])
        #expect(found.count == 1 && found[0].hasPrefix("\(option): everybody on this machine"), "\(found)")
        #expect(!found.joined().contains("hunter2"))
    }

    @Test(arguments: ["redis://h:1", "redis://[::1]:1/2", "rediss://h"]) func anAddressMayBeAnArgument(url: String) {
        #expect(problems([:], ["--redis-url", url]) == [])
    }

    @Test func onlySecretsHaveFiles() {
        #expect(problems([:], ["--port-file", "x"]) == ["--port-file: is no option of this service"])
        #expect(problems([:], ["--public-url-file", "x"]) == ["--public-url-file: is no option of this service"])
        let table = ConfigurationTable.markdown(service: "Example", SecretSettings.declarations)
        #expect(table.contains("| `TOKEN` or `TOKEN_FILE` |") && table.contains("| `PUBLIC_URL` |"))
        #expect(
            ConfigurationTable.help(service: "Example", summary: "", SecretSettings.declarations).contains(
                "Or --redis-url-file: a file that holds it."))
    }
}

@Suite struct EncryptionSettingsTests {
    private func problems(_ environment: [String: String]) -> [String] {
        do {
            _ = try SecretSettings.read(environment: environment)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func everything() async throws {
        try await withTemporaryFolder { folder async throws in
            let authority = try await PrivateAuthority(folder: folder)
            let client = try await authority.issue("client", for: ["DNS:client.test"])
            let environment = [
                "REDIS_URL": "rediss://10.0.0.1", "REDIS_TLS_CA_FILE": authority.certificate,
                "REDIS_TLS_CERTIFICATE_FILE": client.certificate, "REDIS_TLS_KEY_FILE": client.key,
                "REDIS_TLS_NAME": "redis-1.test",
            ]
            let tls = try SecretSettings.read(environment: environment).redis.endpoint.tls
            #expect(tls?.serverName == "redis-1.test" && tls?.authoritiesFile == authority.certificate)
            #expect(tls?.certificateFile == client.certificate && tls?.keyFile == client.key)

            func with(_ key: String, _ value: String) -> [String] {
                problems(environment.merging([key: value]) { $1 })
            }
            let noCertificate = "there is no certificate in PEM that can be read"
            #expect(with("REDIS_TLS_CA_FILE", "\(folder)/none") == ["REDIS_TLS_CA_FILE: \(noCertificate)"])
            #expect(with("REDIS_TLS_CA_FILE", client.key) == ["REDIS_TLS_CA_FILE: \(noCertificate)"])
            #expect(with("REDIS_TLS_CERTIFICATE_FILE", client.key) == ["REDIS_TLS_CERTIFICATE_FILE: \(noCertificate)"])
            #expect(
                with("REDIS_TLS_KEY_FILE", client.certificate)
                    == ["REDIS_TLS_KEY_FILE: there is no private key in PEM that can be read"])
            #expect(
                with("REDIS_TLS_KEY_FILE", authority.key)
                    == ["REDIS_TLS_KEY_FILE: it does not belong to the certificate"])
            #expect(
                with("REDIS_TLS_KEY_FILE", "")
                    == ["REDIS_TLS_CERTIFICATE_FILE: needs REDIS_TLS_KEY_FILE, and the other way round"])
            #expect(with("REDIS_TLS_NAME", "10.0.0.1").count == 1)
            #expect(with("REDIS_TLS_NAME", "a b").count == 1)
            #expect(with("REDIS_URL", "redis://h") == ["REDIS_URL: REDIS_TLS_ settings need rediss://"])
        }
    }
}

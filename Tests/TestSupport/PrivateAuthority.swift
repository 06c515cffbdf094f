import Foundation
import Testbed

/// A certificate authority of a test's own, made by openssl; everything is in one folder and good for two days.
public struct PrivateAuthority: Sendable {
    /// Paths of PEM files.
    public struct Identity: Sendable {
        public let certificate: String
        public let key: String
    }

    private let own: Identity
    private let folder: String

    public var certificate: String { own.certificate }
    public var key: String { own.key }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    /// - Parameter name: its own, and of its files.
    public init(folder: String, name: String = "authority") async throws {
        self.folder = folder
        own = Identity(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
        try await Self.openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=\(name)", "-keyout", own.key, "-out", own.certificate]
                + Self.newKey)
    }

    /// A new key with a certificate.
    ///
    /// - Parameter names: `DNS:redis.test`, `IP:127.0.0.1`.
    public func issue(_ name: String, for names: [String]) async throws -> Identity {
        let identity = Identity(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
        let (request, extensions) = ("\(folder)/\(name).csr", "\(folder)/\(name).ext")
        try Data("subjectAltName=\(names.joined(separator: ","))\n".utf8).write(to: URL(filePath: extensions))
        try await Self.openssl(
            ["req", "-new", "-subj", "/CN=\(name)", "-keyout", identity.key, "-out", request] + Self.newKey)
        try await Self.openssl([
            "x509", "-req", "-days", "2", "-in", request, "-CA", own.certificate, "-CAkey", own.key,
            "-CAcreateserial", "-extfile", extensions, "-out", identity.certificate,
        ])
        return identity
    }

    private static func openssl(_ arguments: [String]) async throws {
        try await Supervisor().output(of: Binaries().system("openssl", package: "openssl"), arguments)
    }
}

import NIOCore
import NIOSSL

/// How connections to Redis are encrypted (`rediss://`): the server's certificate is checked, its name too.
///
/// Files are PEM. They are read for each new connection, so that a renewed certificate needs no restart.
public struct RedisTLS: Hashable, Sendable {
    /// Certificates of the authorities that are trusted; `nil`: those of the system.
    public var authoritiesFile: String?
    /// The client's certificate, with what stands between it and its authority; `nil`: none is shown.
    public var certificateFile: String?
    /// Not encrypted with a passphrase. Given when the certificate is.
    public var keyFile: String?
    /// The name that the server is asked for (SNI) and that its certificate must have; `nil`: the endpoint's host. A host
    /// that is an address is not sent, and the certificate must have the address.
    public var serverName: String?

    public init() {}

    /// Closing a connection waits so long for the server's own end of it, also when the server is frozen.
    private static let shutdownTimeout = TimeAmount.milliseconds(200)

    /// Reads the files; throws ``RedisTLSError``.
    func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = Self.shutdownTimeout
        if let authoritiesFile {
            configuration.trustRoots = .certificates(try Self.certificates(authoritiesFile, .authorities))
        }
        if let certificateFile, let keyFile {
            let chain = try Self.certificates(certificateFile, .certificate)
            configuration.certificateChain = chain.map { .certificate($0) }
            do {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
            } catch {
                throw RedisTLSError(part: .key, reason: "there is no private key in PEM that can be read")
            }
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw RedisTLSError(part: .key, reason: "it does not belong to the certificate")
        }
    }

    private static func certificates(
        _ file: String, _ part: RedisTLSError.Part
    ) throws(RedisTLSError) -> [NIOSSLCertificate] {
        guard let found = try? NIOSSLCertificate.fromPEMFile(file), !found.isEmpty else {
            throw RedisTLSError(part: part, reason: "there is no certificate in PEM that can be read")
        }
        return found
    }

    /// Throws what is wrong with the files.
    public func check() throws(RedisTLSError) {
        do {
            _ = try makeContext()
        } catch let error as RedisTLSError {
            throw error
        } catch {
            throw RedisTLSError(part: .authorities, reason: "\(error)")
        }
    }
}

/// A file of ``RedisTLS`` that cannot be used.
public struct RedisTLSError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Part: String, Sendable {
        case authorities, certificate, key
    }

    public let part: Part
    /// A clause about the part's file.
    public let reason: String

    public var description: String { "TLS, file of the \(part.rawValue): \(reason)" }
}

extension RedisEndpoint {
    /// What the server is asked for; addresses have no place in that field.
    var serverName: String? {
        if let name = tls?.serverName { return name }
        return (try? SocketAddress(ipAddress: host, port: port)) == nil ? host : nil
    }
}

extension RedisError {
    /// Why a connection ended or did not begin, in words; of BoringSSL's report only the reason.
    static func reason(_ error: any Error) -> String {
        let text = "\(error)"
        guard let reason = text.split(separator: "OPENSSL_internal:").dropFirst().first?.prefix(while: { $0 != " " })
        else { return text }
        return "TLS: " + reason.lowercased().split(separator: "_").joined(separator: " ")
    }
}

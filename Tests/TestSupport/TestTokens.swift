public import Crypto
import CryptoExtras
public import Foundation

/// Keys of a provider of identities, and tokens that it signs. The signatures are made without the code under test.
public struct TestTokens: Sendable {
    public enum Algorithm: String, CaseIterable, Sendable {
        case edDSA = "EdDSA"
        case es256 = "ES256"
        case rs256 = "RS256"
        case hs256 = "HS256"
    }

    public static let secret = Array("0123456789abcdef0123456789abcdef".utf8)

    public let edwards = Curve25519.Signing.PrivateKey()
    public let curve = P256.Signing.PrivateKey()
    private let rsa: Result<_RSA.Signing.PrivateKey, any Error>

    /// An RSA key takes a moment: one of these for all tests of a file.
    public init() {
        rsa = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }
    }

    /// The key set; the `kid` of a key is its algorithm's name.
    public func keySet(_ algorithms: [Algorithm] = Algorithm.allCases) throws -> String {
        #"{"keys":[\#(try algorithms.map(key).joined(separator: ","))]}"#
    }

    public func key(_ algorithm: Algorithm) throws -> String {
        let members: String
        switch algorithm {
        case .edDSA:
            members = #""kty":"OKP","crv":"Ed25519","x":"\#(Self.base64(edwards.publicKey.rawRepresentation))""#
        case .es256:
            let point = curve.publicKey.rawRepresentation
            members =
                #""kty":"EC","crv":"P-256","x":"\#(Self.base64(point.prefix(32)))","y":"\#(Self.base64(point.suffix(32)))""#
        case .rs256:
            let numbers = try rsa.get().publicKey.getKeyPrimitives()
            members =
                #""kty":"RSA","n":"\#(Self.base64(numbers.modulus))","e":"\#(Self.base64(numbers.publicExponent))""#
        case .hs256: members = #""kty":"oct","k":"\#(Self.base64(Self.secret))""#
        }
        return #"{"kid":"\#(algorithm.rawValue)","alg":"\#(algorithm.rawValue)",\#(members)}"#
    }

    /// A token of claims and, if need be, of a header that are written as they are.
    public func token(_ claims: String, _ algorithm: Algorithm = .edDSA, header: String? = nil) throws -> String {
        let header = header ?? #"{"alg":"\#(algorithm.rawValue)","kid":"\#(algorithm.rawValue)","typ":"JWT"}"#
        let signed = Self.base64(Data(header.utf8)) + "." + Self.base64(Data(claims.utf8))
        return signed + "." + Self.base64(try signature(of: Data(signed.utf8), algorithm))
    }

    /// A token of a user that is valid for `seconds`.
    public func token(of user: String, seconds: Double = 600, _ more: String = "") throws -> String {
        let now = Date().timeIntervalSince1970
        return try token(#"{"sub":"\#(user)","iat":\#(now),"exp":\#(now + seconds)\#(more)}"#)
    }

    /// An HMAC with what everybody knows, under the name of the key that it is.
    public func tokenWithPublicKeyAsSecret(_ claims: String) -> String {
        let signed = Self.base64(#"{"alg":"HS256","kid":"EdDSA"}"#.utf8) + "." + Self.base64(claims.utf8)
        let key = SymmetricKey(data: edwards.publicKey.rawRepresentation)
        return signed + "." + Self.base64(HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: key))
    }

    public func signature(of data: Data, _ algorithm: Algorithm) throws -> [UInt8] {
        switch algorithm {
        case .edDSA: Array(try edwards.signature(for: data))
        case .es256: Array(try curve.signature(for: data).rawRepresentation)
        case .rs256:
            Array(try rsa.get().signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5).rawRepresentation)
        case .hs256: Array(HMAC<SHA256>.authenticationCode(for: data, using: SymmetricKey(data: Self.secret)))
        }
    }

    public static func base64(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

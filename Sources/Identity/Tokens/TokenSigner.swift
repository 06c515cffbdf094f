internal import Crypto
internal import JWTKit

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Signs tokens with an Ed25519 key.
public struct TokenSigner: Sendable {
    private let keys = JWTKeyCollection()
    private let keyID: JWKIdentifier

    /// - Parameter json: a private key as a JSON Web Key (RFC 8037), as ``makeKeys()`` writes it.
    /// - Throws: ``KeyProblem``.
    public init(json: Data) async throws {
        guard let key = try? JSONDecoder().decode(PrivateKey.self, from: json), key.kty == "OKP", key.crv == "Ed25519",
            let secret = try? EdDSA.PrivateKey(d: key.d, curve: .ed25519)
        else { throw KeyProblem(description: "it is no private Ed25519 key as a JSON Web Key") }
        keyID = JWKIdentifier(string: key.kid)
        await keys.add(eddsa: secret, kid: keyID)
    }

    /// A token of a subject, signed. What the subject does not say is not in it.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - lifetime: seconds.
    public func sign(_ subject: Subject, rules: TokenRules, now: Int, lifetime: Int) async throws -> String {
        let claims = Claims(
            sub: subject.id, iat: now, exp: now + lifetime, iss: rules.issuer, aud: rules.audience,
            role: subject.role == .user ? nil : subject.role.rawValue, sid: subject.session)
        return try await keys.sign(claims, kid: keyID)
    }

    /// A new key: the private one as a JSON Web Key, and the key set with the public one.
    public static func makeKeys() -> (signing: String, keySet: String) {
        let key = Curve25519.Signing.PrivateKey()
        let x = Base64URL.encode(key.publicKey.rawRepresentation)
        let kid = String(x.prefix(12))
        let common = #""kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"\#(kid)","x":"\#(x)""#
        return (
            "{\(common),\"d\":\"\(Base64URL.encode(key.rawRepresentation))\"}\n",
            "{\"keys\":[{\(common),\"use\":\"sig\"}]}\n"
        )
    }

    private struct PrivateKey: Decodable {
        var kty: String
        var crv: String
        var kid: String
        var d: String
    }

    private struct Claims: JWTPayload {
        var sub: String
        var iat: Int
        var exp: Int
        var iss: String?
        var aud: String?
        var role: String?
        var sid: String?

        func verify(using algorithm: some JWTAlgorithm) {}
    }
}

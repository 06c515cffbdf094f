internal import JWTKit

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The keys that tokens may be signed with: a JSON Web Key Set (RFC 7517). Each key is pinned to one algorithm.
///
/// Taken are `OKP` with Ed25519 (EdDSA), `EC` with P-256 (ES256), `RSA` from 2,048 bits (RS256) and `oct` from 32 bytes
/// (HS256). Keys of other kinds and keys for encryption are passed over, as providers publish them beside those for signatures.
public struct TokenKeys: Sendable {
    struct Key: Sendable {
        var id: String?
        var algorithm: any JWTAlgorithm
    }

    /// Keys of one set.
    public static let countMax = 64

    private(set) var keys: [Key] = []

    public var count: Int { keys.count }

    /// No key: every token is refused.
    public init() {}

    /// - Throws: ``KeyProblem``.
    public init(json: Data) async throws {
        let set: KeySet
        do { set = try JSONDecoder().decode(KeySet.self, from: json) } catch {
            throw KeyProblem(description: "it is no JSON Web Key Set")
        }
        guard set.keys.count <= Self.countMax else {
            throw KeyProblem(description: "it has more than \(Self.countMax) keys")
        }
        for (place, key) in set.keys.enumerated() {
            do {
                if let algorithm = try await key.makeAlgorithm() { keys.append(Key(id: key.kid, algorithm: algorithm)) }
            } catch { throw KeyProblem(description: "key \(place + 1) cannot be used") }
        }
        guard !keys.isEmpty else {
            throw KeyProblem(description: "it has no key for EdDSA, ES256, RS256 or HS256")
        }
        guard Set(keys.map(\.id)).count == keys.count else {
            throw KeyProblem(description: "two keys have the same kid, or none")
        }
    }

    /// The key of a token; one without `kid` has the only key.
    func key(id: String?) -> Key? {
        guard let id else { return keys.count == 1 ? keys[0] : nil }
        return keys.first { $0.id == id }
    }
}

/// Why a key set cannot be used; no word of it comes from the file.
public struct KeyProblem: Error, Equatable, CustomStringConvertible {
    public let description: String
}

private struct KeySet: Decodable {
    var keys: [WebKey]
}

/// One key as RFC 7518, section 6 and RFC 8037 write it. (jwt-kit's own type has neither `oct` nor room for other kinds.)
private struct WebKey: Decodable {
    var kty: String
    var kid: String?
    var alg: String?
    var use: String?
    var crv: String?
    var x: String?
    var y: String?
    var n: String?
    var e: String?
    var k: String?

    /// jwt-kit's verifier; `nil` for a key that is not for signatures, or not of these kinds.
    func makeAlgorithm() async throws -> (any JWTAlgorithm)? {
        guard use == nil || use == "sig" else { return nil }
        let collection = JWTKeyCollection()
        let id = JWKIdentifier(string: "key")
        switch (kty, crv, alg) {
        case ("OKP", "Ed25519", nil), ("OKP", "Ed25519", "EdDSA"):
            await collection.add(eddsa: try EdDSA.PublicKey(x: x ?? "", curve: .ed25519), kid: id)
        case ("EC", "P-256", nil), ("EC", "P-256", "ES256"):
            let key = try ES256PublicKey(parameters: (x: x ?? "", y: y ?? ""))
            await collection.add(ecdsa: key, kid: id)
        case ("RSA", _, nil), ("RSA", _, "RS256"):
            let key = try Insecure.RSA.PublicKey(modulus: n ?? "", exponent: e ?? "")
            await collection.add(rsa: key, digestAlgorithm: .sha256, kid: id)
        case ("oct", _, nil), ("oct", _, "HS256"):
            guard let secret = Base64URL.decode((k ?? "").utf8), secret.count >= 32 else {
                throw KeyProblem(description: "an oct key needs 32 bytes")
            }
            await collection.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256, kid: id)
        default: return nil
        }
        return try await collection.getKey(for: id)
    }
}

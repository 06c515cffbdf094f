import Wire

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A JSON Web Token in its compact form (RFC 7519, RFC 7515), read strictly and not verified yet.
///
/// Stricter than the RFCs where lenience has been a hole elsewhere: base64url without padding and without spare bits, names
/// that come once, no `crit`, an `alg` and a `kid` that are strings, at most ``bytesMax`` bytes.
struct SignedToken {
    /// Longer ones are refused before anything of them is read.
    static let bytesMax = 4_096

    let algorithm: String
    let key: String?
    let claims: JSONObject
    /// What the signature is of.
    let signed: ArraySlice<UInt8>
    let signature: [UInt8]

    init(parsing text: String) throws(TokenProblem) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.bytesMax else { throw .invalid }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            let signature = Base64URL.decode(parts[2]), header["crit"] == nil,
            case .string(let algorithm) = header["alg"]
        else { throw .invalid }
        switch header["kid"] {
        case .string(let kid): key = kid
        case nil: key = nil
        default: throw .invalid
        }
        self.algorithm = algorithm
        self.claims = claims
        self.signature = signature
        signed = bytes[..<parts[1].endIndex]
    }

    private static func object(_ part: ArraySlice<UInt8>) -> JSONObject? {
        guard let bytes = Base64URL.decode(part) else { return nil }
        return try? bytes.withUnsafeBytes { try JSONScanner.object($0) }
    }
}

/// base64url without padding (RFC 4648, section 5).
public enum Base64URL {
    /// `nil` for a character or a length that cannot be, and for bits behind the last byte that are not 0: every text of
    /// some bytes is the only one.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var buffer: UInt32 = 0
        var bits = 0
        for character in text {
            guard let value = value(of: character) else { return nil }
            buffer = buffer << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
                buffer &= (1 << UInt32(bits)) - 1
            }
        }
        return bits < 6 && buffer == 0 ? bytes : nil
    }

    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

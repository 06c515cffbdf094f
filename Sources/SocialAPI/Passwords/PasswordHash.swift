import CSodium

/// argon2id as libsodium computes it, in the text form that carries its own parameters (`$argon2id$v=19$m=…,t=…,p=1$…`).
struct PasswordHash: Sendable {
    /// The second choice of OWASP's list (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
    static let standard = PasswordHash(memoryBytes: 19 << 20, passes: 2)

    var memoryBytes: Int
    var passes: UInt64

    /// Must have been called before anything else here; may be called again.
    static func start() { precondition(sodium_init() >= 0, "libsodium cannot be used") }

    /// `nil` when there is no memory.
    func make(_ password: [UInt8]) -> String? {
        var text = [CChar](repeating: 0, count: crypto_pwhash_strbytes())
        let isMade = Self.withCharacters(password) { characters, count in
            crypto_pwhash_str(&text, characters, count, passes, memoryBytes) == 0
        }
        guard isMade else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether `text` is a hash of the password, by the parameters in `text`.
    static func matches(_ password: [UInt8], _ text: String) -> Bool {
        guard text.utf8.count < crypto_pwhash_strbytes() else { return false }
        return withCharacters(password) { crypto_pwhash_str_verify(text, $0, $1) == 0 }
    }

    /// The bytes as C has them. Never without an address, as those of no byte at all would be.
    private static func withCharacters(
        _ bytes: [UInt8], _ body: (UnsafePointer<CChar>, UInt64) -> Bool
    ) -> Bool {
        (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
            guard let characters = buffer.baseAddress else { return false }
            return body(characters, UInt64(bytes.count))
        }
    }

    /// Whether a hash was made with other parameters than these.
    func isOutdated(_ text: String) -> Bool { crypto_pwhash_str_needs_rehash(text, passes, memoryBytes) != 0 }
}

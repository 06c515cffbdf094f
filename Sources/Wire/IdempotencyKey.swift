/// The id that a client gives a comment itself, so that it may send the same request again after an answer that it did
/// not get or that left the outcome open: header `Idempotency-Key`. It becomes the comment's id.
public struct IdempotencyKey: Equatable, Sendable {
    /// Long enough that two clients do not choose the same one by chance.
    private static let lengths = 16...64
    /// The rule, as it is told to who broke it.
    public static let expected = "\(lengths.lowerBound) to \(lengths.upperBound) letters, digits, '-' and '_'"

    public let id: String

    /// Letters, digits, `-` and `_` only: no dot, so that it can never read as a position.
    public init?(_ text: String) {
        let isAllowed = text.utf8.allSatisfy { byte in
            let lower = byte | 0x20
            return lower >= 0x61 && lower <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x2D || byte == 0x5F
        }
        guard Self.lengths.contains(text.utf8.count), isAllowed else { return nil }
        id = text
    }
}

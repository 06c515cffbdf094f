/// The secret that lets its bearer remove anybody's comment.
struct ModeratorToken: Sendable {
    static let lengths = 16...256

    private let bytes: [UInt8]

    /// - Parameter text: not empty.
    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// Takes the same time whatever `text` is, its length aside: where it first differs cannot be measured.
    func matches(_ text: some StringProtocol) -> Bool {
        let other = Array(text.utf8)
        guard other.count == bytes.count else { return false }
        var difference: UInt8 = 0
        for (one, two) in zip(bytes, other) { difference |= one ^ two }
        return difference == 0
    }
}

extension ModeratorToken: CustomStringConvertible, CustomReflectable {
    var description: String { "***" }
    var customMirror: Mirror { Mirror(self, children: []) }
}

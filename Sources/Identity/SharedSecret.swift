/// A secret that operators share: its bearer has a role, without a token that somebody signs.
public struct SharedSecret: Sendable {
    public static let lengths = 16...256

    let subject: Subject
    private let bytes: [UInt8]

    /// - Parameter text: not empty.
    public init(_ text: String, role: Role) {
        bytes = Array(text.utf8)
        subject = Subject(id: role.rawValue, role: role)
    }

    /// For the header `Authorization` of this process's own requests.
    public var authorization: String { "Bearer " + String(decoding: bytes, as: UTF8.self) }

    /// Takes the same time whatever `text` is, its length aside: where it first differs cannot be measured.
    func matches(_ text: some StringProtocol) -> Bool {
        let other = Array(text.utf8)
        guard other.count == bytes.count else { return false }
        var difference: UInt8 = 0
        for (one, two) in zip(bytes, other) { difference |= one ^ two }
        return difference == 0
    }
}

extension SharedSecret: CustomStringConvertible, CustomReflectable {
    public var description: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A parameter that cannot be read: which one, what was given, and what would be right.
public struct InvalidParameter: Error, Equatable, Sendable, CustomStringConvertible {
    public let name: String
    public let value: String
    public let expected: String

    public init(name: String, value: String, expected: String) {
        self.name = name
        self.value = value
        self.expected = expected
    }

    public var description: String { "\(name) is \"\(value)\"; expected \(expected)" }
}

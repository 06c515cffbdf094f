/// The members of one JSON object, as a request body carries it.
///
/// What lies inside of nested objects is checked and dropped: requests and tokens of Chorus are flat but for lists.
public struct JSONObject: Sendable {
    public enum Value: Equatable, Sendable {
        case string(String)
        case number(Double)
        case boolean(Bool)
        case null
        case array([Value])
        case object
    }

    /// Members that are kept at most; more make the object be refused.
    public static let membersMax = 64

    public private(set) var members: [(name: String, value: Value)] = []

    public init() {
        members.reserveCapacity(4)
    }

    /// The caller has seen that the name is not there.
    public mutating func append(_ name: String, _ value: Value) {
        members.append((name, value))
    }

    /// The value of a member; `nil` when there is none of that name.
    public subscript(name: String) -> Value? {
        members.first { $0.name == name }?.value
    }
}

/// Why bytes are not the JSON object that they should be.
public struct JSONProblem: Error, Equatable {
    public enum Kind: String, Sendable {
        case malformed = "malformed_json"
        case invalidUTF8 = "invalid_utf8"
    }

    public var kind: Kind
    public var sentence: String
    /// Where, in bytes from the start.
    public var offset: Int
}

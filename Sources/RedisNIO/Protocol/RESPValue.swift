/// One reply of Redis (RESP2, redis.io/docs/latest/develop/reference/protocol-spec).
public indirect enum RESPValue: Hashable, Sendable {
    /// The null bulk string or the null array.
    case null
    case integer(Int64)
    /// A simple string, such as `OK`.
    case status(String)
    /// A bulk string: any bytes.
    case bytes([UInt8])
    case array([RESPValue])
    /// An error inside an array or pipeline; the error of a single command is thrown instead.
    case failure(RedisError)
}

extension RESPValue {
    public var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// A bulk string's bytes.
    public var bytes: [UInt8]? {
        if case .bytes(let value) = self { value } else { nil }
    }

    /// A simple or bulk string as text; bytes that are not UTF-8 are replaced.
    public var text: String? {
        switch self {
        case .status(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        default: nil
        }
    }

    public var array: [RESPValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    public var failure: RedisError? {
        if case .failure(let error) = self { error } else { nil }
    }
}

/// The fields of an `INFO` reply: lines of `name:value`; `#` headings are left out.
public struct RedisInfo: Sendable {
    private var fields: [String: String] = [:]

    public init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
    }

    public subscript(name: String) -> String? { fields[name] }
}

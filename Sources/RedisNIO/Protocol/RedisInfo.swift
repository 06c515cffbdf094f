/// The fields of an `INFO` reply: lines of `name:value`, and `#` headings that are left out.
public struct RedisInfo: Sendable {
    private let fields: [String: String]

    public init(_ text: String) {
        var fields: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        self.fields = fields
    }

    public subscript(name: String) -> String? { fields[name] }
}

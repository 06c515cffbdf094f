import RedisNIO

/// One entry of a Redis stream.
struct StreamEntry: Equatable, Sendable {
    /// `<milliseconds>-<number>`.
    let id: String
    /// Empty for an entry that was deleted while it was pending.
    let fields: [Field]

    struct Field: Equatable, Sendable {
        let name: String
        let value: String
    }

    var isGone: Bool { fields.isEmpty }

    /// When it was appended, milliseconds since 1970-01-01T00:00:00Z.
    var milliseconds: Int64 { Int64(id.prefix { $0 != "-" }) ?? 0 }

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The entry as text, cut to what is worth keeping of an unreadable one.
    var raw: String { String(fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ").prefix(1_000)) }

    /// The entries of an `XRANGE` reply, or of one stream of `XREADGROUP`.
    static func entries(_ reply: RESPValue?) -> [StreamEntry] {
        (reply?.array ?? []).compactMap { value in
            guard let parts = value.array, parts.count == 2, let id = parts[0].text else { return nil }
            let texts = parts[1].array ?? []
            let fields = stride(from: 0, to: texts.count - 1, by: 2).map { index in
                Field(name: texts[index].text ?? "", value: texts[index + 1].text ?? "")
            }
            return StreamEntry(id: id, fields: fields)
        }
    }
}

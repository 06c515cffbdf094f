import Storage
import Wire

/// One entry of a change stream: the changes of one batch in one partition, or why it cannot be understood.
struct ChangeEntry: Equatable, Sendable {
    enum Unreadable: Error, Equatable {
        /// A newer process wrote it: it is left to those who can read it.
        case newer
        /// Nobody can read it.
        case malformed(String)
    }

    /// The form of the entries that this program writes and reads; an entry without one is of the first.
    static let format = 1

    let id: String
    /// What the entry says it holds; 0 when it does not say.
    let count: Int
    let content: Result<[LikeChange], Unreadable>
    /// As they stand in the stream.
    let fields: [StreamEntry.Field]

    /// Deleted while it was pending.
    var isGone: Bool { fields.isEmpty }

    var changes: [LikeChange] { (try? content.get()) ?? [] }

    /// Entries are written by ``PartitionScripts/apply``: in the form `f`, `n` changes, of versions from `v` up, made at
    /// `t`, as lines in `c`.
    init(_ entry: StreamEntry) {
        id = entry.id
        fields = entry.fields
        count = max(0, entry["n"].flatMap { Int($0) } ?? 0)
        do {
            content = .success(try Self.changes(entry))
        } catch {
            content = .failure(error)
        }
    }

    private static func changes(_ entry: StreamEntry) throws(Unreadable) -> [LikeChange] {
        if let format = entry["f"], Int(format) ?? .max > Self.format { throw .newer }
        guard let count = entry["n"].flatMap({ Int($0) }), let first = entry["v"].flatMap({ Int64($0) }),
            let at = entry["t"].flatMap({ Int64($0) }), first > 0, at > 0, let text = entry["c"],
            // The lines count on from the first version.
            first <= .max - Int64(text.utf8.count)
        else { throw .malformed("a field is missing or no number") }
        var reader = ChangeReader(version: first, at: at)
        // By bytes: characters are looked for in the text, and there are as many lines as likes.
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard reader.read(Substring(line)) else {
                throw .malformed("a line is no photo, no mark and no user")
            }
        }
        guard reader.changes.count == count else { throw .malformed("the number of changes does not fit") }
        return reader.changes
    }

    /// The fields of an entry that holds one change.
    static func fields(_ change: LikeChange) -> [StreamEntry.Field] {
        [
            ("f", "\(format)"), ("n", "1"), ("v", "\(change.version)"), ("t", "\(change.at)"),
            ("c", "=\(change.photo)\n\(change.liked ? "+" : "/")\n\(change.user)"),
        ].map { StreamEntry.Field(name: $0, value: $1) }
    }
}

/// Reads the lines of an entry: `=photo`, then `+` and who likes it now, then `/` and who no longer does. None of the
/// three characters can stand in an id.
private struct ChangeReader {
    private(set) var changes: [LikeChange] = []
    private var photo: String?
    private var liked: Bool?
    private var version: Int64
    private let at: Int64

    init(version: Int64, at: Int64) {
        self.version = version
        self.at = at
    }

    mutating func read(_ line: Substring) -> Bool {
        switch line.utf8.first {
        case UInt8(ascii: "="):
            photo = String(line.dropFirst())
            liked = nil
            return Identifier.isValid(line.dropFirst())
        case UInt8(ascii: "+"), UInt8(ascii: "/"):
            liked = line == "+"
            return line.utf8.count == 1
        default:
            let user = String(line)
            guard let photo, let liked, Identifier.isValid(user) else { return false }
            changes.append(LikeChange(photo: photo, user: user, liked: liked, version: version, at: at))
            version += 1
            return true
        }
    }
}

import Storage
import Wire

/// One entry of a change stream: the changes of one batch in one partition, or why it cannot be understood.
struct ChangeEntry: Equatable, Sendable {
    struct Unreadable: Error, Equatable {
        let reason: String
    }

    let id: String
    /// What the entry says it holds; 0 when it does not say.
    let count: Int
    let content: Result<[LikeChange], Unreadable>
    /// Kept for the case that it becomes a dead letter.
    let raw: String
    let isGone: Bool

    var changes: [LikeChange] { (try? content.get()) ?? [] }

    /// Entries are written by ``PartitionScripts/apply``: `n` changes, of versions from `v` up, made at `t`, as lines in `c`.
    init(_ entry: StreamEntry) {
        id = entry.id
        raw = entry.raw
        isGone = entry.isGone
        count = max(0, entry["n"].flatMap { Int($0) } ?? 0)
        do {
            content = .success(try Self.changes(entry))
        } catch {
            content = .failure(error)
        }
    }

    private static func changes(_ entry: StreamEntry) throws(Unreadable) -> [LikeChange] {
        guard let count = entry["n"].flatMap({ Int($0) }), let first = entry["v"].flatMap({ Int64($0) }),
            let at = entry["t"].flatMap({ Int64($0) }), first > 0, at > 0, let text = entry["c"],
            // The lines count on from the first version.
            first <= .max - Int64(text.utf8.count)
        else { throw Unreadable(reason: "a field is missing or no number") }
        var reader = ChangeReader(version: first, at: at)
        // By bytes: characters are looked for in the text, and there are as many lines as likes.
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard reader.read(Substring(line)) else {
                throw Unreadable(reason: "a line is no photo, no mark and no user")
            }
        }
        guard reader.changes.count == count else { throw Unreadable(reason: "the number of changes does not fit") }
        return reader.changes
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

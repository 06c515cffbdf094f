import PostgresLibpq
package import Wire

/// A comment that can be a row: everything that can be checked before the database sees it.
package struct CommentRow: Sendable {
    package let comment: Comment
    let channel: String
    /// Microseconds since 1970-01-01T00:00:00Z.
    let createdAt: Int64

    package init(_ comment: Comment) throws(StorageError) {
        guard let channel = comment.channel, channel.kind == .video || channel.kind == .post else {
            throw StorageError(.invalid, "videoid is invalid")
        }
        guard (1...64).contains(comment.id.utf8.count), !comment.id.utf8.contains(0) else {
            throw StorageError(.invalid, "the comment's id is invalid")
        }
        guard Identifier.isValid(comment.userid) else { throw StorageError(.invalid, "userid is invalid") }
        // The one character of Unicode that PostgreSQL's text cannot hold.
        guard !comment.comment.utf8.contains(0) else { throw StorageError(.invalid, "the comment contains U+0000") }
        guard let milliseconds = TimestampText.milliseconds(of: comment.timestamp) else {
            throw StorageError(.invalid, "the timestamp is invalid")
        }
        self.comment = comment
        self.channel = channel.name
        createdAt = milliseconds * 1000
    }
}

extension StoredComment {
    /// The columns that ``init(row:)`` reads, in its order: `id, user_id, channel, comment, created_at, published_offset,
    /// published_epoch, removed_at, parent_id, revision`.
    init(row: PostgresRow) throws(PostgresError) {
        guard let channel = Channel(name: try row.text(2)) else {
            throw PostgresError(.internal, "a stored comment has no channel")
        }
        let comment = Comment(
            id: try row.text(0), userid: try row.text(1), kind: channel.kind, videoid: channel.id,
            comment: try row.text(3), timestamp: Timestamp.text(millisecondsSinceEpoch: try row.timestamp(4) / 1000),
            parent: try row.optionalText(8), revision: Int(try row.integer(9)))
        var position: Position?
        if let offset = try row.optionalBigint(5), let epoch = try row.optionalText(6) {
            position = Position(offset: UInt64(clamping: offset), epoch: epoch)
        }
        self.init(
            comment: comment, channel: channel, position: position, isRemoved: try row.optionalTimestamp(7) != nil)
    }
}

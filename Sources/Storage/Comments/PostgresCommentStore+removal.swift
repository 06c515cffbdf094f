import PostgresLibpq
import Wire

extension PostgresCommentStore {
    public func remove(id: String, by user: String, moderator: Bool) async throws(StorageError) -> Removal {
        guard !id.utf8.contains(0), !user.utf8.contains(0) else { return .notFound }
        return try await onSession { connection in
            let removed = try connection.query(removeStatement, [.text(id), .text(user), .boolean(moderator)]) {
                row throws(PostgresError) in try StoredComment(row: row)
            }
            if let comment = removed.first { return .removed(comment) }
            return Self.reason(try Self.comment(id: id, connection), user: user, moderator: moderator)
        }
    }

    /// Why nothing was removed.
    private static func reason(_ comment: StoredComment?, user: String, moderator: Bool) -> Removal {
        guard let comment else { return .notFound }
        guard moderator || comment.comment.userid == user else { return .forbidden }
        return .alreadyRemoved(comment)
    }
}

private let removeStatement: PostgresStatement = """
    UPDATE comments SET removed_at = now(), removed_by = $2
    WHERE id = $1 AND removed_at IS NULL AND (user_id = $2 OR $3)
    RETURNING id, user_id, video_id, comment, created_at, published_offset, published_epoch, removed_at
    """

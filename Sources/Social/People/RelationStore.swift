public import PostgresLibpq
public import Storage

/// Who follows and who blocks whom, in PostgreSQL.
public struct RelationStore: Sendable {
    /// Users whom one may follow, and whom one may block.
    public static let relationsMax = 5_000

    public enum Outcome: Equatable, Sendable {
        /// It is so, by this or before.
        case done
        /// There is no such user, or a block hides it.
        case unknownUser
        /// The caller has no account.
        case noAccount
        /// ``relationsMax`` are there.
        case tooMany
    }

    /// How a viewer stands to another user.
    public struct Standing: Equatable, Sendable {
        public var follows = false
        public var isFollowedBy = false
        public var blocks = false
        /// Nothing of the user is shown.
        public var isBlockedBy = false
    }

    private let pool: PostgresPool

    /// The pool is started and stopped by the caller; the schema is there (``Storage/Migrator``).
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// `user` follows `other`, who is somebody else.
    public func follow(_ other: String, by user: String) async throws(StorageError) -> Outcome {
        try await pool.session { connection in
            try connection.transaction { connection in
                // One at a time for each user, so that the limit holds.
                try connection.query(
                    "SELECT pg_advisory_xact_lock(hashtextextended('follow ' || $1, 0))", [.text(user)])
                // A block waits for who follows, and ends it.
                let users = try Self.lock(user, other, shareStatement, connection)
                guard users.contains(user) else { return .noAccount }
                guard users.contains(other) else { return .unknownUser }
                let state = try connection.query(followStateStatement, [.text(user), .text(other)]) {
                    row throws(PostgresError) in
                    (isApart: try row.boolean(0), follows: try row.boolean(1), count: try row.bigint(2))
                }.first
                guard let state, !state.isApart else { return .unknownUser }
                if state.follows { return .done }
                guard state.count < Int64(Self.relationsMax) else { return .tooMany }
                try connection.execute(
                    "INSERT INTO follows (follower_id, followee_id) VALUES ($1, $2)", [.text(user), .text(other)])
                try connection.execute(tellStatement, [.text(user), .text(other)])
                return .done
            }
        }
    }

    public func unfollow(_ other: String, by user: String) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute(
                "DELETE FROM follows WHERE follower_id = $1 AND followee_id = $2", [.text(user), .text(other)])
        }
    }

    /// `user` blocks `other`, who is somebody else: neither follows the other any more, nor sees what the other wrote.
    public func block(_ other: String, by user: String) async throws(StorageError) -> Outcome {
        try await pool.session { connection in
            try connection.transaction { connection in
                let users = try Self.lock(user, other, updateStatement, connection)
                guard users.contains(user) else { return .noAccount }
                guard users.contains(other) else { return .unknownUser }
                let state = try connection.query(blockStateStatement, [.text(user), .text(other)]) {
                    row throws(PostgresError) in (blocks: try row.boolean(0), count: try row.bigint(1))
                }.first
                guard let state, !state.blocks else { return .done }
                guard state.count < Int64(Self.relationsMax) else { return .tooMany }
                try connection.execute(
                    "INSERT INTO blocks (blocker_id, blocked_id) VALUES ($1, $2)", [.text(user), .text(other)])
                try connection.execute(
                    """
                    DELETE FROM follows
                    WHERE (follower_id = $1 AND followee_id = $2) OR (follower_id = $2 AND followee_id = $1)
                    """, [.text(user), .text(other)])
                return .done
            }
        }
    }

    public func unblock(_ other: String, by user: String) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute(
                "DELETE FROM blocks WHERE blocker_id = $1 AND blocked_id = $2", [.text(user), .text(other)])
        }
    }

    public func standing(of viewer: String, to other: String) async throws(StorageError) -> Standing {
        try await pool.session { connection in
            try connection.query(standingStatement, [.text(viewer), .text(other)]) { row throws(PostgresError) in
                Standing(
                    follows: try row.boolean(0), isFollowedBy: try row.boolean(1), blocks: try row.boolean(2),
                    isBlockedBy: try row.boolean(3))
            }.first ?? Standing()
        }
    }

    /// Both rows, in one order everywhere.
    private static func lock(
        _ user: String, _ other: String, _ statement: PostgresStatement, _ connection: PostgresConnection
    ) throws(PostgresError) -> [String] {
        try connection.query(statement, [.text(user), .text(other)]) { row throws(PostgresError) in try row.text(0) }
    }
}

private let shareStatement: PostgresStatement = """
    SELECT user_id FROM users WHERE user_id IN ($1, $2) AND erased_at IS NULL ORDER BY user_id FOR SHARE
    """

private let updateStatement: PostgresStatement = """
    SELECT user_id FROM users WHERE user_id IN ($1, $2) AND erased_at IS NULL ORDER BY user_id FOR NO KEY UPDATE
    """

private let followStateStatement: PostgresStatement = """
    SELECT are_apart($1, $2), EXISTS (SELECT 1 FROM follows WHERE follower_id = $1 AND followee_id = $2),
        (SELECT count(*) FROM follows WHERE follower_id = $1)
    """

private let tellStatement: PostgresStatement = """
    INSERT INTO outbox (topic, payload)
    SELECT 'notify', jsonb_build_array(jsonb_build_object(
        'type', 'follow', 'user', $1::text, 'owner', $2::text, 'at', (extract(epoch FROM now()) * 1000000)::bigint))
    WHERE outbox_has_room('notify')
    """

private let blockStateStatement: PostgresStatement = """
    SELECT EXISTS (SELECT 1 FROM blocks WHERE blocker_id = $1 AND blocked_id = $2),
        (SELECT count(*) FROM blocks WHERE blocker_id = $1)
    """

private let standingStatement: PostgresStatement = """
    SELECT EXISTS (SELECT 1 FROM follows WHERE follower_id = $1 AND followee_id = $2),
        EXISTS (SELECT 1 FROM follows WHERE follower_id = $2 AND followee_id = $1),
        EXISTS (SELECT 1 FROM blocks WHERE blocker_id = $1 AND blocked_id = $2),
        EXISTS (SELECT 1 FROM blocks WHERE blocker_id = $2 AND blocked_id = $1)
    """

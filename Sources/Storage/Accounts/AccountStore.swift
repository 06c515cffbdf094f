public import PostgresLibpq

/// Users, their log-ins and their refresh tokens in PostgreSQL. Tokens come as digests only.
public final class AccountStore: Sendable {
    /// After its use a refresh token serves for so long once more: two tabs, or an answer that was lost.
    public static let graceSeconds = 30
    /// New tokens that one old token may lead to within the grace.
    public static let successorsMax = 32

    /// Sessions that one purge removes.
    public static let purgeMax = 1_000

    private let pool: PostgresPool

    /// The pool is started and stopped by the caller; the schema is there (``Migrator``).
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    // MARK: Users

    /// `nil` when the name is taken.
    public func register(id: String, email: String, password: String) async throws(StorageError) -> Account? {
        try await pool.session { connection in
            try connection.query(
                """
                INSERT INTO users AS u (user_id, email, password) VALUES ($1, $2, $3)
                ON CONFLICT (user_id) DO NOTHING
                RETURNING u.user_id, u.display_name, u.bio, u.role, u.created_at, u.email, false
                """, [.text(id), .text(email), .text(password)], row: AccountRow.read
            ).first
        }
    }

    public func account(_ id: String) async throws(StorageError) -> Account? {
        try await pool.session { connection in
            try connection.query(accountStatement, [.text(id)], row: AccountRow.read).first
        }
    }

    /// The account of a name, and the hash of its password.
    public func login(_ id: String) async throws(StorageError) -> (account: Account, password: String)? {
        try await pool.session { connection in
            try connection.query(loginStatement, [.text(id)]) { row throws(PostgresError) in
                (account: try AccountRow.read(row), password: try row.text(7))
            }.first
        }
    }

    /// `nil` when there is no such user; else the account, and the sessions that ended with its password.
    public func change(
        _ id: String, _ change: AccountChange
    ) async throws(StorageError) -> (account: Account, ended: [String])? {
        try await pool.session { connection in
            try connection.transaction { connection in
                var ended: [String] = []
                if change.password != nil {
                    ended = try connection.query(
                        """
                        UPDATE sessions SET ended_at = now()
                        WHERE user_id = $1 AND ended_at IS NULL AND session_id <> $2 RETURNING session_id
                        """, [.text(id), .text(change.keptSession ?? "")]
                    ) { row throws(PostgresError) in try row.text(0) }
                }
                let changed = try connection.query(
                    """
                    UPDATE users AS u SET display_name = coalesce($2, u.display_name), bio = coalesce($3, u.bio),
                        email = coalesce($4, u.email), password = coalesce($5, u.password)
                    WHERE user_id = $1 AND erased_at IS NULL
                    RETURNING u.user_id, u.display_name, u.bio, u.role, u.created_at, u.email,
                        coalesce(u.suspended_until > now(), false)
                    """,
                    [
                        .text(id), .optionalText(change.displayName), .optionalText(change.bio),
                        .optionalText(change.email), .optionalText(change.password),
                    ], row: AccountRow.read
                ).first
                return changed.map { ($0, ended) }
            }
        }
    }

    /// The same password under newer parameters, unless it was changed meanwhile.
    public func rehash(_ id: String, from old: String, to new: String) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute(
                "UPDATE users SET password = $3 WHERE user_id = $1 AND password = $2",
                [.text(id), .text(old), .text(new)])
        }
    }

    /// - Parameter seconds: from now on; `nil` ends a suspension.
    /// - Returns: whether there is such a user.
    public func suspend(_ id: String, seconds: Int?) async throws(StorageError) -> Bool {
        try await pool.session { connection in
            try connection.execute(
                "UPDATE users SET suspended_until = now() + $2 * interval '1 second' WHERE user_id = $1",
                [.text(id), .optionalBigint(seconds.map { Int64($0) })]) > 0
        }
    }

    // MARK: Log-ins

    /// Begins a session with its first refresh token.
    public func begin(
        session: String, of user: String, token: String, lifetimeSeconds: Int
    ) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute(
                """
                WITH session AS (
                    INSERT INTO sessions (session_id, user_id, expires_at)
                    VALUES ($1, $2, now() + $4 * interval '1 second') RETURNING session_id
                )
                INSERT INTO refresh_tokens (digest, session_id) SELECT $3, session_id FROM session
                """, [.text(session), .text(user), .text(token), .bigint(Int64(lifetimeSeconds))])
        }
    }

    /// Replaces a refresh token by `next`.
    public func refresh(token: String, next: String) async throws(StorageError) -> RefreshOutcome {
        try await pool.session { connection in
            try connection.transaction { connection in
                let found = try connection.query(refreshStatement, [.text(token)], row: RefreshRow.init).first
                guard let found, found.isOpen else { return .unknown }
                if found.account.isSuspended { return .suspended }
                guard found.mayServe else {
                    try connection.execute(
                        "UPDATE sessions SET ended_at = now() WHERE session_id = $1", [.text(found.session)])
                    return .reused(session: found.session)
                }
                try connection.execute(
                    """
                    WITH used AS (
                        UPDATE refresh_tokens SET used_at = coalesce(used_at, now()), successors = successors + 1
                        WHERE digest = $1
                    )
                    INSERT INTO refresh_tokens (digest, session_id) VALUES ($2, $3)
                    """, [.text(token), .text(next), .text(found.session)])
                return .renewed(session: found.session, found.account)
            }
        }
    }

    /// Ends the session of a refresh token; `nil` when there is none that is open.
    public func end(token: String) async throws(StorageError) -> String? {
        try await pool.session { connection in
            try connection.query(
                """
                UPDATE sessions SET ended_at = now() FROM refresh_tokens
                WHERE digest = $1 AND sessions.session_id = refresh_tokens.session_id AND ended_at IS NULL
                RETURNING sessions.session_id
                """, [.text(token)]
            ) { row throws(PostgresError) in try row.text(0) }.first
        }
    }

    /// Ends a session; does nothing when it has ended.
    public func end(session: String) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute(
                "UPDATE sessions SET ended_at = now() WHERE session_id = $1 AND ended_at IS NULL", [.text(session)])
        }
    }

    /// What ended within the last `seconds`, and who is suspended now: what a Redis without data has to learn.
    public func endings(withinSeconds seconds: Int) async throws(StorageError)
        -> (sessions: [String], suspended: [(user: String, until: Int64)])
    {
        try await pool.session { connection in
            let sessions = try connection.query(
                "SELECT session_id FROM sessions WHERE ended_at > now() - $1 * interval '1 second'",
                [.bigint(Int64(seconds))]
            ) { row throws(PostgresError) in try row.text(0) }
            let suspended = try connection.query(
                "SELECT user_id, suspended_until FROM users WHERE suspended_until > now()", []
            ) { row throws(PostgresError) in (user: try row.text(0), until: try row.timestamp(1)) }
            return (sessions, suspended)
        }
    }

    /// Removes sessions that are over, at most ``purgeMax``; returns how many.
    public func purge() async throws(StorageError) -> Int {
        try await pool.session { connection in
            try connection.execute(
                """
                DELETE FROM sessions WHERE session_id = ANY(ARRAY(
                    SELECT session_id FROM sessions
                    WHERE expires_at < now() OR ended_at < now() - interval '1 day' LIMIT $1))
                """, [.bigint(Int64(Self.purgeMax))])
        }
    }
}

private struct RefreshRow {
    var session: String
    var isOpen: Bool
    var mayServe: Bool
    var account: Account

    init(_ row: PostgresRow) throws(PostgresError) {
        account = try AccountRow.read(row)
        session = try row.text(7)
        isOpen = try row.boolean(8)
        mayServe = try row.boolean(9)
    }
}

private enum AccountRow {
    static func read(_ row: PostgresRow) throws(PostgresError) -> Account {
        Account(
            id: try row.text(0), displayName: try row.text(1), bio: try row.text(2), role: try row.text(3),
            createdAt: try row.timestamp(4), email: try row.text(5), isSuspended: try row.boolean(6))
    }
}

private let accountStatement: PostgresStatement = """
    SELECT user_id, display_name, bio, role, created_at, email, coalesce(suspended_until > now(), false)
    FROM users WHERE user_id = $1 AND erased_at IS NULL
    """

private let loginStatement: PostgresStatement = """
    SELECT user_id, display_name, bio, role, created_at, email, coalesce(suspended_until > now(), false), password
    FROM users WHERE user_id = $1 AND erased_at IS NULL
    """

// Both rows are locked, so that of several requests with one token each sees what the one before has done.
private let refreshStatement: PostgresStatement = """
    SELECT u.user_id, u.display_name, u.bio, u.role, u.created_at, u.email, coalesce(u.suspended_until > now(), false),
        s.session_id, s.ended_at IS NULL AND s.expires_at > now(),
        t.used_at IS NULL OR (t.used_at > now() - interval '30 seconds' AND t.successors < 32)
    FROM refresh_tokens AS t
    JOIN sessions AS s ON s.session_id = t.session_id
    JOIN users AS u ON u.user_id = s.user_id
    WHERE t.digest = $1
    FOR UPDATE OF t, s
    """

import Media
public import PostgresLibpq
public import Storage
import Wire

/// Posts in PostgreSQL.
///
/// A reader (`viewer`, `nil`: without a name) sees what the database's function `may_see` lets through: what is hidden is
/// not found.
public struct PostStore: Sendable {
    public enum Created: Equatable, Sendable {
        case created(Post)
        /// There is no such account, or it is suspended.
        case unknownAuthor
        /// A picture that is not there, or not the author's.
        case unknownPicture
    }

    public enum Changed: Equatable, Sendable {
        case changed(Post)
        case notFound
        case notAuthor(author: String)
        /// Somebody changed it meanwhile.
        case stale(revision: Int)
    }

    public enum Deleted: Equatable, Sendable {
        /// It is gone, by this or before.
        case deleted
        case notFound
        case notAuthor(author: String)
    }

    let pool: PostgresPool

    /// The pool is started and stopped by the caller; the schema is there (``Storage/Migrator``).
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Stores a post, its pictures, who is told of its likes, and what brings it into feeds, in one transaction.
    public func create(_ new: NewPost) async throws(StorageError) -> Created {
        try await pool.session { connection in
            try connection.transaction { connection in
                // Locked, so that none is removed as unused meanwhile.
                let known = try connection.query(
                    "SELECT 1 FROM media WHERE owner_id = $1 AND media_id = ANY($2::text[]) FOR UPDATE",
                    [.text(new.author), .texts(new.pictures)])
                guard known.count == new.pictures.count else { return .unknownPicture }
                let inserted = try connection.execute(
                    insertStatement,
                    [
                        .text(new.id), .text(new.author), .text(new.content), .text(new.visibility.rawValue),
                        .boolean(new.takesComments), .integer(Int32(new.pictures.count)),
                    ])
                guard inserted == 1 else { return .unknownAuthor }
                if !new.pictures.isEmpty {
                    try connection.execute(attachStatement, [.text(new.id), .texts(new.pictures)])
                }
                try connection.execute(ownerStatement, [.text(new.id), .text(new.author)])
                try connection.execute(feedStatement, [.text(new.id)])
                if new.content.contains("@") { try connection.execute(mentionsStatement, [.text(new.id)]) }
                return try Self.post(new.id, of: new.author, connection).map { .created($0) } ?? .unknownAuthor
            }
        }
    }

    /// `nil` when there is none that the viewer may see.
    public func post(_ id: String, for viewer: String?) async throws(StorageError) -> Post? {
        try await pool.session { connection in
            try connection.query(postStatement, [.text(id), .optionalText(viewer)], row: Post.init).first
        }
    }

    public func change(_ id: String, by user: String, _ change: PostChange) async throws(StorageError) -> Changed {
        try await pool.session { connection in
            try connection.transaction { connection in
                let changed = try connection.execute(
                    changeStatement,
                    [
                        .text(id), .text(user), .bigint(Int64(change.revision)), .optionalText(change.content),
                        .optionalText(change.visibility?.rawValue),
                        .optionalText(change.takesComments.map { $0 ? "true" : "false" }),
                    ])
                guard let post = try Self.post(id, of: user, connection) else { return .notFound }
                guard post.author == user else { return .notAuthor(author: post.author) }
                return changed == 1 ? .changed(post) : .stale(revision: post.revision)
            }
        }
    }

    /// Deletes a post with what it says and shows: its author may, and a moderator. The id stays.
    ///
    /// - Parameter user: `nil` for a moderator without an account.
    public func delete(_ id: String, by user: String?, isModerator: Bool) async throws(StorageError) -> Deleted {
        try await pool.session { connection in
            try connection.transaction { connection in
                let found = try connection.query(
                    "SELECT author_id, may_see($2, author_id, visibility) FROM posts WHERE post_id = $1 FOR UPDATE",
                    [.text(id), .optionalText(user)]
                ) { row throws(PostgresError) in (author: try row.text(0), isSeen: try row.boolean(1)) }.first
                guard let found, found.isSeen || isModerator else { return .notFound }
                guard found.author == user || isModerator else { return .notAuthor(author: found.author) }
                try connection.execute(detachStatement, [.text(id)])
                try connection.execute(
                    """
                    UPDATE posts SET deleted_at = now(), content = '', media_count = 0
                    WHERE post_id = $1 AND deleted_at IS NULL
                    """, [.text(id)])
                return .deleted
            }
        }
    }

    /// A page of a list, and the cursor of the next one; `nil` for the posts of a user whom the viewer may not find.
    ///
    /// - Parameters:
    ///   - before: from ``PostList/position(of:)``.
    ///   - limit: 1 to 200.
    public func list(
        _ list: PostList, for viewer: String?, before: Int64?, limit: Int
    ) async throws(StorageError) -> Page<Post, String>? {
        let values: [PostgresValue] = [
            .optionalText(viewer), .bigint(before ?? .max), .bigint(Int64(limit) + 1),
        ]
        return try await pool.session { connection in
            let posts: [Post]
            switch list {
            case .all: posts = try connection.query(publicStatement, values, row: Post.init)
            case .photos: posts = try connection.query(photosStatement, values, row: Post.init)
            case .user(let id):
                let isFound = try connection.query(
                    "SELECT 1 FROM users WHERE user_id = $1 AND erased_at IS NULL AND NOT are_apart($1, $2)",
                    [.text(id), .optionalText(viewer)])
                guard !isFound.isEmpty else { return nil }
                posts = try connection.query(userStatement, values + [.text(id)], row: Post.init)
            }
            return Page(posts, limit: limit) { list.cursor(after: $0) }
        }
    }

    private static func post(
        _ id: String, of viewer: String, _ connection: PostgresConnection
    ) throws(PostgresError) -> Post? {
        try connection.query(postStatement, [.text(id), .text(viewer)], row: Post.init).first
    }
}

extension Post {
    /// The columns of the view `posts_shown`, in the order of the statements below.
    init(_ row: PostgresRow) throws(PostgresError) {
        id = try row.text(0)
        sequence = try row.bigint(1)
        author = try row.text(2)
        authorName = try row.text(3)
        content = try row.text(4)
        visibility = Visibility(rawValue: try row.text(5)) ?? .followers
        takesComments = try row.boolean(6)
        revision = Int(try row.integer(7))
        createdAt = try row.timestamp(8)
        editedAt = try row.optionalTimestamp(9)
        pictures = Picture.all(try row.text(10))
    }
}

private let insertStatement: PostgresStatement = """
    INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
    SELECT $1, user_id, $3, $4, $5, $6::integer::smallint FROM users
    WHERE user_id = $2 AND erased_at IS NULL AND coalesce(suspended_until <= now(), true)
    """

private let attachStatement: PostgresStatement = """
    WITH attached AS (
        INSERT INTO post_media (post_id, position, media_id)
        SELECT $1, position, media_id FROM unnest($2::text[]) WITH ORDINALITY AS picture (media_id, position)
    )
    UPDATE media SET uses = uses + 1, changed_at = now() WHERE media_id = ANY($2::text[])
    """

private let detachStatement: PostgresStatement = """
    WITH detached AS (DELETE FROM post_media WHERE post_id = $1 RETURNING media_id)
    UPDATE media SET uses = uses - 1, changed_at = now() FROM detached WHERE media.media_id = detached.media_id
    """

// Likes may have come before: the ids of photos are everybody's.
private let ownerStatement: PostgresStatement = """
    INSERT INTO photos AS held (photo_id, owner_id) VALUES ($1, $2)
    ON CONFLICT (photo_id) DO UPDATE SET owner_id = excluded.owner_id
    """

private let feedStatement: PostgresStatement = """
    INSERT INTO outbox (topic, payload)
    SELECT 'feed', jsonb_build_object('post', post_id, 'author', author_id, 'sequence', sequence)
    FROM posts WHERE post_id = $1
    """

private let mentionsStatement: PostgresStatement = """
    INSERT INTO outbox (topic, payload)
    SELECT 'notify', jsonb_build_array(jsonb_build_object(
        'type', 'post', 'post', post_id, 'user', author_id, 'at', (extract(epoch FROM created_at) * 1000000)::bigint))
    FROM posts WHERE post_id = $1 AND outbox_has_room('notify')
    """

private let changeStatement: PostgresStatement = """
    UPDATE posts SET content = coalesce($4, content), visibility = coalesce($5, visibility),
        comments_open = coalesce($6::boolean, comments_open), revision = revision + 1, edited_at = now()
    WHERE post_id = $1 AND author_id = $2 AND revision = $3 AND deleted_at IS NULL
    """

private let postStatement: PostgresStatement = """
    SELECT post_id, sequence, author_id, display_name, content, visibility, comments_open, revision, created_at,
        edited_at, media
    FROM posts_shown WHERE post_id = $1 AND may_see($2, author_id, visibility)
    """

private let publicStatement: PostgresStatement = """
    SELECT post_id, sequence, author_id, display_name, content, visibility, comments_open, revision, created_at,
        edited_at, media
    FROM posts_shown WHERE visibility = 'public' AND sequence < $2 AND (SELECT * FROM seen_by($1, author_id, visibility))
    ORDER BY sequence DESC LIMIT $3
    """

private let photosStatement: PostgresStatement = """
    SELECT post_id, sequence, author_id, display_name, content, visibility, comments_open, revision, created_at,
        edited_at, media
    FROM posts_shown WHERE visibility = 'public' AND media_count > 0 AND sequence < $2
        AND (SELECT * FROM seen_by($1, author_id, visibility))
    ORDER BY sequence DESC LIMIT $3
    """

private let userStatement: PostgresStatement = """
    SELECT post_id, sequence, author_id, display_name, content, visibility, comments_open, revision, created_at,
        edited_at, media
    FROM posts_shown WHERE author_id = $4 AND sequence < $2 AND (SELECT * FROM seen_by($1, author_id, visibility))
    ORDER BY sequence DESC LIMIT $3
    """

// What is searched: posts, comments on posts, and users. Comments of videos are not: they come by thousands a second and are
// looked for by nobody an hour later. The configuration is `simple`: the platform has no one language.
//
// Names are found by how they begin, in an order of bytes whatever the database's collation is, and by trigrams.
let searchStatements: [StaticString] = [
    "DROP INDEX CONCURRENTLY IF EXISTS posts_text",
    """
    CREATE INDEX CONCURRENTLY posts_text ON posts USING gin (to_tsvector('simple', content)) WHERE deleted_at IS NULL
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS comments_text",
    """
    CREATE INDEX CONCURRENTLY comments_text ON comments USING gin (to_tsvector('simple', comment))
    WHERE channel LIKE 'post:%' AND removed_at IS NULL
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS users_text",
    """
    CREATE INDEX CONCURRENTLY users_text ON users
    USING gin (to_tsvector('simple', user_id || ' ' || display_name || ' ' || bio))
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS users_by_name",
    "CREATE INDEX CONCURRENTLY users_by_name ON users (user_id text_pattern_ops)",
    "DROP INDEX CONCURRENTLY IF EXISTS users_by_display_name",
    "CREATE INDEX CONCURRENTLY users_by_display_name ON users (lower(display_name) text_pattern_ops, user_id)",
    "DROP INDEX CONCURRENTLY IF EXISTS users_trigrams",
    """
    CREATE INDEX CONCURRENTLY users_trigrams ON users USING gin ((user_id || ' ' || lower(display_name)) gin_trgm_ops)
    """,
]

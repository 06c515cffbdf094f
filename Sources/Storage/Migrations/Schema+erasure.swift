// An account that its user has given up stands as `erased_at` until nothing of the user is left; then its row goes too. The
// function hides at once what is removed later, in chunks.
//
// A name in `media_removed` is of files that are to be removed and perhaps are: the row of their picture has gone before.
let erasureScript: StaticString = """
    ALTER TABLE users ADD COLUMN erased_at timestamptz;
    CREATE INDEX users_erased ON users (erased_at) WHERE erased_at IS NOT NULL;
    CREATE TABLE media_removed (name text PRIMARY KEY);
    CREATE OR REPLACE FUNCTION may_see(viewer text, author text, visibility text) RETURNS boolean LANGUAGE sql STABLE
        RETURN coalesce(viewer = author, false) OR (
            (visibility = 'public' OR EXISTS (
                SELECT 1 FROM follows WHERE follower_id = viewer AND followee_id = author))
            AND NOT are_apart(viewer, author)
            AND NOT EXISTS (
                SELECT 1 FROM users
                WHERE user_id = author AND (erased_at IS NOT NULL OR suspended_until > now())));
    """

// By whom a row is, removed or not: for the export and the erasure of one user's.
let rowsOfUsersStatements: [StaticString] = [
    "DROP INDEX CONCURRENTLY IF EXISTS comments_of_user",
    "CREATE INDEX CONCURRENTLY comments_of_user ON comments (user_id, sequence)",
    "DROP INDEX CONCURRENTLY IF EXISTS comments_removed_by",
    "CREATE INDEX CONCURRENTLY comments_removed_by ON comments (removed_by) WHERE removed_by IS NOT NULL",
    "DROP INDEX CONCURRENTLY IF EXISTS notifications_by_user",
    "CREATE INDEX CONCURRENTLY notifications_by_user ON notifications (newest_user_id) WHERE kind <> 'likes'",
    "DROP INDEX CONCURRENTLY IF EXISTS posts_all_of_author",
    "CREATE INDEX CONCURRENTLY posts_all_of_author ON posts (author_id, sequence)",
]

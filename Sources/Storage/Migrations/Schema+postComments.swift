// The place of a comment's newest change, as those of the comment and of its removal: what has none is published by the sweep.
// The function is asked by the statement that stores a comment on a post: why it may not be there, or nothing.
let postCommentsScript: StaticString = """
    ALTER TABLE comments
        ADD COLUMN parent_id text,
        ADD COLUMN revision integer NOT NULL DEFAULT 1,
        ADD COLUMN edited_at timestamptz,
        ADD COLUMN edit_offset bigint,
        ADD COLUMN edit_epoch text;
    CREATE TABLE comment_revisions (
        comment_id text NOT NULL REFERENCES comments ON DELETE CASCADE,
        revision integer NOT NULL,
        comment text NOT NULL,
        replaced_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (comment_id, revision)
    );
    CREATE FUNCTION comment_refusal(author text, post text, parent text) RETURNS text LANGUAGE sql STABLE
        RETURN (
            SELECT CASE
                WHEN EXISTS (SELECT 1 FROM users WHERE user_id = author AND suspended_until > now())
                    THEN 'account_suspended'
                WHEN p.post_id IS NULL OR NOT may_see(author, p.author_id, p.visibility) THEN 'post_not_found'
                WHEN NOT p.comments_open THEN 'comments_closed'
                WHEN parent <> '' AND NOT EXISTS (
                    SELECT 1 FROM comments AS c WHERE c.id = parent AND c.channel = 'post:' || post
                        AND c.parent_id IS NULL AND c.removed_at IS NULL)
                    THEN 'parent_not_found'
            END
            FROM (SELECT 1) AS always LEFT JOIN posts AS p ON p.post_id = post AND p.deleted_at IS NULL);
    """

// Video 7 and post 7 have comments of their own. Pages of a video pass over no removed comment; those of a post show where
// one was.
let commentsByChannelStatements: [StaticString] = [
    "DROP INDEX CONCURRENTLY IF EXISTS comments_of_channel",
    "CREATE INDEX CONCURRENTLY comments_of_channel ON comments (channel, sequence) WHERE removed_at IS NULL",
    "DROP INDEX CONCURRENTLY IF EXISTS comments_of_post",
    "CREATE INDEX CONCURRENTLY comments_of_post ON comments (video_id, sequence) WHERE channel LIKE 'post:%'",
    "DROP INDEX CONCURRENTLY IF EXISTS comments_outbox_edits",
    """
    CREATE INDEX CONCURRENTLY comments_outbox_edits ON comments (edited_at)
    WHERE edited_at IS NOT NULL AND edit_offset IS NULL AND removed_at IS NULL
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS comments_history",
]

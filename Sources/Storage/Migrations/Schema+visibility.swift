// Who sees what stands once, in `seen_by`. PostgreSQL inlines a set-returning SQL function in FROM into the statement; a
// scalar one with a subquery it calls for each row, which took most of the time of a search, and of a comment on a post.
// `may_see` is the scalar form, for single rows; `comment_refusals` and `comment_refusal` are such a pair as well.
//
// How many texts have a word decides between the index of words and that of the order. The planner does not use the
// statistics of a partial index's expressions for that, but it does use extended statistics.
let visibilityScript: StaticString = """
    CREATE FUNCTION seen_by(viewer text, author text, visibility text) RETURNS SETOF boolean LANGUAGE sql STABLE ROWS 1 AS $$
        SELECT coalesce(viewer = author, false) OR (
            (visibility = 'public' OR (visibility = 'followers' AND EXISTS (
                SELECT 1 FROM follows WHERE follower_id = viewer AND followee_id = author)))
            AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocker_id = viewer AND blocked_id = author)
            AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocker_id = author AND blocked_id = viewer)
            AND NOT EXISTS (
                SELECT 1 FROM users WHERE user_id = author
                    AND (erased_at IS NOT NULL OR limited_at IS NOT NULL OR suspended_until > now()))) $$;
    CREATE OR REPLACE FUNCTION may_see(viewer text, author text, visibility text) RETURNS boolean LANGUAGE sql STABLE
        RETURN (SELECT seen FROM seen_by(viewer, author, visibility) AS seen);
    CREATE FUNCTION comment_refusals(author text, post text, parent text) RETURNS SETOF text LANGUAGE sql STABLE ROWS 1 AS $$
        SELECT CASE
            WHEN EXISTS (SELECT 1 FROM users WHERE user_id = author AND suspended_until > now()) THEN 'account_suspended'
            WHEN p.post_id IS NULL OR NOT (SELECT seen FROM seen_by(author, p.author_id, p.visibility) AS seen)
                THEN 'post_not_found'
            WHEN NOT p.comments_open THEN 'comments_closed'
            WHEN parent <> '' AND NOT EXISTS (
                SELECT 1 FROM comments AS c WHERE c.id = parent AND c.channel = 'post:' || post
                    AND c.parent_id IS NULL AND c.removed_at IS NULL)
                THEN 'parent_not_found'
        END
        FROM (SELECT 1) AS always LEFT JOIN posts AS p ON p.post_id = post AND p.deleted_at IS NULL $$;
    CREATE OR REPLACE FUNCTION comment_refusal(author text, post text, parent text) RETURNS text LANGUAGE sql STABLE
        RETURN (SELECT why FROM comment_refusals(author, post, parent) AS why);
    CREATE STATISTICS posts_words ON (to_tsvector('simple', content)) FROM posts;
    CREATE STATISTICS comments_words ON (to_tsvector('simple', comment)) FROM comments;
    CREATE STATISTICS users_words ON (to_tsvector('simple', user_id || ' ' || display_name || ' ' || bio)) FROM users;
    ANALYZE posts, comments, users;
    """

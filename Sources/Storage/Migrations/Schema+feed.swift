// Of each reader how often the follows changed (FeedReader), whose followers are too many to push to, how many comments a
// post has, and what others are told of besides likes. A notification that is no group of likes has its cause as `photo_id`
// (the comment, the post that mentions, the follower) and a `window_start` that no window of likes begins at.
//
// Statements on follows change the numbers in the order of names, so that no two wait for each other.
let feedScript: StaticString = """
    ALTER TABLE users ADD COLUMN seen_at timestamptz;
    CREATE TABLE feed_versions (
        user_id text PRIMARY KEY REFERENCES users ON DELETE CASCADE,
        version bigint NOT NULL
    ) WITH (fillfactor = 50);
    CREATE FUNCTION follows_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO feed_versions AS held (user_id, version)
        SELECT follower_id, 1 FROM (SELECT DISTINCT follower_id FROM changed) AS c
        WHERE EXISTS (SELECT 1 FROM users WHERE user_id = follower_id) ORDER BY follower_id
        ON CONFLICT (user_id) DO UPDATE SET version = held.version + 1;
        RETURN NULL;
    END $$;
    CREATE TRIGGER follows_added AFTER INSERT ON follows
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION follows_changed();
    CREATE TRIGGER follows_ended AFTER DELETE ON follows
        REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION follows_changed();
    CREATE TABLE large_authors (user_id text PRIMARY KEY REFERENCES users ON DELETE CASCADE);
    CREATE TABLE post_counts (
        post_id text PRIMARY KEY REFERENCES posts ON DELETE CASCADE,
        comments bigint NOT NULL
    ) WITH (fillfactor = 50);
    INSERT INTO post_counts (post_id, comments)
        SELECT p.post_id, count(*) FROM comments AS c JOIN posts AS p ON c.channel = 'post:' || p.post_id
        WHERE c.removed_at IS NULL GROUP BY p.post_id;
    ALTER TABLE notifications
        ADD COLUMN kind text NOT NULL DEFAULT 'likes',
        ADD COLUMN post_id text;
    CREATE FUNCTION outbox_has_room(wanted text) RETURNS boolean LANGUAGE sql STABLE
        RETURN 100000 > (SELECT count(*) FROM (
            SELECT FROM outbox WHERE topic = wanted AND available_at < 'infinity' LIMIT 100000) AS waiting);
    CREATE FUNCTION mentions(body text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
        SELECT DISTINCT name[1]
        FROM regexp_matches(body, '(?<![a-zA-Z0-9_@./])@([a-z0-9_]{3,30})(?![a-zA-Z0-9_])', 'g') AS name LIMIT 10 $$;
    """

// `sequence` is the order of posts: unlike `created_at` it is unique. A post that was deleted stays as an id without
// content, so that a second deletion finds it and its comments know where they stood.
//
// The view is a post as it is shown, its pictures as one text: `<media> <name> <width> <height>`, with commas between. The
// function says who sees what; every statement of every service asks it.
//
// A picture belongs to one owner, and a file is never shared between owners. `uses` counts the posts that show it: what none
// shows is removed a day after its last change.
let socialScript: StaticString = """
    CREATE TABLE posts (
        post_id text PRIMARY KEY CHECK (length(post_id) BETWEEN 1 AND 64),
        sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
        author_id text NOT NULL REFERENCES users ON DELETE CASCADE,
        content text NOT NULL CHECK (length(content) <= 5000),
        visibility text NOT NULL CHECK (visibility IN ('public', 'followers')),
        comments_open boolean NOT NULL,
        media_count smallint NOT NULL,
        revision integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(),
        edited_at timestamptz,
        deleted_at timestamptz,
        CONSTRAINT posts_not_empty CHECK (deleted_at IS NOT NULL OR content <> '' OR media_count > 0)
    );
    CREATE INDEX posts_of_author ON posts (author_id, sequence) WHERE deleted_at IS NULL;
    CREATE INDEX posts_public ON posts (sequence) WHERE deleted_at IS NULL AND visibility = 'public';
    CREATE INDEX posts_public_photos ON posts (sequence)
        WHERE deleted_at IS NULL AND visibility = 'public' AND media_count > 0;
    CREATE TABLE follows (
        follower_id text NOT NULL REFERENCES users ON DELETE CASCADE,
        followee_id text NOT NULL REFERENCES users ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (follower_id, followee_id)
    );
    CREATE INDEX follows_of_followee ON follows (followee_id, follower_id);
    CREATE TABLE blocks (
        blocker_id text NOT NULL REFERENCES users ON DELETE CASCADE,
        blocked_id text NOT NULL REFERENCES users ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (blocker_id, blocked_id)
    );
    CREATE INDEX blocks_of_blocked ON blocks (blocked_id, blocker_id);
    CREATE TABLE media (
        media_id text PRIMARY KEY,
        owner_id text NOT NULL REFERENCES users ON DELETE CASCADE,
        source_digest text NOT NULL,
        name text NOT NULL,
        width integer NOT NULL,
        height integer NOT NULL,
        uses integer NOT NULL DEFAULT 0,
        changed_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (owner_id, source_digest)
    );
    CREATE INDEX media_unused ON media (changed_at) WHERE uses = 0;
    CREATE TABLE post_media (
        post_id text NOT NULL REFERENCES posts ON DELETE CASCADE,
        position smallint NOT NULL,
        media_id text NOT NULL REFERENCES media,
        PRIMARY KEY (post_id, position)
    );
    CREATE INDEX post_media_of_media ON post_media (media_id);
    CREATE VIEW posts_shown AS
        SELECT p.post_id, p.sequence, p.author_id, u.display_name, p.content, p.visibility, p.comments_open,
            p.media_count, p.revision, p.created_at, p.edited_at,
            CASE WHEN p.media_count = 0 THEN '' ELSE (
                SELECT coalesce(string_agg(
                    m.media_id || ' ' || m.name || ' ' || m.width || ' ' || m.height, ',' ORDER BY a.position), '')
                FROM post_media AS a JOIN media AS m USING (media_id) WHERE a.post_id = p.post_id
            ) END AS media
        FROM posts AS p JOIN users AS u ON u.user_id = p.author_id
        WHERE p.deleted_at IS NULL;
    CREATE FUNCTION are_apart(one text, other text) RETURNS boolean LANGUAGE sql STABLE
        RETURN EXISTS (
            SELECT 1 FROM blocks
            WHERE (blocker_id = one AND blocked_id = other) OR (blocker_id = other AND blocked_id = one));
    CREATE FUNCTION may_see(viewer text, author text, visibility text) RETURNS boolean LANGUAGE sql STABLE
        RETURN coalesce(viewer = author, false) OR (
            (visibility = 'public' OR EXISTS (
                SELECT 1 FROM follows WHERE follower_id = viewer AND followee_id = author))
            AND NOT are_apart(viewer, author));
    """

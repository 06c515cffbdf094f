// `sequence` is the order of storing: it orders history and outbox, and unlike `created_at` it is unique and does not
// depend on the clocks of the write APIs. `stored_at` is the database's clock, for the age in the outbox.
// The indexes of the outbox hold only what is not published yet: they stay small however large the table grows.
let commentsScript: StaticString = """
    CREATE TABLE comments (
        id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64),
        sequence bigint GENERATED ALWAYS AS IDENTITY,
        video_id text NOT NULL CHECK (length(video_id) BETWEEN 1 AND 128),
        user_id text NOT NULL CHECK (length(user_id) BETWEEN 1 AND 128),
        comment text NOT NULL CHECK (length(comment) <= 10000),
        created_at timestamptz NOT NULL,
        stored_at timestamptz NOT NULL DEFAULT now(),
        channel text NOT NULL,
        published_offset bigint,
        published_epoch text,
        removed_at timestamptz,
        removed_by text,
        removal_offset bigint,
        removal_epoch text
    );
    CREATE INDEX comments_history ON comments (video_id, sequence);
    CREATE INDEX comments_outbox ON comments (sequence) WHERE published_offset IS NULL AND removed_at IS NULL;
    CREATE INDEX comments_outbox_removals ON comments (removed_at) WHERE removed_at IS NOT NULL AND removal_offset IS NULL;
    CREATE TABLE outbox_lease (
        name text PRIMARY KEY,
        owner text NOT NULL,
        expires_at timestamptz NOT NULL
    );
    """

// Pages of history pass over no removed comment, however many there are.
let commentsHistoryScript: StaticString = """
    DROP INDEX comments_history;
    CREATE INDEX comments_history ON comments (video_id, sequence) WHERE removed_at IS NULL;
    """

// The primary key begins with the photo and the slot (a hash of the user, see UserSlot), so that a partition of a photo
// is one range. A row stays when its like is taken back (`liked` false): its version is what refuses an older like
// that comes late. `was_liked` is what `liked` was before the last change; the statement that changes a row returns
// both, and their difference is what the count moves by.
let likesScript: StaticString = """
    CREATE TABLE photos (
        photo_id text PRIMARY KEY CHECK (length(photo_id) BETWEEN 1 AND 128),
        owner_id text,
        like_count bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 50);
    CREATE TABLE likes (
        photo_id text NOT NULL,
        user_id text NOT NULL,
        slot smallint NOT NULL,
        liked boolean NOT NULL,
        was_liked boolean NOT NULL DEFAULT false,
        version bigint NOT NULL,
        liked_at timestamptz NOT NULL,
        PRIMARY KEY (photo_id, slot, user_id)
    );
    CREATE INDEX likes_newest ON likes (photo_id, liked_at, user_id) WHERE liked;
    CREATE INDEX likes_withdrawn ON likes (liked_at) WHERE NOT liked;
    CREATE TABLE notifications (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        owner_id text NOT NULL,
        photo_id text NOT NULL,
        window_start timestamptz NOT NULL,
        likers bigint NOT NULL,
        newest_user_id text NOT NULL,
        newest_at timestamptz NOT NULL,
        read_at timestamptz,
        UNIQUE (owner_id, photo_id, window_start)
    );
    CREATE INDEX notifications_newest ON notifications (owner_id, newest_at, id);
    CREATE TABLE notification_likers (
        photo_id text NOT NULL,
        window_start timestamptz NOT NULL,
        user_id text NOT NULL,
        PRIMARY KEY (photo_id, window_start, user_id)
    );
    """

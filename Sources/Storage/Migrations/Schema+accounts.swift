// A refresh token stands here as its SHA-256 only. `used_at` is its first use: a second one ends the session, but for a
// grace in which a token may lead to several new ones (`successors`).
let accountsScript: StaticString = """
    CREATE TABLE users (
        user_id text PRIMARY KEY CHECK (user_id ~ '^[a-z0-9_]{3,30}$'),
        email text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
        password text NOT NULL,
        display_name text NOT NULL DEFAULT '',
        bio text NOT NULL DEFAULT '',
        role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'moderator')),
        created_at timestamptz NOT NULL DEFAULT now(),
        suspended_until timestamptz
    );
    CREATE INDEX users_suspended ON users (suspended_until) WHERE suspended_until IS NOT NULL;
    CREATE TABLE sessions (
        session_id text PRIMARY KEY,
        user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        ended_at timestamptz
    );
    CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
    CREATE INDEX sessions_expires ON sessions (expires_at);
    CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
    CREATE TABLE refresh_tokens (
        digest text PRIMARY KEY,
        session_id text NOT NULL REFERENCES sessions ON DELETE CASCADE,
        issued_at timestamptz NOT NULL DEFAULT now(),
        used_at timestamptz,
        successors integer NOT NULL DEFAULT 0
    );
    CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
    """

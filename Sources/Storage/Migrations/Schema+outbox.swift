// Work that a transaction leaves for later, see OutboxRelay. `available_at` is when the row may be claimed: a claim moves
// it behind the lease, a failure behind a pause, and `infinity` marks a dead letter, whose last error is in `error`.
let outboxScript: StaticString = """
    CREATE TABLE outbox (
        id bigserial PRIMARY KEY,
        topic text NOT NULL,
        payload jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        available_at timestamptz NOT NULL DEFAULT now(),
        attempts integer NOT NULL DEFAULT 0,
        error text
    );
    CREATE INDEX outbox_available ON outbox (topic, available_at, id);
    """

// The newest version of a change that was brought, at the slot of its user: in every partition of the users, however many
// there are, the newest of all is among them, so that a Redis that has lost some is known by it. At most 1,024 rows that
// change all the time.
let likeVersionsScript: StaticString = """
    CREATE TABLE like_versions (
        slot smallint PRIMARY KEY,
        version bigint NOT NULL
    ) WITH (fillfactor = 10);
    CREATE INDEX notifications_oldest ON notifications (newest_at);
    """

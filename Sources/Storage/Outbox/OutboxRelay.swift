import CoreMetrics
public import Logging
public import PostgresLibpq
public import Primitives

/// What a row of the outbox asks for.
public enum OutboxTopic: String, Sendable {
    /// What somebody did that others are told of: an array of ``NotifyEvent``.
    case notify
    /// A post for the feeds of its author's followers: `{"post","author","sequence"}`.
    case feed
}

/// One row of the outbox: work that a transaction left for later, for a whole batch of whatever it stored.
public struct OutboxRow: Hashable, Sendable {
    public let id: Int64
    /// JSON, in the form of the topic.
    public let payload: String
    /// 1 for the first attempt.
    public let attempt: Int

    /// Deletes rows in the handler's own transaction: what the handler stores and the end of its work are one.
    ///
    /// - Throws: ``StorageError`` of code `duplicate` when one is gone: another process has handled it.
    public static func delete(_ rows: [OutboxRow], _ connection: PostgresConnection) throws {
        let deleted = try connection.execute(
            "DELETE FROM outbox WHERE id = ANY($1::bigint[])", [.bigints(rows.map(\.id))])
        guard deleted == rows.count else {
            throw StorageError(.duplicate, "an outbox row was handled by somebody else")
        }
    }
}

/// Carries the rows of one topic of the outbox to a handler, each at least once; exactly once when the handler deletes
/// them in its own transaction. Any number of processes may run a relay of the same topic.
///
/// A claim is a lease: a row whose process dies can be claimed by another one when the lease is over. A row that fails is
/// tried again after a growing pause and holds up nobody meanwhile; one that can never be handled becomes a dead letter,
/// which stays in the table with its error.
public struct OutboxRelay: Sendable {
    public struct Settings: Equatable, Sendable {
        /// Time between two looks when there is little to do.
        public var interval: Duration = .seconds(1)
        /// Rows of one claim.
        public var batchMax = 20
        /// How long a claim holds; longer than the handler takes for one batch.
        public var lease: Duration = .seconds(30)
        /// The pause after a failed attempt.
        public var retry = Backoff(base: .seconds(1), cap: .seconds(300))
        /// Attempts after which a row is a dead letter.
        public var attemptsMax = 20

        public init() {}
    }

    /// Handles all rows, or throws: a transient ``StorageError`` when nobody could handle them now, code `invalid` for
    /// what nobody ever can. When several rows fail together, each is tried alone.
    public typealias Handler = @Sendable ([OutboxRow]) async throws -> Void

    private let pool: PostgresPool
    private let topic: OutboxTopic
    private let settings: Settings
    private let logger: Logger
    private let handler: Handler
    /// Rows that were handled; attempts that failed; rows that became dead letters.
    private let handled: Counter
    private let failures: Counter
    private let deadLetters: Counter

    public init(
        pool: PostgresPool, topic: OutboxTopic, settings: Settings = Settings(), logger: Logger,
        handler: @escaping Handler
    ) {
        self.pool = pool
        self.topic = topic
        self.settings = settings
        self.logger = logger
        self.handler = handler
        func counter(_ label: String) -> Counter { Counter(label: label, dimensions: [("topic", topic.rawValue)]) }
        handled = counter("chorus_storage_outbox_rows_handled_total")
        failures = counter("chorus_storage_outbox_rows_failed_total")
        deadLetters = counter("chorus_storage_outbox_rows_dead_total")
    }

    /// Works until the task is cancelled.
    public func run() async {
        var pause = Backoff(base: .milliseconds(100), cap: .seconds(5))
        while !Task.isCancelled {
            do throws(StorageError) {
                let claimed = try await relay()
                pause.reset()
                // Cancelled while sleeping: the loop's condition ends it.
                if claimed < settings.batchMax { try? await Task.sleep(for: settings.interval) }
            } catch {
                logger.warning(
                    "the outbox cannot be read or handled",
                    metadata: ["outbox.topic": "\(topic.rawValue)", "error": "\(error)"])
                try? await Task.sleep(for: pause.next())
            }
        }
    }

    /// Claims one batch and handles it.
    ///
    /// - Returns: the rows that were claimed.
    public func relay() async throws(StorageError) -> Int {
        let values: [PostgresValue] = [
            .text(topic.rawValue), .bigint(Int64(settings.batchMax)), .bigint(settings.lease.microseconds),
        ]
        let rows = try await pool.session { connection in
            try connection.query(claimStatement, values) { row throws(PostgresError) in
                OutboxRow(id: try row.bigint(0), payload: try row.text(1), attempt: Int(try row.integer(2)))
            }
        }
        if !rows.isEmpty { try await handle(rows) }
        return rows.count
    }

    private func handle(_ rows: [OutboxRow]) async throws(StorageError) {
        do {
            try await handler(rows)
            // What the handler has deleted itself is gone already.
            _ = try await execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", [.bigints(rows.map(\.id))])
            handled.increment(by: rows.count)
        } catch {
            try await failed(rows, StorageError(any: error))
        }
    }

    private func failed(_ rows: [OutboxRow], _ error: StorageError) async throws(StorageError) {
        if error.isTransient {
            // No fault of the rows. If this cannot be written, their lease ends by itself.
            _ = try? await execute(releaseStatement, [.bigints(rows.map(\.id))])
            throw error
        }
        guard rows.count == 1, let row = rows.first else {
            for row in rows { try await handle([row]) }
            return
        }
        if error.code == .duplicate { return }
        failures.increment()
        let isDead = error.code == .invalid || row.attempt >= settings.attemptsMax
        if isDead { deadLetters.increment() }
        logger.warning(
            isDead ? "an outbox row is a dead letter" : "an outbox row is tried again later",
            metadata: ["outbox.topic": "\(topic.rawValue)", "outbox.row": "\(row.id)", "error": "\(error)"])
        var retry = Backoff(base: settings.retry.base, cap: settings.retry.cap, attempts: row.attempt - 1)
        let pause = isDead ? nil : retry.next().microseconds
        _ = try await execute(
            postponeStatement, [.bigint(row.id), .optionalBigint(pause), .text(error.description)])
    }

    private func execute(
        _ statement: PostgresStatement, _ values: [PostgresValue]
    ) async throws(StorageError) -> Int {
        try await pool.session { try $0.execute(statement, values) }
    }
}

private let claimStatement: PostgresStatement = """
    UPDATE outbox SET available_at = now() + $3 * interval '1 microsecond', attempts = attempts + 1
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox WHERE topic = $1 AND available_at <= now()
        ORDER BY available_at, id LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING id, payload::text, attempts
    """

private let releaseStatement: PostgresStatement = """
    UPDATE outbox SET available_at = now(), attempts = attempts - 1 WHERE id = ANY($1::bigint[])
    """

private let postponeStatement: PostgresStatement = """
    UPDATE outbox SET available_at = coalesce(now() + $2 * interval '1 microsecond', 'infinity'), error = $3
    WHERE id = $1
    """

import CLibpq

/// One session, used by the one thread that owns it; all calls block that thread, each for a limited time.
///
/// The socket is non-blocking and every wait has a deadline, because `statement_timeout` helps only as long as the
/// server is able to count: a stopped or unreachable one must not hold the thread.
public final class PostgresConnection {
    let session: OpaquePointer
    let configuration: PostgresConfiguration
    private var prepared: [PostgresStatement: String] = [:]
    /// The server's present limit; the client waits a little longer.
    var statementTimeout: Duration
    var isInTransaction = false
    /// After an error of the connection itself; it is good for nothing any more.
    public private(set) var isBroken = false
    /// Whether a pooler stands between, which lends a session of the server for one transaction at a time. What is set or
    /// prepared would stay there for others, so nothing is. Assumed until the session has looked.
    var isPooled = true
    /// What an answer has told about the server or what stands before it.
    private(set) var finding: Finding?

    enum Finding {
        /// The server takes no writes any more; other sessions with it are of no use either.
        case isReadOnly
        /// A pooler that did not show itself before.
        case hasPooler
    }

    /// Takes `session` over; it is connected already.
    init(owning session: OpaquePointer, configuration: PostgresConfiguration) {
        self.session = session
        self.configuration = configuration
        statementTimeout = configuration.statementTimeout
    }

    deinit { PQfinish(session) }

    /// Runs one statement; the answer's columns are in binary format.
    ///
    /// - Throws: with outcome `unknown` when the connection was lost after the statement was sent.
    @discardableResult
    public func query(_ statement: PostgresStatement, _ values: [PostgresValue] = []) throws(PostgresError)
        -> PostgresRows
    {
        let values = EncodedValues(values)
        let deadline = deadline()
        let name = try preparedName(of: statement, types: values.types, deadline: deadline)
        try send { send(statement, name: name, values) }
        do {
            return PostgresRows(owning: try receive(until: deadline))
        } catch {
            learn(from: error)
            throw error
        }
    }

    /// Runs one statement and maps its rows.
    public func query<T>(
        _ statement: PostgresStatement, _ values: [PostgresValue] = [], row: (PostgresRow) throws(PostgresError) -> T
    ) throws(PostgresError) -> [T] {
        let rows = try query(statement, values)
        var mapped: [T] = []
        mapped.reserveCapacity(rows.count)
        for each in rows { mapped.append(try row(each)) }
        return mapped
    }

    /// Runs one statement; returns how many rows it inserted, changed or deleted.
    @discardableResult
    public func execute(_ statement: PostgresStatement, _ values: [PostgresValue] = []) throws(PostgresError) -> Int {
        try query(statement, values).affected
    }

    /// Runs statements without values, separated by semicolons, as one implicit transaction.
    public func run(script: StaticString) throws(PostgresError) {
        let deadline = deadline()
        try send { PQsendQuery(session, script.description) }
        PQclear(try receive(until: deadline))
    }

    /// Whether the server has not closed the session meanwhile, as far as this side knows without asking it.
    func isAlive() -> Bool {
        var rounds = 0
        // What waits on an idle session is a notice, or the end.
        while !isBroken, rounds < 8, wait(for: .readable, until: .now) {
            rounds += 1
            if PQconsumeInput(session) == 0 { isBroken = true }
            _ = PQisBusy(session)
        }
        if PQstatus(session) != CONNECTION_OK { isBroken = true }
        return !isBroken
    }

    private func deadline() -> ContinuousClock.Instant { .now + statementTimeout + configuration.answerGrace }

    private func preparedName(
        of statement: PostgresStatement, types: [UInt32], deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> String? {
        guard !isPooled else { return nil }
        if let name = prepared[statement] { return name }
        // The statements of a program are few and literal. Past the limit they are sent whole each time.
        guard prepared.count < configuration.preparedStatementsMax else { return nil }
        let name = "chorus_\(prepared.count + 1)"
        do {
            try send { PQsendPrepare(session, name, statement.text, Int32(types.count), types) }
            PQclear(try receive(until: deadline))
        } catch {
            learn(from: error)
            var error = error
            error.outcome = .notDone
            throw error
        }
        prepared[statement] = name
        return name
    }

    private func send(_ statement: PostgresStatement, name: String?, _ values: EncodedValues) -> Int32 {
        let count = Int32(values.types.count)
        return values.withPointers { pointers in
            if let name {
                PQsendQueryPrepared(session, name, count, pointers, values.lengths, values.formats, 1)
            } else {
                PQsendQueryParams(
                    session, statement.text, count, values.types, pointers, values.lengths, values.formats, 1)
            }
        }
    }

    private func send(_ call: () -> Int32) throws(PostgresError) {
        guard !isBroken else { throw PostgresError(.unavailable, "the connection to PostgreSQL was lost") }
        guard call() == 1 else {
            isBroken = true
            // libpq may have written a part, but never a whole statement.
            throw PostgresError(.unavailable, "the connection to PostgreSQL was lost while sending")
        }
    }

    func markBroken() { isBroken = true }

    private func learn(from error: PostgresError) {
        guard let state = error.sqlState else { return }
        if state == SQLState.readOnly { finding = .isReadOnly }
        if SQLState.tellsOfPooler(state) { finding = .hasPooler }
        // A plan that the server may not reuse after a migration (0A000) is prepared anew in the next session.
        if finding != nil || state == "0A000" { isBroken = true }
    }
}

@available(*, unavailable)
extension PostgresConnection: Sendable {}

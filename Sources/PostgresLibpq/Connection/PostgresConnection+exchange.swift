import CLibpq
import Glibc
import Primitives

/// Sending what libpq has buffered and waiting for the answer, never longer than a deadline.
extension PostgresConnection {
    enum Readiness {
        case readable, writable, either
    }

    /// The last result of what was sent, checked and drained; the caller owns it.
    func receive(until deadline: ContinuousClock.Instant) throws(PostgresError) -> OpaquePointer {
        try flush(until: deadline)
        var kept: OpaquePointer?
        var failed = false
        while let result = try nextResult(until: deadline, discarding: kept) {
            // The first error is the cause; what follows it is the end of the connection.
            if failed {
                PQclear(result)
                continue
            }
            PQclear(kept)
            kept = result
            failed = ![PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY].contains(PQresultStatus(result))
            if isCopy(result) { markBroken() }
            if isBroken { break }
        }
        if PQstatus(session) != CONNECTION_OK { markBroken() }
        guard let kept else { throw lost() }
        guard failed else { return kept }
        defer { PQclear(kept) }
        let error = PostgresError(result: kept, connectionIsBroken: isBroken)
        if let state = error.sqlState, SQLState.endsSession(state) { markBroken() }
        throw error
    }

    /// Whether the socket became ready before the deadline.
    func wait(for readiness: Readiness, until deadline: ContinuousClock.Instant) -> Bool {
        let events =
            switch readiness {
            case .readable: POLLIN
            case .writable: POLLOUT
            case .either: POLLIN | POLLOUT
            }
        var descriptor = pollfd(fd: PQsocket(session), events: Int16(events), revents: 0)
        while true {
            let left = max(0, (deadline - .now).milliseconds)
            let ready = poll(&descriptor, 1, Int32(clamping: left))
            if ready > 0 { return true }
            if ready < 0, errno != EINTR { return true }  // The next libpq call finds out what is wrong.
            if ContinuousClock.now >= deadline { return false }
        }
    }

    private func flush(until deadline: ContinuousClock.Instant) throws(PostgresError) {
        while true {
            switch PQflush(session) {
            case 0: return
            case 1:
                guard wait(for: .either, until: deadline) else { throw tooLate() }
                // The server may be blocked on writing to us; not reading would be a deadlock.
                guard PQconsumeInput(session) == 1 else { throw lost() }
            default: throw lost()
            }
        }
    }

    private func nextResult(
        until deadline: ContinuousClock.Instant, discarding kept: OpaquePointer?
    ) throws(PostgresError) -> OpaquePointer? {
        while PQisBusy(session) == 1 {
            guard wait(for: .readable, until: deadline) else {
                PQclear(kept)
                throw tooLate()
            }
            // On failure PQgetResult holds the reason, or the server's last message.
            if PQconsumeInput(session) == 0 { break }
        }
        return PQgetResult(session)
    }

    private func isCopy(_ result: OpaquePointer) -> Bool {
        [PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH].contains(PQresultStatus(result))
    }

    private func lost() -> PostgresError {
        markBroken()
        return PostgresError(.unavailable, "the connection to PostgreSQL was lost", outcome: .unknown)
    }

    private func tooLate() -> PostgresError {
        markBroken()
        return PostgresError(
            .timeout, "PostgreSQL did not answer in time; the connection was dropped", outcome: .unknown)
    }
}

import CLibpq

/// The rows of one answer; they live as long as this object.
public final class PostgresRows: RandomAccessCollection {
    private let result: OpaquePointer
    public let startIndex = 0
    public let endIndex: Int
    /// Rows that the statement returned, inserted, changed or deleted, by the server's own count.
    public let affected: Int

    /// Takes `result` over and clears it in the end.
    init(owning result: OpaquePointer) {
        self.result = result
        endIndex = Int(PQntuples(result))
        affected = PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
    }

    deinit { PQclear(result) }

    public subscript(position: Int) -> PostgresRow {
        precondition(position >= startIndex && position < endIndex, "no such row")
        return PostgresRow(rows: self, index: Int32(position))
    }

    /// Bytes of a value in binary format; `nil` for NULL.
    func value(row: Int32, column: Int, types: Set<UInt32>) throws(PostgresError) -> UnsafeRawBufferPointer? {
        guard column >= 0, column < Int(PQnfields(result)) else {
            throw PostgresError(.internal, "the answer has no column \(column)")
        }
        let column = Int32(column)
        guard types.contains(PQftype(result, column)), PQfformat(result, column) == 1 else {
            throw PostgresError(.internal, "column \(column) of the answer has another type")
        }
        guard PQgetisnull(result, row, column) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }
}

@available(*, unavailable)
extension PostgresRows: Sendable {}

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

/// One row of an answer, read by column number (0, 1, 2 …) and type.
///
/// All functions throw `internal` for a column that is missing, has another type, or is NULL where it must not be.
public struct PostgresRow {
    let rows: PostgresRows
    let index: Int32

    public func text(_ column: Int) throws(PostgresError) -> String { try present(optionalText(column), column) }
    public func integer(_ column: Int) throws(PostgresError) -> Int32 {
        try present(number(column, PostgresType.integer), column)
    }
    public func smallint(_ column: Int) throws(PostgresError) -> Int16 {
        try present(number(column, PostgresType.smallint), column)
    }
    public func bigint(_ column: Int) throws(PostgresError) -> Int64 { try present(optionalBigint(column), column) }
    /// Microseconds since 1970-01-01T00:00:00Z.
    public func timestamp(_ column: Int) throws(PostgresError) -> Int64 {
        try present(optionalTimestamp(column), column)
    }

    public func boolean(_ column: Int) throws(PostgresError) -> Bool {
        try present(number(column, PostgresType.boolean) as UInt8?, column) != 0
    }

    public func optionalText(_ column: Int) throws(PostgresError) -> String? {
        guard let bytes = try rows.value(row: index, column: column, types: PostgresType.texts) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    public func optionalBigint(_ column: Int) throws(PostgresError) -> Int64? {
        try number(column, PostgresType.bigint)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    public func optionalTimestamp(_ column: Int) throws(PostgresError) -> Int64? {
        guard let time: Int64 = try number(column, PostgresType.timestamp) else { return nil }
        return PostgresType.since1970(time)
    }

    private func number<Number: FixedWidthInteger>(_ column: Int, _ type: UInt32) throws(PostgresError) -> Number? {
        guard let bytes = try rows.value(row: index, column: column, types: [type]) else { return nil }
        guard bytes.count == MemoryLayout<Number>.size else {
            throw PostgresError(.internal, "column \(column) of the answer has another width")
        }
        return Number(bigEndian: bytes.loadUnaligned(as: Number.self))
    }

    private func present<Value>(_ value: Value?, _ column: Int) throws(PostgresError) -> Value {
        guard let value else { throw PostgresError(.internal, "column \(column) of the answer is NULL") }
        return value
    }
}

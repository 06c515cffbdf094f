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

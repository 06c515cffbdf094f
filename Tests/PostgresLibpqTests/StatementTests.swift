import PostgresLibpq
import TestSupport
import Testing

@Suite struct StatementTests {
    @Test func everyTypeComesBack() async throws {
        try await withPool { pool in
            let rows = try await pool.query(
                "SELECT $1::text, $2::int4, $3::int8, $4::bool, $5::timestamptz, $6::text, $7::int8",
                [
                    .text("naïve 😀 '\"\\"), .integer(-7), .bigint(.max), .boolean(true),
                    .timestamp(1_767_268_800_000_001),
                    .optionalText(nil), .optionalBigint(nil),
                ]
            ) { row throws(PostgresError) in
                #expect(try row.text(0) == "naïve 😀 '\"\\")
                #expect(try row.integer(1) == -7)
                #expect(try row.bigint(2) == .max)
                #expect(try row.boolean(3))
                #expect(try row.timestamp(4) == 1_767_268_800_000_001)
                #expect(try row.optionalText(5) == nil)
                #expect(try row.optionalBigint(6) == nil)
                return true
            }
            #expect(rows == [true])
        }
    }

    @Test func timestampsMeanWhatTheServerMeans() async throws {
        try await withPool { pool in
            let times = try await pool.query(
                "SELECT '2026-01-01T12:00:00.001Z'::timestamptz",
                row: { row throws(PostgresError) in try row.timestamp(0) })
            #expect(times == [1_767_268_800_001_000])
        }
    }

    @Test func arraysAreOneStatementForManyRows() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (a text, b int8, c bool, d timestamptz, e int2)")
            let count = 5000
            let inserted = try await pool.execute(
                "INSERT INTO t SELECT * FROM unnest($1::text[], $2::int8[], $3::bool[], $4::timestamptz[], $5::int2[])",
                [
                    .texts((0..<count).map { "row \($0)" }), .bigints((0..<count).map { Int64($0) }),
                    .booleans((0..<count).map { $0 % 2 == 0 }), .timestamps((0..<count).map { Int64($0) * 1_000_000 }),
                    .smallints((0..<count).map { Int16($0) }),
                ])
            #expect(inserted == count)
            let sums = try await pool.query(
                "SELECT sum(b)::int8, count(*) FILTER (WHERE c), max(extract(epoch from d))::int8, count(*) FILTER (WHERE a = 'row ' || e) FROM t",
                row: { row throws(PostgresError) in
                    [try row.bigint(0), try row.bigint(1), try row.bigint(2), try row.bigint(3)]
                })
            #expect(sums == [[12_497_500, 2500, 4999, 5000]])
        }
    }

    @Test func emptyArraysAndEmptyTexts() async throws {
        try await withPool { pool in
            let rows = try await pool.query(
                "SELECT cardinality($1::text[]), $2::text", [.texts([]), .text("")],
                row: { row throws(PostgresError) in (try row.integer(0), try row.text(1)) })
            #expect(rows.first?.0 == 0)
            #expect(rows.first?.1 == "")
        }
    }

    @Test func readingAnotherTypeIsAnErrorAndNoCrash() async throws {
        try await withPool { pool in
            let wrongType = await thrown(PostgresError.self) {
                _ = try await pool.query("SELECT 1::int8", row: { row throws(PostgresError) in try row.text(0) })
            }
            let missing = await thrown(PostgresError.self) {
                _ = try await pool.query("SELECT 1::int8", row: { row throws(PostgresError) in try row.bigint(3) })
            }
            let null = await thrown(PostgresError.self) {
                _ = try await pool.query("SELECT NULL::int8", row: { row throws(PostgresError) in try row.bigint(0) })
            }
            #expect([wrongType?.code, missing?.code, null?.code] == [.internal, .internal, .internal])
        }
    }

    @Test func preparedOncePerConnectionAndNeverPastTheLimit() async throws {
        try await withPool(connections: 1, { $0.preparedStatementsMax = 3 }) { pool in
            for _ in 0..<3 {
                try await pool.execute("SELECT 1")
                try await pool.execute("SELECT 2")
                try await pool.execute("SELECT 3")
            }
            let names = try await pool.texts("SELECT name FROM pg_prepared_statements")
            // The session's own set-up statement is one of them.
            #expect(names.count == 3)
        }
    }
}

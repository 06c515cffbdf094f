/// A value for `$n`, sent in PostgreSQL's binary format.
///
/// Arrays carry one column of a batch: `INSERT … SELECT * FROM unnest($1::text[], $2::bigint[])`.
/// Text must not contain U+0000: the server refuses it (`invalidValue`).
public enum PostgresValue: Sendable {
    case text(String)
    case integer(Int32)
    case bigint(Int64)
    case boolean(Bool)
    /// Microseconds since 1970-01-01T00:00:00Z.
    case timestamp(Int64)
    case texts([String])
    case smallints([Int16])
    case bigints([Int64])
    case booleans([Bool])
    /// Microseconds since 1970-01-01T00:00:00Z.
    case timestamps([Int64])
    case optionalText(String?)
    case optionalBigint(Int64?)

    /// The type's object id; the built-in ones never change (`pg_type.dat`).
    var type: UInt32 {
        switch self {
        case .text, .optionalText: PostgresType.text
        case .integer: PostgresType.integer
        case .bigint, .optionalBigint: PostgresType.bigint
        case .boolean: PostgresType.boolean
        case .timestamp: PostgresType.timestamp
        case .texts: 1009
        case .smallints: 1005
        case .bigints: 1016
        case .booleans: 1000
        case .timestamps: 1185
        }
    }

    /// Appends the value; returns whether there was one, `false` for NULL.
    func encode(into bytes: inout [UInt8]) -> Bool {
        switch self {
        case .text(let text): bytes.append(contentsOf: text.utf8)
        case .integer(let number): bytes.append(bigEndian: number)
        case .bigint(let number): bytes.append(bigEndian: number)
        case .boolean(let flag): bytes.append(flag ? 1 : 0)
        case .timestamp(let time): bytes.append(bigEndian: PostgresType.sinceServerEpoch(time))
        case .texts(let texts): bytes.append(texts: texts)
        case .smallints(let numbers): bytes.append(array: numbers, of: PostgresType.smallint)
        case .bigints(let numbers): bytes.append(array: numbers, of: PostgresType.bigint)
        case .booleans(let flags): bytes.append(array: flags.map { $0 ? 1 : 0 } as [UInt8], of: PostgresType.boolean)
        case .timestamps(let times):
            bytes.append(array: times.map(PostgresType.sinceServerEpoch), of: PostgresType.timestamp)
        case .optionalText(let text):
            guard let text else { return false }
            bytes.append(contentsOf: text.utf8)
        case .optionalBigint(let number):
            guard let number else { return false }
            bytes.append(bigEndian: number)
        }
        return true
    }
}

/// Object ids and the epoch of the server's binary timestamps.
enum PostgresType {
    static let boolean: UInt32 = 16
    static let bigint: UInt32 = 20
    static let smallint: UInt32 = 21
    static let integer: UInt32 = 23
    static let text: UInt32 = 25
    static let timestamp: UInt32 = 1184
    static let texts: Set<UInt32> = [text, 1043, 19, 1042]

    /// Microseconds from 1970-01-01 to 2000-01-01, the server's epoch.
    private static let serverEpoch: Int64 = 946_684_800_000_000

    static func sinceServerEpoch(_ microsecondsSince1970: Int64) -> Int64 { microsecondsSince1970 &- serverEpoch }
    static func since1970(_ serverMicroseconds: Int64) -> Int64 { serverMicroseconds &+ serverEpoch }
}

/// One step of the schema: applied once, never changed afterwards.
public struct Migration: Sendable {
    /// 1, 2, 3 … without holes.
    public let version: Int
    public let name: String
    /// Statements separated by semicolons, without values; they run in one transaction with all other steps.
    let script: StaticString

    public init(version: Int, name: String, script: StaticString) {
        self.version = version
        self.name = name
        self.script = script
    }

    /// FNV-1a over the script: tells an edited step from the one that was applied; it is no protection against malice.
    public var checksum: String {
        let hash = script.withUTF8Buffer { bytes in
            bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Why the schema cannot be used.
public enum MigrationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A newer program has been here; this one would misread its tables.
    case databaseIsNewer(database: Int, program: Int)
    /// An applied step reads otherwise in this program.
    case stepWasChanged(version: Int)
    /// The steps of the program are not numbered 1, 2, 3 …
    case stepsAreMisnumbered

    public var description: String {
        switch self {
        case .databaseIsNewer(let database, let program):
            "the database has schema version \(database), this program knows \(program)"
        case .stepWasChanged(let version): "migration \(version) differs from the one that was applied"
        case .stepsAreMisnumbered: "the program's migrations are not numbered 1, 2, 3 …"
        }
    }
}

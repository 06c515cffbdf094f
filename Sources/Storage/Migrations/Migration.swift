/// One step of the schema: applied once, never changed afterwards.
///
/// **Programs of two versions run beside each other** while the services are updated one after another, so a change that an
/// older program could not live with takes two releases. The first one expands: it adds what the newer program needs, with
/// defaults for those who do not know it. When no older program runs any more, the second one contracts: it removes what
/// only those needed, and says so by ``oldestProgram``.
public struct Migration: Sendable {
    enum Work: Sendable {
        /// Statements separated by semicolons; they run in one transaction with the neighbouring steps of this kind.
        case script(StaticString)
        /// Statements that PostgreSQL runs outside of a transaction only, one after another.
        case statements([StaticString])
        /// An extension of PostgreSQL, in the transaction of the neighbouring scripts.
        case needsExtension(StaticString, by: StaticString)
    }

    /// 1, 2, 3 … without holes.
    public let version: Int
    public let name: String
    /// The version of the oldest program that goes on working after this step; 1 for a step that only adds.
    public let oldestProgram: Int
    let work: Work

    /// - Parameter script: statements separated by semicolons, without values.
    public init(version: Int, name: String, oldestProgram: Int = 1, script: StaticString) {
        self.version = version
        self.name = name
        self.oldestProgram = oldestProgram
        work = .script(script)
    }

    /// A step that may not stand in a transaction, such as `CREATE INDEX CONCURRENTLY`.
    ///
    /// - Parameter statements: each one is sent alone. A process that dies among them leaves a part, and the next one begins
    ///   with the first again, so all of them must be repeatable. (A `CREATE INDEX CONCURRENTLY` that failed leaves an index
    ///   that is not valid: drop it first, if it exists.)
    public init(version: Int, name: String, oldestProgram: Int = 1, outsideTransaction statements: [StaticString]) {
        self.version = version
        self.name = name
        self.oldestProgram = oldestProgram
        work = .statements(statements)
    }

    /// A step that has the database load an extension that comes with PostgreSQL.
    public init(version: Int, name: String, needsExtension extensionName: StaticString, by statement: StaticString) {
        self.version = version
        self.name = name
        oldestProgram = 1
        work = .needsExtension(extensionName, by: statement)
    }

    /// FNV-1a over the statements: tells an edited step from the one that was applied; it is no protection against malice.
    public var checksum: String {
        let texts: [StaticString] =
            switch work {
            case .script(let script): [script]
            case .statements(let statements): statements
            case .needsExtension(_, let statement): [statement]
            }
        let hash = texts.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, text in
            text.withUTF8Buffer { $0.reduce(hash) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Why the schema cannot be used.
public enum MigrationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A newer program has been here and has removed what this one needs.
    case programIsTooOld(database: Int, oldestProgram: Int, program: Int)
    /// An applied step reads otherwise in this program.
    case stepWasChanged(version: Int)
    /// The server does not have it, or the database's user may not load it.
    case extensionIsMissing(String, reason: String)
    /// The steps of the program are not numbered 1, 2, 3 …
    case stepsAreMisnumbered

    public var description: String {
        switch self {
        case .programIsTooOld(let database, let oldest, let program):
            "the database has schema version \(database), for programs of version \(oldest) and newer; this one has "
                + "\(program)"
        case .stepWasChanged(let version): "migration \(version) differs from the one that was applied"
        case .extensionIsMissing(let name, let reason): "the extension \(name) is not in the database, and \(reason)"
        case .stepsAreMisnumbered: "the program's migrations are not numbered 1, 2, 3 …"
        }
    }
}

import CLibpq

extension PostgresError {
    /// The error of a result whose status says that the statement failed.
    init(result: OpaquePointer, connectionIsBroken: Bool) {
        guard let state = PostgresError.field(result, stateField) else {
            // No SQLSTATE: libpq made this result itself, since the connection broke.
            self.init(.unavailable, "the connection to PostgreSQL was lost", outcome: .unknown)
            return
        }
        let primary = PostgresError.field(result, primaryMessageField) ?? "no message"
        let message = SQLState.mayQuoteValues(state) ? "PostgreSQL refused a value" : PostgresError.oneLine(primary)
        // An administrator's shutdown (57P01) can strike between the commit and its acknowledgement. A pooler tells it
        // over a connection that stands.
        let isUnknown = connectionIsBroken || state.hasPrefix("57P0")
        self.init(
            SQLState.code(of: state), message, outcome: isUnknown ? .unknown : .notDone, sqlState: state,
            constraint: PostgresError.field(result, constraintField))
    }

    /// libpq's own words about a connection that failed, on one line, without `secrets`.
    static func connectionMessage(_ connection: OpaquePointer, secrets: [String]) -> String {
        guard let text = PQerrorMessage(connection) else { return "no connection to PostgreSQL" }
        return oneLine(String(cString: text), secrets: secrets)
    }

    static func oneLine(_ text: String, secrets: [String] = []) -> String {
        var line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        for secret in secrets where !secret.isEmpty {
            line = line.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "***")
        }
        return String(line.prefix(messageLengthMax))
    }

    private static func field(_ result: OpaquePointer, _ code: Int32) -> String? {
        PQresultErrorField(result, code).map { String(cString: $0) }
    }

    private static let messageLengthMax = 300
}

// postgres_ext.h: PG_DIAG_SQLSTATE 'C', PG_DIAG_MESSAGE_PRIMARY 'M', PG_DIAG_CONSTRAINT_NAME 'n'.
private let stateField = Int32(UInt8(ascii: "C"))
private let primaryMessageField = Int32(UInt8(ascii: "M"))
private let constraintField = Int32(UInt8(ascii: "n"))

/// What a five-character SQLSTATE means for the caller.
///
/// Source: PostgreSQL 15, appendix A, "PostgreSQL Error Codes".
enum SQLState {
    static func code(of state: String) -> PostgresError.Code {
        switch state {
        case "57014", "55P03": .timeout
        case "40001", "40P01": .serialization
        case readOnly: .unavailable
        default: codeOfClass(state.prefix(2))
        }
    }

    /// Whether the server is not, or no longer, the one to work with: read-only (25006), shutting down or starting (57P0…),
    /// or the connection broke on the way (08). By the next session another server may stand behind the name.
    static func endsSession(_ state: String) -> Bool {
        state == readOnly || state.hasPrefix("57P0") || state.hasPrefix("08")
    }

    static let readOnly = "25006"

    /// A statement was prepared that is there already (42P05), or called and is not there (26000): a pooler gave this client
    /// another one's session.
    static func tellsOfPooler(_ state: String) -> Bool { state == "42P05" || state == "26000" }

    private static func codeOfClass(_ prefix: Substring) -> PostgresError.Code {
        switch prefix {
        case "22": .invalidValue
        case "23": .constraint
        case "40": .serialization
        case "53": .overloaded
        case "08", "57", "58": .unavailable
        case "28", "3D": .configuration
        default: .internal
        }
    }

    /// The server's primary message quotes values in these classes (`invalid input syntax for type …: "…"`), so
    /// that it must not reach a log.
    static func mayQuoteValues(_ state: String) -> Bool {
        ["22", "P0", "21"].contains { state.hasPrefix($0) }
    }
}

/// What a five-character SQLSTATE means for the caller.
///
/// Source: PostgreSQL 15, appendix A, "PostgreSQL Error Codes".
enum SQLState {
    static func code(of state: String) -> PostgresError.Code {
        switch state {
        case "57014", "55P03": .timeout
        case "40001", "40P01": .serialization
        case "25006": .unavailable
        default: codeOfClass(state.prefix(2))
        }
    }

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

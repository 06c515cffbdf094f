public import Placement
internal import Report

/// A parameter that cannot be read: which one, what was given, and what would be right.
public struct InvalidParameter: Error, Equatable, Sendable, CustomStringConvertible {
    public let name: String
    public let value: String
    public let expected: String

    public init(name: String, value: String, expected: String) {
        self.name = name
        self.value = value
        self.expected = expected
    }

    public var description: String { "\(name) is \"\(value)\"; expected \(expected)" }
}

extension PlacementStrategy {
    /// Reads the name as `PLACEMENT` and `--placement` carry it, for instance `least-connections`.
    public static func parse(_ text: String) throws(InvalidParameter) -> PlacementStrategy {
        guard let strategy = PlacementStrategy(rawValue: text) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            throw InvalidParameter(name: "placement", value: text, expected: "one of \(names)")
        }
        return strategy
    }

    /// Reads names separated by commas; none twice.
    public static func parseList(_ text: String) throws(InvalidParameter) -> [PlacementStrategy] {
        let names = text.split(separator: ",", omittingEmptySubsequences: false)
        return try names.map { (name) throws(InvalidParameter) in try parse(String(name)) }.unique()
    }
}

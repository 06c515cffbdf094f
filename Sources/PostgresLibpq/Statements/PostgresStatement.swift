/// One SQL statement with `$1`, `$2` … for its values.
///
/// It is made from a literal only: a statement can therefore never hold a value that somebody sent.
public struct PostgresStatement: Hashable, Sendable, ExpressibleByStringLiteral {
    let text: String

    public init(_ text: StaticString) { self.text = text.description }
    public init(stringLiteral text: StaticString) { self.text = text.description }
}

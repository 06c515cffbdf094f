/// What a client gets for everything that was refused: a sentence for people and a code for programs.
public struct ErrorBody: Codable, Equatable, Sendable, Error {
    public var error: String
    public var code: String

    public init(error: String, code: String) {
        self.error = error
        self.code = code
    }
}

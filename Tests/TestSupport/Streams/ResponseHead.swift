/// The status line and the headers of an HTTP/1.1 response.
public struct ResponseHead: Equatable, Sendable {
    public let status: Int
    /// Names in lower case, in the order in which they came.
    public let fields: [Field]

    /// One header line.
    public struct Field: Equatable, Sendable {
        /// In lower case.
        public let name: String
        public let value: String
    }

    /// The head without its closing empty line; `nil` when it is none.
    init?(_ text: some StringProtocol) {
        // A CRLF is one character to Swift, whatever stands around it.
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        self.status = status
        fields = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...]
            return Field(name: line[..<colon].lowercased(), value: String(value.drop { $0 == " " }))
        }
    }

    /// The value of the first header of this name, which is given in lower case.
    public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}

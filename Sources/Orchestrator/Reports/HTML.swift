/// Text inside a page.
enum HTML {
    /// For text between tags and inside quoted attributes.
    static func escaped(_ text: some StringProtocol) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.append(character)
            }
        }
        return result
    }

    /// JSON inside a script: no `<`, and so nothing that a page could take for markup.
    static func data(_ json: String) -> String {
        json.split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c")
    }

    /// A script's text that cannot end its element early; JavaScript reads `<\/` as `</`.
    static func inScript(_ text: String) -> String {
        text.split(separator: "</", omittingEmptySubsequences: false).joined(separator: "<\\/")
    }
}

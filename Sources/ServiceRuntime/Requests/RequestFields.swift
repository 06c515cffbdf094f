import HTTPTypes
public import Hummingbird
import HummingbirdCore
public import Wire

/// What a client gave by name, in a JSON body or a query, with the checks that every route needs.
///
/// A failed check throws a ``APIError`` of 400 with the route's code and a sentence that begins with the field's name.
public struct RequestFields: Sendable {
    /// The error code of the route: `invalid_comment`.
    public let code: String
    private let object: JSONObject

    /// Fields of a JSON object.
    public init(_ object: JSONObject, code: String) {
        self.object = object
        self.code = code
    }

    /// Fields of a query; a name that is given twice is refused.
    public init(queryOf request: Request, code: String) throws(APIError) {
        var object = JSONObject()
        for (name, value) in request.uri.queryParameters {
            let name = String(name)
            guard object[name] == nil else { throw .invalid(code, "a parameter of the query is given twice") }
            guard object.members.count < JSONObject.membersMax else {
                throw .invalid(code, "the query has too many parameters")
            }
            object.append(name, .string(String(value)))
        }
        self.init(object, code: code)
    }

    /// A string that must be there.
    public func string(_ name: String) throws(APIError) -> String {
        guard let text = try optionalString(name) else { throw .invalid(code, "\(name) is missing") }
        return text
    }

    /// A string that may be missing or `null`.
    public func optionalString(_ name: String) throws(APIError) -> String? {
        switch object[name] {
        case .string(let text): return text
        case nil, .null?: return nil
        default: throw .invalid(code, "\(name) must be a string")
        }
    }

    /// Whether a field is there and not `null`.
    public func has(_ name: String) -> Bool {
        switch object[name] {
        case nil, .null?: false
        default: true
        }
    }

    /// An id by the rule of ``Wire/Identifier``.
    public func identifier(_ name: String) throws(APIError) -> String {
        try checked(string(name), name)
    }

    /// An id that may be missing or `null`.
    public func optionalIdentifier(_ name: String) throws(APIError) -> String? {
        guard let text = try optionalString(name) else { return nil }
        return try checked(text, name)
    }

    /// A truth value that may be missing or `null`; in a query the word `true` or `false`.
    public func optionalFlag(_ name: String) throws(APIError) -> Bool? {
        switch object[name] {
        case .boolean(let value): return value
        case .string("true"): return true
        case .string("false"): return false
        case nil, .null?: return nil
        default: throw .invalid(code, "\(name) must be true or false")
        }
    }

    /// A whole number that may be missing or `null`.
    public func optionalInteger(_ name: String) throws(APIError) -> Int? {
        switch object[name] {
        case .number(let value): if let number = Int(exactly: value) { return number }
        case nil, .null?: return nil
        default: break
        }
        throw .invalid(code, "\(name) must be a whole number")
    }

    /// Ids, each once, that may be missing or `null`.
    public func identifiers(_ name: String, countMax: Int) throws(APIError) -> [String] {
        let values: [JSONObject.Value]
        switch object[name] {
        case .array(let array): values = array
        case nil, .null?: return []
        default: throw .invalid(code, "\(name) must be a list of ids")
        }
        guard values.count <= countMax else { throw .invalid(code, "\(name) has more than \(countMax) entries") }
        var ids: [String] = []
        for value in values {
            guard case .string(let text) = value else { throw .invalid(code, "\(name) must be a list of ids") }
            let id = try checked(text, name)
            guard !ids.contains(id) else { throw .invalid(code, "\(name) has an id twice") }
            ids.append(id)
        }
        return ids
    }

    /// How many rows a page may have: 1 to 200, usually 50.
    public func pageLimit(default usual: Int = 50) throws(APIError) -> Int {
        guard let text = try optionalString("limit") else { return usual }
        guard let limit = Int(text), (1...200).contains(limit) else {
            throw .invalid(code, "limit must be 1 to 200")
        }
        return limit
    }

    /// Where the page before ended; `nil` for the first page.
    public func cursor<Cursor>(_ parse: (String) -> Cursor?) throws(APIError) -> Cursor? {
        guard let text = try optionalString("after") else { return nil }
        guard let cursor = parse(text) else { throw .invalid("invalid_cursor", "after is no cursor of this list") }
        return cursor
    }

    /// Text for people: 1 to `charactersMax` Unicode scalars, without control characters other than line feed and tab, and
    /// without what spoils the text around it.
    ///
    /// Scalars and not grapheme clusters are counted, since a cluster may be of any length; see ``TextRule``.
    public func text(_ name: String, charactersMax: Int) throws(APIError) -> String {
        let text = try string(name)
        switch TextRule(charactersMax: charactersMax).problem(of: text) {
        case nil: return text
        case .empty: throw .invalid(code, "\(name) is empty")
        case .tooLong: throw .invalid(code, "\(name) is longer than \(charactersMax) characters")
        case .controlCharacter: throw .invalid(code, "\(name) holds a control character")
        case .reordering:
            throw .invalid(code, "\(name) holds a character that turns other text around (U+202A to U+202E)")
        case .stacked:
            throw .invalid(code, "\(name) has more than \(TextRule.marksMax) combining marks on one character")
        }
    }

    private func checked(_ text: String, _ name: String) throws(APIError) -> String {
        if text.isEmpty { throw .invalid(code, "\(name) is empty") }
        guard Identifier.isValid(text) else {
            throw .invalid(
                code,
                "\(name) must be 1 to \(Identifier.lengthMax) characters of letters, digits, '.', '_', '-' and ':'")
        }
        return text
    }
}

/// What text that people write may be.
struct TextRule {
    enum Problem: Equatable {
        case empty, tooLong, controlCharacter, reordering, stacked
    }

    /// Unicode scalars: what other languages call code points. The count of a text does not depend on the version of the
    /// Unicode tables, and one of them is at most four bytes, so that it bounds the size too.
    var charactersMax: Int

    /// Combining marks in a row, as in the Stream-Safe Text Format (UAX #15): no language needs more, and more of them
    /// are drawn over the lines around.
    static let marksMax = 30

    /// Control characters are the general category Cc (U+0000-1F, U+007F-9F) without line feed and tab. Embeddings and
    /// overrides of direction (U+202A-2E) reach beyond the text; isolates (U+2066-69), which replace them, do not.
    func problem(of text: String) -> Problem? {
        var count = 0
        var marks = 0
        for scalar in text.unicodeScalars {
            count += 1
            if count > charactersMax { return .tooLong }
            switch scalar.value {
            case 0x0A, 0x09: break
            case 0..<0x20, 0x7F..<0xA0: return .controlCharacter
            case 0x202A...0x202E: return .reordering
            default: break
            }
            marks = Self.isMark(scalar) ? marks + 1 : 0
            if marks > Self.marksMax { return .stacked }
        }
        return count == 0 ? .empty : nil
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        // No mark stands before U+0300.
        guard scalar.value >= 0x300 else { return false }
        let category = scalar.properties.generalCategory
        return category == .nonspacingMark || category == .enclosingMark
    }
}

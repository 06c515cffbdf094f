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

    /// Text for people: 1 to `charactersMax` Unicode scalars, without control characters other than line feed and tab.
    ///
    /// Scalars and not grapheme clusters are counted, since a cluster may be of any length; see ``TextRule``.
    public func text(_ name: String, charactersMax: Int) throws(APIError) -> String {
        let text = try string(name)
        switch TextRule(charactersMax: charactersMax).problem(of: text) {
        case nil: return text
        case .empty: throw .invalid(code, "\(name) is empty")
        case .tooLong: throw .invalid(code, "\(name) is longer than \(charactersMax) characters")
        case .controlCharacter: throw .invalid(code, "\(name) holds a control character")
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
        case empty, tooLong, controlCharacter
    }

    /// Unicode scalars: what other languages call code points. The count of a text does not depend on the version of the
    /// Unicode tables, and one of them is at most four bytes, so that it bounds the size too.
    var charactersMax: Int

    /// Control characters are the general category Cc (U+0000-1F, U+007F-9F) without line feed and tab.
    func problem(of text: String) -> Problem? {
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            if count > charactersMax { return .tooLong }
            switch scalar.value {
            case 0x0A, 0x09: break
            case 0..<0x20, 0x7F..<0xA0: return .controlCharacter
            default: break
            }
        }
        return count == 0 ? .empty : nil
    }
}

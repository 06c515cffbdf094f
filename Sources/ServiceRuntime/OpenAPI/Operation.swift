public import HTTPTypes
import Identity

/// One route of one or several services, as `GET /api/openapi.json` describes it.
///
/// A test holds the list against the routes that each service has.
public struct Operation: Sendable {
    /// Who answers; empty: every service.
    public var services: [String]
    public var method: HTTPRequest.Method
    /// With the names of its parts in braces, as the router has it.
    public var path: String
    var summary: String
    /// The row of the table of permissions that it asks for; `nil`: none.
    var verb: Verb?
    var query: [Field] = []
    /// `nil`: it reads no body.
    var body: Body?
    /// Of a successful answer; `nil`: it has no body, or one of several types.
    var mediaType: String? = "application/json"

    enum Body: Sendable {
        /// An object of JSON with these members.
        case json([Field])
        /// Something else, by its media types.
        case bytes([String])
    }

    /// A member of a body, or a parameter of a query.
    struct Field: Sendable {
        var name: String
        var type: Kind
        var isRequired = false

        enum Kind: Sendable {
            /// Up to so many characters.
            case text(Int)
            /// By the rule of ``Wire/Identifier``.
            case id
            case integer(ClosedRange<Int>)
            case flag
            case choice([String])
            /// Of ids, up to so many.
            case ids(Int)
            case objects([Field])
        }

        static func required(_ name: String, _ type: Kind) -> Field { Field(name: name, type: type, isRequired: true) }
        static func optional(_ name: String, _ type: Kind) -> Field { Field(name: name, type: type) }
        static func page(_ limitMax: Int = 200) -> [Field] {
            [.optional("after", .text(200)), .optional("limit", .integer(1...limitMax))]
        }
    }

    /// The routes of a service, its health and metrics among them.
    public static func all(of service: String) -> [Operation] {
        all.filter { $0.services.isEmpty || $0.services.contains(service) }
    }
}

import HTTPTypes
import Hummingbird

/// Lets pages of any origin use a service from a browser (Fetch standard, section 3.3 "CORS protocol").
///
/// Nothing here is protected by cookies, so every origin may read every answer and send every header; credentials are not
/// allowed.
public struct CrossOriginPolicy: Sendable {
    /// What `EventSource` polyfills, `fetch` and axios send is named always, other headers when a page asks for them.
    private static let requestHeaders = [
        "authorization", "cache-control", "content-type", "idempotency-key", "last-event-id", "x-requested-with",
    ]
    /// Headers that a page may ask for beyond those.
    private static let headersMax = 32
    private static let preflightSeconds = 86_400

    public init() {}

    func apply(to response: inout Response, for request: Request) {
        guard request.headers[.origin] != nil else { return }
        response.headers.append(contentsOf: Self.fields)
    }

    private static let fields = [
        HTTPField(name: .accessControlAllowOrigin, value: "*"),
        HTTPField(name: .accessControlExposeHeaders, value: "retry-after, location"),
    ]

    func preflight(allowed: String, for request: Request) -> Response {
        Response(
            status: .noContent,
            headers: [
                .allow: allowed + ", OPTIONS", .accessControlAllowMethods: allowed + ", OPTIONS",
                .accessControlAllowHeaders: Self.headers(for: request).joined(separator: ", "),
                .accessControlMaxAge: String(Self.preflightSeconds),
            ])
    }

    private static func headers(for request: Request) -> [String] {
        let asked = request.headers[.accessControlRequestHeaders] ?? ""
        // A name that is no token does not become part of an answer.
        let names = asked.split(separator: ",").prefix(headersMax).compactMap { name in
            HTTPField.Name(name.filter { $0 != " " }).map { $0.canonicalName }
        }
        return requestHeaders + names.filter { !requestHeaders.contains($0) }
    }
}

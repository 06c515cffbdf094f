import HTTPTypes
import Hummingbird

/// Lets pages of other origins use a service from a browser (Fetch standard, section 3.3 "CORS protocol"): of all, without
/// credentials, where nobody has any (`AUTH=off`); else of the origins that are named, with them.
public struct CrossOriginPolicy: Sendable {
    /// What `EventSource` polyfills, `fetch` and axios send is named always, other headers when a page asks for them.
    private static let requestHeaders = [
        "authorization", "cache-control", "content-type", "idempotency-key", "last-event-id", "x-requested-with",
    ]
    /// Headers that a page may ask for beyond those.
    private static let headersMax = 32
    private static let preflightSeconds = 86_400

    public init() {}

    /// - Parameter allowed: origins, as browsers write them; `nil`: all.
    func apply(to response: inout Response, for request: Request, allowed: Set<String>?) {
        guard let allowed else {
            guard request.headers[.origin] != nil else { return }
            response.headers.append(HTTPField(name: .accessControlAllowOrigin, value: "*"))
            response.headers.append(Self.exposed)
            return
        }
        // A cache must not hand one origin's answer to another.
        response.headers.append(HTTPField(name: .vary, value: "origin"))
        guard let origin = request.headers[.origin], allowed.contains(origin) else {
            for name in [HTTPField.Name.accessControlAllowMethods, .accessControlAllowHeaders, .accessControlMaxAge] {
                response.headers[name] = nil
            }
            return
        }
        response.headers.append(HTTPField(name: .accessControlAllowOrigin, value: origin))
        response.headers.append(HTTPField(name: .accessControlAllowCredentials, value: "true"))
        response.headers.append(Self.exposed)
    }

    private static let exposed = HTTPField(
        name: .accessControlExposeHeaders, value: "retry-after, location, ratelimit, ratelimit-policy")

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

import HTTPTypes
import Hummingbird

/// Lets pages of any origin use a service from a browser (Fetch standard, section 3.3 "CORS protocol").
///
/// Nothing here is protected by cookies, so every origin may read every answer; credentials are not allowed.
public struct CrossOriginPolicy: Sendable {
    /// Headers that a page may send beside the ones that are always allowed.
    public var requestHeaders: [String]
    public var preflightSeconds: Int

    public init(requestHeaders: [String] = ["content-type", "last-event-id"], preflightSeconds: Int = 86_400) {
        self.requestHeaders = requestHeaders
        self.preflightSeconds = preflightSeconds
    }

    func apply(to response: inout Response, for request: Request) {
        guard request.headers[.origin] != nil else { return }
        response.headers.append(contentsOf: Self.fields)
    }

    private static let fields = [
        HTTPField(name: .accessControlAllowOrigin, value: "*"),
        HTTPField(name: .accessControlExposeHeaders, value: "retry-after, location"),
    ]

    func preflight(allowed: String) -> Response {
        Response(
            status: .noContent,
            headers: [
                .allow: allowed + ", OPTIONS", .accessControlAllowMethods: allowed + ", OPTIONS",
                .accessControlAllowHeaders: requestHeaders.joined(separator: ", "),
                .accessControlMaxAge: String(preflightSeconds),
            ])
    }
}

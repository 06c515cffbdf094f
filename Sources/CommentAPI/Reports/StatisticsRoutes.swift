import HTTPTypes
import Hummingbird
import Identity
import Logging
import ServiceRuntime

/// `GET /statistics`: the answer of StatsAPI, passed on.
struct StatisticsRoutes: Sendable {
    /// `nil` when none was given.
    let statsAPI: ServiceURL?
    /// For StatsAPI, as the header field.
    var authorization: String?
    var timeout: Duration = .seconds(5)

    func add(to router: Router<ServiceContext>) {
        router.get("statistics") { request, context in
            try await forward(request, context)
        }
    }

    private func forward(_ request: Request, _ context: ServiceContext) async throws -> Response {
        // Only what StatsAPI knows is passed on, so that nothing of a client's query reaches another URL.
        let isFull = request.uri.queryParameters["full"] == "true"
        try context.require(isFull ? .operate : .read)
        guard let statsAPI else { throw Self.unavailable }
        let url = statsAPI.appending(path: "/statistics") + (isFull ? "?full=true" : "")
        do {
            let answer = try await OutboundHTTP.get(url, authorization: authorization, timeout: timeout)
            guard answer.status == 200 else { throw Self.unavailable }
            // As it comes: the full answer of 90,000 channels and 14 Readers has about 30 MB.
            return .json(
                body: ResponseBody(contentLength: answer.length) { writer in
                    try await writer.write(answer.body)
                    try await writer.finish(nil)
                })
        } catch {
            context.logger.debug("statistics not available", metadata: ["error": "\(error)"])
            throw Self.unavailable
        }
    }

    private static let unavailable = APIError(
        .badGateway, code: "statistics_unavailable", "StatsAPI does not answer")
}

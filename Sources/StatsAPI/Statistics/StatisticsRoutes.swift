import Hummingbird
import ServiceRuntime
import Wire

/// The four routes that take reports, and `GET /statistics`.
struct StatisticsRoutes: Sendable {
    /// The error code of a report that cannot be decoded.
    static let invalid = "invalid_report"
    /// A full report of 90,000 channels with 20-character names has about 5 MB.
    static let reportBytesMax = 16 << 20

    let service: StatisticsService

    func add(to router: Router<ServiceContext>) {
        router.post("comment-api-statistics") { request, _ in
            try answer(service.accept(try await report(CommentAPIReport.self, request)))
        }
        router.post("reader-api-statistics") { request, _ in
            try answer(service.accept(try await report(ReaderReport.self, request)))
        }
        router.post("like-api-statistics") { request, _ in
            try answer(service.accept(try await report(LikeReport.self, request, bytesMax: Request.jsonBytesMax)))
        }
        router.post("client-statistics") { request, _ in
            try answer(service.accept(try await report(ClientReport.self, request, bytesMax: Request.jsonBytesMax)))
        }
        router.get("statistics") { request, _ in
            try await statistics(request)
        }
    }

    private func report<Report: CheckedReport>(
        _ type: Report.Type, _ request: Request, bytesMax: Int = Self.reportBytesMax
    ) async throws -> Report {
        let report = try await request.json(type, code: Self.invalid, bytesMax: bytesMax)
        if let problem = report.problem() { throw APIError.invalid(Self.invalid, problem) }
        return report
    }

    private func answer(_ acknowledgement: ReportAcknowledgement) throws -> Response {
        guard acknowledgement.success else {
            throw APIError.unavailable(
                "report_refused", "the report has no room here: too many processes report", retryAfterSeconds: 10)
        }
        return try .json(encoding: acknowledgement)
    }

    private func statistics(_ request: Request) async throws -> Response {
        let fields = try RequestFields(queryOf: request, code: "invalid_query")
        return .json(body: try await service.statistics(full: try fields.optionalFlag("full") ?? false).body)
    }
}

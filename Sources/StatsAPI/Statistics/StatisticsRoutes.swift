import Hummingbird
import Identity
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
        router.post("comment-api-statistics") { request, context in
            try context.require(.operate)
            return try answer(service.accept(try await report(CommentAPIReport.self, request)))
        }
        router.post("reader-api-statistics") { request, context in
            try context.require(.operate)
            return try answer(service.accept(try await report(ReaderReport.self, request)))
        }
        router.post("like-api-statistics") { request, context in
            try context.require(.operate)
            let report = try await report(LikeReport.self, request, bytesMax: Request.jsonBytesMax)
            return try answer(service.accept(report))
        }
        router.post("client-statistics") { request, context in
            try context.require(.operate)
            let report = try await report(ClientReport.self, request, bytesMax: Request.jsonBytesMax)
            return try answer(service.accept(report))
        }
        router.get("statistics") { request, context in
            try await statistics(request, context)
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

    private func statistics(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let fields = try RequestFields(queryOf: request, code: "invalid_query")
        let isFull = try fields.optionalFlag("full") ?? false
        try context.require(isFull ? .operate : .read)
        return .json(body: try await service.statistics(full: isFull).body)
    }
}

import HTTPTypes
import Hummingbird
import Identity

/// The routes of every service: liveness, readiness, metrics.
struct HealthRoutes: Sendable {
    let process: ServiceProcess

    func add(to router: Router<ServiceContext>) {
        for method in [HTTPRequest.Method.get, .head] {
            router.on("health", method: method) { _, _ in try live() }
            router.on("health/ready", method: method) { _, _ in try await ready() }
        }
        router.get("metrics") { request, context in
            if !process.access.allowsMetrics(from: context.address(of: request)) { try context.require(.operate) }
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: process.metrics.exposition())))
        }
    }

    private struct Live: Encodable {
        var status: String
        var service: String
        var instanceId: String
        var session: String
        var uptimeSeconds: Int64
    }

    private func live() throws -> Response {
        let uptime = (ContinuousClock.now - process.startedAt).components.seconds
        return try .json(
            encoding: Live(
                status: "ok", service: process.name, instanceId: process.server.instance, session: process.session,
                uptimeSeconds: uptime))
    }

    private struct Ready: Encodable {
        var status: String
        /// Why the process is not ready, by component.
        var reasons: [String: String]
        var notes: [String: String]
    }

    private func ready() async throws -> Response {
        // Else a file that cannot be read is noted by the next token only.
        await process.access.look()
        let (blocking, notes) = process.readiness.status()
        var response = try Response.json(
            encoding: Ready(status: blocking.isEmpty ? "ready" : "unavailable", reasons: blocking, notes: notes),
            status: blocking.isEmpty ? .ok : .serviceUnavailable)
        if !blocking.isEmpty { response.headers[.retryAfter] = "1" }
        return response
    }
}

import HTTPTypes
public import Hummingbird
import Logging

/// Around the routes of a service: what no route answers for itself, the metrics, and the rules for browsers.
public struct ServiceResponder: HTTPResponder {
    private let routes: RouterResponder<ServiceContext>
    private let table: RouteTable
    private let monitor: HTTPMonitor
    private let crossOrigin: CrossOriginPolicy?

    init(router: Router<ServiceContext>, monitor: HTTPMonitor, crossOrigin: CrossOriginPolicy?) {
        table = RouteTable(router.routes.map { ($0.path.description, $0.method) })
        routes = router.buildResponder()
        self.monitor = monitor
        self.crossOrigin = crossOrigin
    }

    public func respond(to request: Request, context: ServiceContext) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        context.monitor = monitor
        var response: Response
        do {
            response = try await routes.respond(to: request, context: context)
            if isUnrouted(response, context) { response = unrouted(request, context) }
        } catch {
            context.logger.error("request failed", metadata: ["http.path": "\(request.uri.path)", "error": "\(error)"])
            response = APIError.internal.response(from: request, context: context)
        }
        crossOrigin?.apply(to: &response, for: request)
        let elapsed = ContinuousClock.now - start
        monitor.answered(
            route: route(of: context), method: request.method, status: response.status.code,
            nanoseconds: elapsed.components.seconds * 1_000_000_000 + elapsed.components.attoseconds / 1_000_000_000)
        return response
    }

    /// The router marks what it has no route for; a 404 of a route keeps its own body.
    private func isUnrouted(_ response: Response, _ context: ServiceContext) -> Bool {
        response.status == .notFound && (context.endpointPath == nil || context.endpointPath == "NotFound")
    }

    private func unrouted(_ request: Request, _ context: ServiceContext) -> Response {
        guard let allowed = table.allowed(at: request.uri.path) else {
            return APIError.notFound.response(from: request, context: context)
        }
        if let crossOrigin, request.method == .options { return crossOrigin.preflight(allowed: allowed) }
        return APIError.methodNotAllowed(allowed: allowed).response(from: request, context: context)
    }

    private func route(of context: ServiceContext) -> String {
        guard let path = context.endpointPath, path != "NotFound" else { return "none" }
        return path
    }
}

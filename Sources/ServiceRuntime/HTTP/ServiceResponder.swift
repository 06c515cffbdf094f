import HTTPTypes
public import Hummingbird
import HummingbirdCore
import Identity
import Logging
import Wire

/// Around the routes of a service: what no route answers for itself, the metrics, and the rules for browsers.
public struct ServiceResponder: HTTPResponder {
    private let routes: RouterResponder<ServiceContext>
    private let table: RouteTable
    private let monitor: HTTPMonitor
    private let access: AccessControl
    private let crossOrigin: CrossOriginPolicy?
    private let connections: HTTPConnections

    init(
        router: Router<ServiceContext>, monitor: HTTPMonitor, access: AccessControl, connections: HTTPConnections,
        crossOrigin: CrossOriginPolicy?
    ) {
        self.connections = connections
        table = RouteTable(router.routes.map { ($0.path.description, $0.method) })
        routes = router.buildResponder()
        self.monitor = monitor
        self.access = access
        self.crossOrigin = crossOrigin
    }

    public func respond(to request: Request, context: ServiceContext) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        context.monitor = monitor
        context.access = access
        let id = RequestID.of(request)
        context.logger[metadataKey: "request.id"] = "\(id)"
        let request = prepared(request, context)
        var response: Response
        do {
            if connections.isRefused(context.channel) { throw APIError.tooManyConnections }
            let authentication: Authentication
            do throws(APIError) {
                authentication = try await access.authenticate(request) { context.address(of: request) }
            } catch {
                authentication = Authentication(caller: access.authenticator.nobody)
                context.tokenProblem = error
            }
            context.caller = authentication.caller
            context.token = authentication.token
            if authentication.isFromCookie, ![.get, .head, .options].contains(request.method) {
                try context.requireSameOrigin(request)
            }
            response = try await routes.respond(to: request, context: context)
            if isUnrouted(response, context) { response = unrouted(request, context) }
        } catch let error as APIError {
            response = error.response(from: request, context: context)
        } catch is ClientGone {
            // A client that has only closed its half reads that its request was not served.
            return Response(status: .badRequest, headers: [.connection: "close"])
        } catch {
            context.logger.error("request failed", metadata: ["http.path": "\(request.uri.path)", "error": "\(error)"])
            response = APIError.internal.response(from: request, context: context)
        }
        crossOrigin?.apply(to: &response, for: request, allowed: access.allowedOrigins)
        response.headers[RequestID.header] = id
        let elapsed = ContinuousClock.now - start
        monitor.answered(
            route: route(of: context), method: request.method, status: response.status.code,
            nanoseconds: elapsed.components.seconds * 1_000_000_000 + elapsed.components.attoseconds / 1_000_000_000)
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// The request with its path in one spelling, and a body that tells a client to send it.
    private func prepared(_ request: Request, _ context: ServiceContext) -> Request {
        var request = request
        if let path = request.head.path, let plain = PathEscapes.decoded(path) {
            var head = request.head
            head.path = plain
            request = Request(head: head, body: request.body)
        }
        if request.headers[.expect] != nil {
            request.body = RequestBody(asyncSequence: ExpectedBody(body: request.body, channel: context.channel))
        }
        return request
    }

    /// The router marks what it has no route for; a 404 of a route keeps its own body.
    private func isUnrouted(_ response: Response, _ context: ServiceContext) -> Bool {
        response.status == .notFound && (context.endpointPath == nil || context.endpointPath == "NotFound")
    }

    private func unrouted(_ request: Request, _ context: ServiceContext) -> Response {
        guard let allowed = table.allowed(at: request.uri.path) else {
            return APIError.notFound.response(from: request, context: context)
        }
        if let crossOrigin, request.method == .options { return crossOrigin.preflight(allowed: allowed, for: request) }
        return APIError.methodNotAllowed(allowed: allowed).response(from: request, context: context)
    }

    private func route(of context: ServiceContext) -> String {
        guard let path = context.endpointPath, path != "NotFound" else { return "none" }
        return path
    }
}

/// The name of one request, in its answer and in every line of the log that it causes. A client's own is kept when it is
/// harmless; the gateway gives one to whoever brings none.
enum RequestID {
    static let header = HTTPField.Name("X-Request-ID") ?? .via
    private static let lengths = 8...64

    static func of(_ request: Request) -> String {
        if let given = request.headers[header], lengths.contains(given.utf8.count), given.utf8.allSatisfy(isHarmless) {
            return given
        }
        let number = UInt64.random(in: 0 ... .max)
        return String(repeating: "0", count: number.leadingZeroBitCount / 4) + String(number, radix: 16)
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

/// Percent-encoding in paths (RFC 3986, section 6.2.2.2).
enum PathEscapes {
    /// The path, up to its query, with every character decoded that needs no encoding in an id: `/v1/likes/a%3Ab` is
    /// `/v1/likes/a:b`. The others stay, so that no `/` or `?` appears that was none. `nil` when nothing changes.
    static func decoded(_ uri: String) -> String? {
        guard uri.utf8.contains(UInt8(ascii: "%")) else { return nil }
        let bytes = Array(uri.utf8)
        let end = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < end {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < end,
                let value = UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16),
                Identifier.isValid(String(Unicode.Scalar(value)))
            {
                result.append(value)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        guard result.count < end else { return nil }
        return String(decoding: result + bytes[end...], as: UTF8.self)
    }
}

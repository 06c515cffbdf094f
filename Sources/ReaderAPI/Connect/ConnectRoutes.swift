import Fanout
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceRuntime
import Wire

/// `POST /connect` for programs and `GET /connect` for a browser's `EventSource`: the same stream.
struct ConnectRoutes: Sendable {
    let hub: Hub
    let instance: String
    let desk: PlacementDesk

    static let code = "invalid_connect"

    func add(to router: Router<ServiceContext>) {
        router.post("connect") { request, context in
            let fields = try await request.jsonFields(code: Self.code)
            return try await place(Viewing(fields, request.headers), request, context)
        }
        router.get("connect") { request, context in
            let fields = try RequestFields(queryOf: request, code: Self.code)
            return try await place(Viewing(fields, request.headers), request, context)
        }
    }

    private func place(_ viewing: Viewing, _ request: Request, _ context: ServiceContext) async throws -> Response {
        let hop = try Hop(request, code: Self.code)
        let channel = viewing.channels[0]
        switch desk.place(channel: channel.name, hops: hop.count) {
        case .serve: return try await connect(viewing, context)
        case .refuse: throw PlacementAnswer.refusal
        case .redirect(let id, let url):
            // Readers without a usable URL are not chosen.
            guard let base = ServiceURL(url, schemes: ["http", "https"]) else {
                return try await connect(viewing, context)
            }
            let resume = request.method == .get ? Viewing.lastEventID.flatMap { request.headers[$0] } : nil
            return try PlacementAnswer.redirect(
                channel: channel, id: id, url: url,
                location: hop.next(at: base, query: request.uri.query, resume: resume))
        }
    }

    private func connect(_ viewing: Viewing, _ context: ServiceContext) async throws -> Response {
        let pending = try await PendingConnect(hub: hub, channels: viewing.channels)
        let channel = context.channel
        let hello = viewing.hello(instance: instance)
        // No middleware's measure of a request may wait for this body: it ends with the hand-over, long before the stream.
        let body = ResponseBody { _ in
            try await HandOver.takeSocket(of: channel) { descriptor in
                pending.attach(descriptor: descriptor, from: viewing.point, hello: hello)
            }
        }
        return Response(status: .ok, headers: Self.headers, body: body)
    }

    private static let headers: HTTPFields = {
        var fields: HTTPFields = [.contentType: EventStream.mediaType, .cacheControl: "no-store"]
        // nginx buffers a response unless it is told not to.
        if let buffering = HTTPField.Name("X-Accel-Buffering") { fields[buffering] = "no" }
        return fields
    }()
}

import Fanout
import HTTPTypes
import Hummingbird
import Identity
import NIOCore
import Placement
import ReaderPlacement
import ServiceRuntime
import Wire

/// `POST /connect` for programs and `GET /connect` for a browser's `EventSource`: the same stream.
struct ConnectRoutes: Sendable {
    let hub: Hub
    let instance: String
    let placement: PlacementService
    /// `nil` where nobody has a token.
    let tickets: StreamTickets?
    let quota: ConnectionQuota

    static let code = "invalid_connect"

    func add(to router: Router<ServiceContext>) {
        router.post("connect") { request, context in
            let query = try RequestFields(queryOf: request, code: Self.code)
            let fields = try await request.jsonFields(code: Self.code)
            return try await place(fields, query: query, request, context)
        }
        router.get("connect") { request, context in
            do {
                let fields = try RequestFields(queryOf: request, code: Self.code)
                return try await place(fields, query: fields, request, context)
            } catch let error as APIError where error.isTemporary && request.asksForEventStream {
                context.refused(error)
                return comeBack(error)
            }
        }
    }

    /// An `EventSource` never comes back after an answer other than 200 (WHATWG HTML, section 9.2.3): it is told in a stream
    /// what others see in the status.
    private func comeBack(_ refusal: APIError) -> Response {
        let event = EventStream.reconnect(
            reason: refusal.code, retryMilliseconds: hub.settings.retryMilliseconds())
        return Response(
            status: .ok, headers: Self.headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: event)))
    }

    private func place(
        _ fields: RequestFields, query: RequestFields, _ request: Request, _ context: ServiceContext
    ) async throws -> Response {
        let ticket = try StreamTicket(fields)
        var context = context
        if let ticket { context = try await context.bearing(tickets.orInvalid().token(of: ticket), request) }
        let connect = try ConnectRequest(fields, query: query, request.headers, viewer: context.viewer(fields))
        for channel in connect.channels { try context.require(.watch(channel)) }
        let hop = try Hop(request, code: Self.code)
        let channel = connect.channels[0]
        let answer = placement.place(
            channel: channel.name, hops: hop.count, mayRedirect: connect.mayRedirect, avoiding: connect.avoided)
        switch answer {
        case .serve(let reason):
            let isDisplaced = reason == PlacementDecision.ServeReason.notRedirected.rawValue
            let place = try quota.take(user: context.caller.subject?.id, address: context.address(of: request))
            try await redeem(ticket)
            return try await stream(connect, context, place, isDisplaced: isDisplaced)
        case .refuse: throw APIError.noReader
        case .redirect(let id, let url):
            // Readers without a usable URL are not chosen.
            guard let base = ServiceURL(url, schemes: ["http", "https"]) else {
                let place = try quota.take(user: context.caller.subject?.id, address: context.address(of: request))
                try await redeem(ticket)
                return try await stream(connect, context, place)
            }
            let lastEventID = request.method == .get ? ConnectRequest.lastEventID.flatMap { request.headers[$0] } : nil
            return try .redirect(
                to: Place(channel: channel.name, instance: id, url: url),
                location: hop.next(at: base, query: request.uri.query, lastEventID: lastEventID))
        }
    }

    /// A ticket serves once, and the Reader that serves is the one that takes it.
    private func redeem(_ ticket: StreamTicket?) async throws {
        if let ticket { try await tickets.orInvalid().redeem(ticket) }
    }

    private func stream(
        _ connect: ConnectRequest, _ context: ServiceContext, _ place: ConnectionQuota.Place?, isDisplaced: Bool = false
    ) async throws -> Response {
        let reservation = try await reserve(connect.channels)
        let channel = context.channel
        let hello = connect.hello(instance: instance)
        let ending = context.lease
        let lease = place == nil && ending == nil ? nil : ViewerLease(holding: place, ending: ending ?? { nil })
        // No middleware's measure of a request may wait for this body: it ends when the socket is detached, long before
        // the stream does.
        let body = ResponseBody { _ in
            try await channel.detachSocket { descriptor, isChunked in
                reservation.attach(
                    descriptor: descriptor, from: connect.start, hello: hello, isDisplaced: isDisplaced,
                    isChunked: isChunked, lease: lease)
            }
        }
        return Response(status: .ok, headers: Self.headers, body: body)
    }

    private func reserve(_ channels: [Wire.Channel]) async throws(APIError) -> Reservation {
        do {
            return try await hub.join(channels)
        } catch {
            throw .refused(error)
        }
    }

    private static let headers: HTTPFields = {
        var fields: HTTPFields = [.contentType: EventStream.mediaType, .cacheControl: "no-store"]
        // nginx buffers a response unless it is told not to.
        if let buffering = HTTPField.Name("X-Accel-Buffering") { fields[buffering] = "no" }
        return fields
    }()
}

extension APIError {
    /// Every refusal is temporary: the client tries again, here or elsewhere.
    static func refused(_ refusal: HubRefusal) -> APIError {
        let sentence =
            switch refusal {
            case .brokerUnavailable: "the channel cannot be subscribed now"
            case .tooManyConnections: "this Reader has as many connections as it may have"
            case .tooManyChannels: "this Reader has as many channels as it may have"
            case .draining: "this Reader is stopping"
            }
        return .unavailable(refusal.rawValue, sentence)
    }

    /// Whether the same request may work later.
    fileprivate var isTemporary: Bool { status == .serviceUnavailable || status == .tooManyRequests }
}

extension Request {
    /// Whether the client says that it takes an event stream, as a browser's `EventSource` does.
    fileprivate var asksForEventStream: Bool {
        headers[values: .accept].flatMap { $0.split(separator: ",") }.contains { range in
            let type = range.prefix { $0 != ";" }
            return type.filter { $0 != " " && $0 != "\t" }.lowercased() == EventStream.mediaType
        }
    }
}

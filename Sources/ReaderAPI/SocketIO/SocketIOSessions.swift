import Fanout
import HTTPTypes
import Identity
import Placement
import Primitives
import ReaderPlacement
import ServiceLifecycle
import ServiceRuntime
import SocketIO
import Wire

/// What the events of Socket.IO clients mean: who they are, what they follow, what they write.
final class SocketIOSessions: Service {
    /// Subscriptions of one session.
    static let subscriptionsMax = 64
    static let code = "invalid_event"

    /// What a caller may do, of a session. Apart, since most sessions have none of their own.
    private final class Bearer: Sendable {
        let access: CallerAccess

        init(_ access: CallerAccess) {
            self.access = access
        }
    }

    /// One session, from its first request on. It costs memory for as long as the client is connected.
    private struct Client {
        var bearer: Bearer
        /// As text, which needs no memory of its own for most.
        private let addressText: String?
        /// Of the address, and of the user, while it has joined or may come back to.
        let place: ConnectionQuota.Place?
        var userPlace: ConnectionQuota.Place?
        /// As which user it watches.
        var name: String?
        /// Names of channels, of one subscription together.
        var subscriptions = SmallList<String>()
        /// How often it was sent to another Reader, and whether it goes there.
        var hops: UInt8 = 0
        var mayRedirect = false
        /// The Reader that it was sent to and could not reach.
        var avoided: String?

        init(_ bearer: Bearer, address: IPAddress?, place: ConnectionQuota.Place?) {
            self.bearer = bearer
            addressText = address?.text
            self.place = place
        }

        var access: CallerAccess { bearer.access }
        var address: IPAddress? { addressText.flatMap { IPAddress($0) } }
    }

    private let hub: Hub
    private let inbox: SocketIOInbox
    /// In front of every `sid`: names this Reader, for the gateway.
    private let prefix: String
    private let placement: PlacementService
    private let quota: ConnectionQuota
    private let writes: WriteForwarder
    private let clients = Mutex<[SessionID: Client]>([:])
    /// Of all who say nothing of themselves.
    private let nobody = Mutex<Bearer?>(nil)

    init(
        hub: Hub, inbox: SocketIOInbox, instance: String, publicURL: ServiceURL?, placement: PlacementService,
        quota: ConnectionQuota, writes: WriteForwarder
    ) {
        self.hub = hub
        self.inbox = inbox
        prefix = Self.prefix(publicURL, instance: instance)
        self.placement = placement
        self.quota = quota
        self.writes = writes
    }

    /// `<host>~<port>.` of the address that others reach this Reader at, or its id: characters that no client escapes.
    static func prefix(_ publicURL: ServiceURL?, instance: String) -> String {
        let name = publicURL.map { "\($0.host)~\($0.port ?? ($0.scheme == "https" ? 443 : 80))" } ?? instance
        return String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._~-".contains($0)) ? $0 : "-" }) + "."
    }

    func sid(of session: SessionID) -> String { prefix + session.text }

    /// The session of a `sid`; `nil` for one of another Reader, and for what is none.
    func session(_ sid: String) -> SessionID? {
        sid.hasPrefix(prefix) ? SessionID(sid.dropFirst(prefix.count)) : nil
    }

    func run() async {
        await cancelWhenGracefulShutdown { [self] in
            await inbox.run(serve: { await self.serve($0, $1) }, forget: { self.forget($0) })
        }
    }

    // MARK: Clients

    /// A session is being opened.
    func opened(_ session: SessionID, _ access: CallerAccess, address: IPAddress?, place: ConnectionQuota.Place?) {
        let client = Client(bearer(of: access), address: address, place: place)
        clients.withLock { $0[session] = client }
    }

    private func bearer(of access: CallerAccess) -> Bearer {
        guard access.isBare else { return Bearer(access) }
        return nobody.withLock { nobody in
            let bearer = nobody ?? Bearer(access)
            nobody = bearer
            return bearer
        }
    }

    /// It is over, or was never there.
    func forget(_ session: SessionID) { _ = clients.withLock { $0.removeValue(forKey: session) } }

    private func client(_ session: SessionID) -> Client? { clients.withLock { $0[session] } }

    private func change(_ session: SessionID, _ change: (inout Client) -> Void) {
        clients.withLock { clients in
            guard let index = clients.index(forKey: session) else { return }
            change(&clients.values[index])
        }
    }

    private func serve(_ input: SocketIOConnection.Input, _ session: SessionID) async {
        switch input {
        case .connect(let namespace, let auth): await connect(session, namespace, auth)
        case .event(let packet): await received(packet, session)
        case .disconnect: change(session) { $0.subscriptions = SmallList() }
        case .ack: break
        }
    }

    // MARK: CONNECT

    private func connect(_ session: SessionID, _ namespace: String, _ auth: [UInt8]) async {
        guard namespace == "/" else {
            return hub.refuse(session, namespace: namespace, Array(#"{"message":"Invalid namespace"}"#.utf8))
        }
        do {
            let lease = try await join(session, auth)
            var data = JSONText(capacity: 64)
            data.member("sid", SessionID().text)
            hub.accept(session, namespace: namespace, SocketIOPacket(.connect, data: data.finished()), lease: lease)
        } catch {
            let problem = Self.problem(error)
            var details = JSONText(capacity: 32)
            details.member("code", problem.code)
            var reason = JSONText(capacity: 128)
            reason.member("message", problem.sentence)
            reason.member("data", json: details.finished())
            hub.refuse(session, namespace: namespace, reason.finished())
        }
    }

    /// Who the client is, by the token in its `auth`, or by what its first request said.
    private func join(_ session: SessionID, _ auth: [UInt8]) async throws -> ViewerLease? {
        guard let client = client(session) else { return nil }
        let fields = try Self.fields(auth.isEmpty ? Array("{}".utf8) : auth)
        var access = client.access
        if let token = try fields.optionalString("token") {
            access = try await access.bearing(token, from: client.address)
        }
        try access.require(.read)
        let name = try access.viewer(named: try fields.optionalIdentifier("userid"))
        let hops = UInt8(clamping: try fields.optionalInteger("hop") ?? 0)
        let mayRedirect = try fields.optionalString("redirect") == "follow"
        let avoided = try fields.optionalReader("avoid")
        let user = access.caller.subject?.id
        // Who left the namespace and joins it again has its place already.
        let isBack = client.userPlace != nil && client.access.caller.subject?.id == user
        let userPlace = isBack ? client.userPlace : try quota.take(user: user, address: nil)
        let bearer = bearer(of: access)
        change(session) { client in
            client.bearer = bearer
            client.userPlace = userPlace
            client.name = name
            client.hops = hops
            client.mayRedirect = mayRedirect
            client.avoided = avoided?.text
        }
        let places = [client.place, userPlace].compactMap(\.self)
        if places.isEmpty, access.lease == nil { return nil }
        return ViewerLease(holding: places, ending: access.lease ?? { nil })
    }

    // MARK: Events

    private func received(_ packet: SocketIOPacket, _ session: SessionID) async {
        guard let (name, arguments) = packet.event else { return }
        do {
            let argument = Array(arguments.first ?? ArraySlice("{}".utf8))
            switch name {
            case "subscribe": try await subscribe(session, Self.fields(argument), ack: packet.id)
            case "unsubscribe":
                try unsubscribe(session, Self.fields(argument))
                acknowledge(session, packet.id, Array("{}".utf8))
            default:
                guard let write = WriteForwarder.Write(rawValue: name) else {
                    throw APIError.invalid(Self.code, "there is no such event")
                }
                acknowledge(session, packet.id, try await forward(write, session, argument))
            }
        } catch {
            let problem = Self.problem(error)
            var answer = JSONText(capacity: 128)
            answer.member("error", problem.sentence)
            answer.member("code", problem.code)
            acknowledge(session, packet.id, answer.finished())
        }
    }

    private func acknowledge(_ session: SessionID, _ ack: UInt64?, _ json: [UInt8]) {
        guard let ack else { return }
        hub.send(SocketIOPacket(.ack, id: ack, data: JSONText.array([json])), to: session)
    }

    private static func fields(_ json: [UInt8]) throws -> RequestFields {
        do {
            return RequestFields(try json.withUnsafeBytes { try JSONScanner.object($0) }, code: code)
        } catch let problem as JSONProblem {
            throw APIError.invalid(problem.kind.rawValue, problem.sentence)
        }
    }

    private static func problem(_ error: any Error) -> (code: String, sentence: String) {
        switch error {
        case let error as APIError: (error.code, error.sentence)
        case let refusal as HubRefusal: problem(APIError.refused(refusal))
        default: ("internal_error", "the service failed to handle this event")
        }
    }

    // MARK: Subscriptions

    /// What a subscription follows: one log, or up to 64 photos.
    private static func channels(_ fields: RequestFields, viewer: String?) throws -> [Channel] {
        var channels = [
            try fields.optionalIdentifier("video").flatMap(Channel.video),
            try fields.optionalIdentifier("post").flatMap(Channel.post),
            try fields.optionalIdentifier("photo").flatMap(Channel.photo),
        ].compactMap(\.self).map { [$0] }
        let photos = try fields.identifiers("photos", countMax: ConnectRequest.photosMax).compactMap(Channel.photo)
        if !photos.isEmpty { channels.append(photos) }
        if try fields.optionalFlag("notifications") ?? false {
            guard let own = viewer.flatMap(Channel.user) else {
                throw APIError.invalid(code, "userid is missing in the auth of CONNECT")
            }
            channels.append([own])
        }
        guard channels.count == 1 else {
            throw APIError.invalid(code, "one of video, post, photo, photos and notifications is needed")
        }
        return channels[0]
    }

    /// What tells one subscription from another.
    private static func names(_ channels: [Channel]) -> String { channels.map(\.name).joined(separator: " ") }

    private func subscribe(_ session: SessionID, _ fields: RequestFields, ack: UInt64?) async throws {
        guard let client = client(session) else { return }
        let channels = try Self.channels(fields, viewer: client.name)
        let since = try fields.optionalString("since")
        for channel in channels { try client.access.require(.watch(channel)) }
        let names = Self.names(channels)
        guard !client.subscriptions.contains(names) else {
            throw APIError.invalid("already_subscribed", "this is subscribed already")
        }
        guard client.subscriptions.count < Self.subscriptionsMax else {
            throw APIError.invalid(
                "too_many_subscriptions", "a session has at most \(Self.subscriptionsMax) subscriptions")
        }
        let isDisplaced = try client.subscriptions.isEmpty ? place(session, client, channels[0]) : false
        let reservation = try await hub.join(channels)
        change(session) { $0.subscriptions.append(names) }
        let start = since.map { $0.isEmpty ? StreamStart.now : .after($0) } ?? .now
        reservation.subscribe(session, from: start, ack: ack, isDisplaced: isDisplaced)
    }

    /// The first subscription decides on which Reader the session should be. Returns whether it is not this one.
    private func place(_ session: SessionID, _ client: Client, _ channel: Channel) throws -> Bool {
        let answer = placement.place(
            channel: channel.name, hops: Int(client.hops), mayRedirect: client.mayRedirect,
            avoiding: client.avoided.flatMap { ServiceURL($0, schemes: ["http", "https"]) })
        switch answer {
        case .serve(let reason): return reason == PlacementDecision.ServeReason.notRedirected.rawValue
        case .refuse: throw APIError.noReader
        case .redirect(let id, let url):
            change(session) { $0.hops = $0.hops.addingReportingOverflow(1).partialValue }
            var data = JSONText(capacity: 128)
            data.member("reason", "placement")
            data.member("instance", id)
            data.member("url", url)
            data.member("hop", Int(client.hops) + 1)
            hub.send(SocketIOPacket(event: "reconnect", [data.finished()]), to: session)
            throw APIError(.temporaryRedirect, code: "elsewhere", "another Reader serves this: see the event reconnect")
        }
    }

    private func unsubscribe(_ session: SessionID, _ fields: RequestFields) throws {
        guard let client = client(session) else { return }
        let channels = try Self.channels(fields, viewer: client.name)
        let names = Self.names(channels)
        guard client.subscriptions.contains(names) else {
            throw APIError.invalid("not_subscribed", "this is not subscribed")
        }
        change(session) { client in
            _ = client.subscriptions.firstIndex(of: names).map { client.subscriptions.remove(at: $0) }
        }
        hub.unsubscribe(session, from: channels)
    }

    // MARK: Writes

    /// The object goes to the API as it came; with `AUTH=off` the user that CONNECT named stands in for one that is missing.
    private func forward(_ write: WriteForwarder.Write, _ session: SessionID, _ body: [UInt8]) async throws -> [UInt8] {
        guard let client = client(session) else { throw APIError.invalid(Self.code, "the session is over") }
        let fields = try Self.fields(body)
        var object = body
        if case .unchecked = client.access.caller, let name = client.name,
            try fields.optionalIdentifier("userid") == nil
        {
            var named = JSONText(capacity: body.count + 64)
            named.member("userid", name)
            let rest = body.drop { $0 != UInt8(ascii: "{") }.dropFirst()
            let isEmpty = rest.first { $0 > 0x20 } == UInt8(ascii: "}")
            object = named.finished().dropLast() + (isEmpty ? [] : [UInt8(ascii: ",")]) + rest
        }
        // It becomes the comment's id, which everybody sees: nothing of the session's own id may be in it.
        guard let key = IdempotencyKey(try fields.optionalString("key") ?? SessionID().text) else {
            throw APIError.invalid(Self.code, "key must be \(IdempotencyKey.expected)")
        }
        return try await writes.send(write, object, token: client.access.token, key: key, address: client.address)
    }
}

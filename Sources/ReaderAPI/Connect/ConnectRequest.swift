import Fanout
import HTTPTypes
import ServiceRuntime
import Wire

/// What a connect asks for: who the viewer is, what it follows, and where its stream starts.
struct ConnectRequest: Equatable, Sendable {
    static let photosMax = 64
    static let lastEventID = HTTPField.Name("Last-Event-ID")
    private static let fetchMode = HTTPField.Name("Sec-Fetch-Mode")

    let userid: String
    let videoid: String?
    let postid: String?
    let photoid: String?
    /// Whether the viewer follows what its own photos get.
    let notifications: Bool
    /// The first is the log that is followed; the others carry states.
    let channels: [Channel]
    let start: StreamStart
    /// Whether the client comes back to the address that it was given, wherever a redirect leads.
    let mayRedirect: Bool
    /// The Reader that the client was sent to and could not reach.
    let avoided: ServiceURL?

    /// - Parameters:
    ///   - fields: of the body, or of the query where there is no body.
    ///   - query: what a gateway adds stands there, whatever the body says.
    ///   - viewer: who watches.
    init(_ fields: RequestFields, query: RequestFields, _ headers: HTTPFields, viewer: String) throws {
        userid = viewer
        videoid = try fields.optionalIdentifier("videoid")
        postid = try fields.optionalIdentifier("postid")
        photoid = try fields.optionalIdentifier("photoid")
        notifications = try fields.optionalFlag("notifications") ?? false
        // An event id is one position of one log: a connection cannot recover two.
        if notifications, videoid != nil || postid != nil {
            throw APIError.invalid(
                fields.code, "notifications are followed on a connection without a videoid or postid")
        }
        if videoid != nil, postid != nil {
            throw APIError.invalid(fields.code, "a connection follows one videoid, or one postid")
        }
        let photos = try Self.photos(fields)
        let own = notifications ? Channel.user(userid) : nil
        var channels = [
            own, videoid.flatMap(Channel.video), postid.flatMap(Channel.post), photoid.flatMap(Channel.photo),
        ].compactMap { $0 }
        for photo in photos where !channels.contains(photo) { channels.append(photo) }
        guard !channels.isEmpty else {
            throw APIError.invalid(
                fields.code, "videoid is missing (or postid, or photoid, or photoids, or notifications)")
        }
        self.channels = channels
        start = try Self.start(fields, headers)
        // The gateway's is the newer one.
        avoided = try query.optionalReader("avoid") ?? fields.optionalReader("avoid")
        mayRedirect = try Self.follows(fields) || Self.follows(query) || !Self.isBrowser(headers)
    }

    private static func follows(_ fields: RequestFields) throws -> Bool {
        guard let redirect = try fields.optionalString("redirect") else { return false }
        guard redirect == "follow" else {
            throw APIError.invalid(fields.code, "redirect must be follow, or missing")
        }
        return true
    }

    /// Chromium's `EventSource`, once it was redirected, asks the redirect's target for ever, and never the first address.
    /// Browsers say what they are: `Sec-Fetch-Mode` to https and to the own machine, `User-Agent` to everybody.
    private static func isBrowser(_ headers: HTTPFields) -> Bool {
        fetchMode.map { headers[$0] != nil } ?? false || headers[.userAgent]?.hasPrefix("Mozilla/") ?? false
    }

    private static func photos(_ fields: RequestFields) throws -> [Channel] {
        guard let list = try fields.optionalString("photoids"), !list.isEmpty else { return [] }
        let ids = list.split(separator: ",", omittingEmptySubsequences: false)
        guard ids.count <= photosMax else {
            throw APIError.invalid(fields.code, "photoids names more than \(photosMax) photos")
        }
        return try ids.map { id in
            guard let channel = Channel.photo(String(id)) else {
                throw APIError.invalid(fields.code, "photoids holds something that is no id")
            }
            return channel
        }
    }

    /// A browser sends `Last-Event-ID` by itself when it reconnects, so the header is newer than the query.
    private static func start(_ fields: RequestFields, _ headers: HTTPFields) throws -> StreamStart {
        if let name = lastEventID, let header = headers[name], !header.isEmpty {
            return .after(header)
        }
        guard let given = try fields.optionalString("lastEventId"), !given.isEmpty else { return .now }
        return .after(given)
    }

    /// The data of the first event.
    func hello(instance: String) -> [UInt8] {
        var object = JSONText(capacity: 128)
        object.member("type", "connected")
        object.member("userid", userid)
        if let videoid { object.member("videoid", videoid) }
        if let postid { object.member("postid", postid) }
        if let photoid { object.member("photoid", photoid) }
        if notifications { object.member("notifications", true) }
        object.member("instance", instance)
        return object.finished()
    }
}

extension RequestFields {
    /// The URL of a Reader, as a redirect named it.
    func optionalReader(_ name: String) throws(APIError) -> ServiceURL? {
        guard let text = try optionalString(name) else { return nil }
        guard let url = ServiceURL(text, schemes: ["http", "https"]) else {
            throw .invalid(code, "\(name) must be the URL of a Reader, as a redirect named it")
        }
        return url
    }
}

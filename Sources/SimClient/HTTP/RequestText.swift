internal import Wire

/// The bytes of the requests that SimClient sends.
enum RequestText {
    /// A request with a body on a connection that stays open.
    static func post(
        _ path: String, method: String = "POST", to endpoint: Endpoint, headers: String = "",
        type: String = "application/json", body: some Collection<UInt8>
    ) -> [UInt8] {
        var request: [UInt8] = []
        request.reserveCapacity(body.count + 192)
        request.append(contentsOf: "\(method) \(endpoint.path)\(path) HTTP/1.1\r\nHost: \(endpoint.authority)\r\n".utf8)
        request.append(contentsOf: "Content-Type: \(type)\r\n\(headers)".utf8)
        request.append(contentsOf: "Content-Length: \(body.count)\r\n\r\n".utf8)
        request.append(contentsOf: body)
        return request
    }

    /// `POST /connect`, with the position of the last event if there was one. It follows redirects, and comes back to the
    /// endpoint when what it was sent to is gone.
    ///
    /// - Parameters:
    ///   - target: where a redirect led: the count of the hops stands in its query.
    ///   - avoided: the Reader that could not be reached before.
    static func connect(
        userid: String, videoid: String, lastEventID: String?, to endpoint: Endpoint, target: String? = nil,
        avoiding avoided: Endpoint? = nil
    ) -> [UInt8] {
        var body = JSONText(capacity: 96)
        body.member("userid", userid)
        body.member("videoid", videoid)
        body.member("redirect", "follow")
        if let avoided { body.member("avoid", avoided.description) }
        let resume = lastEventID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        var server = endpoint
        if target != nil { server.path = "" }
        return post(
            target ?? "/connect", to: server, headers: "Accept: \(EventStream.mediaType)\r\n\(resume)",
            body: body.finished())
    }

    /// `GET /connect`, as a browser asks for an event stream. The ids have only characters that a query may have.
    static func connectPlainly(userid: String, videoid: String, to endpoint: Endpoint) -> [UInt8] {
        get(
            "\(endpoint.path)/connect?userid=\(userid)&videoid=\(videoid)", to: endpoint,
            "Accept: \(EventStream.mediaType)\r\n")
    }

    /// `GET /connect` for the counts of some photos. Without `Accept`, so that a refusal has its own status.
    ///
    /// - Parameters:
    ///   - target: where a redirect led: everything stands in its query.
    ///   - avoided: the Reader that could not be reached before. A query may have its characters as they are.
    static func connect(
        userid: String, photos: [String], to endpoint: Endpoint, target: String?, avoiding avoided: Endpoint?
    ) -> [UInt8] {
        let query = "userid=\(userid)&photoids=\(photos.joined(separator: ","))&redirect=follow"
        let avoid = avoided.map { "&avoid=\($0)" } ?? ""
        return get(target ?? "\(endpoint.path)/connect?\(query)\(avoid)", to: endpoint)
    }

    static func get(_ target: String, to endpoint: Endpoint, _ headers: String = "") -> [UInt8] {
        Array("GET \(target) HTTP/1.1\r\nHost: \(endpoint.authority)\r\n\(headers)\r\n".utf8)
    }

    /// `POST /comment`.
    ///
    /// - Parameter namesChannel: in the query too, where a server finds it that reads no bodies.
    static func comment(_ comment: CommentRequest, namesChannel: Bool, to endpoint: Endpoint) -> [UInt8] {
        var body = JSONText(capacity: comment.comment.utf8.count + 96)
        body.member("userid", comment.userid)
        body.member("videoid", comment.videoid)
        body.member("comment", comment.comment)
        return post(
            namesChannel ? "/comment?videoid=\(comment.videoid)" : "/comment", to: endpoint, body: body.finished())
    }

    /// A like, or a like taken back. The ids need no quoting in JSON.
    static func like(_ liked: Bool, user: String, photo: String, to endpoint: Endpoint) -> [UInt8] {
        post(
            "/v1/likes", method: liked ? "POST" : "DELETE", to: endpoint,
            body: (#"{"user_id":""# + user + #"","post_id":""# + photo + #""}"#).utf8)
    }
}

internal import Wire

/// The bytes of the requests that SimClient sends.
enum RequestText {
    /// `POST <path>` with a JSON body on a connection that stays open.
    static func post(_ path: String, to endpoint: Endpoint, json: [UInt8]) -> [UInt8] {
        post(endpoint.path + path, to: endpoint, headers: "", json: json)
    }

    /// `POST /connect`, with the position of the last event if there was one. It follows redirects, and comes back to the
    /// endpoint when what it was sent to is gone.
    ///
    /// - Parameter target: where a redirect led: the count of the hops stands in its query.
    static func connect(
        userid: String, videoid: String, lastEventID: String?, to endpoint: Endpoint, target: String? = nil
    ) -> [UInt8] {
        var body = JSONText(capacity: 96)
        body.member("userid", userid)
        body.member("videoid", videoid)
        body.member("redirect", "follow")
        let resume = lastEventID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        return post(
            target ?? "\(endpoint.path)/connect", to: endpoint,
            headers: "Accept: \(EventStream.mediaType)\r\n\(resume)", json: body.finished())
    }

    /// `GET /connect`, as a browser asks for an event stream. The ids have only characters that a query may have.
    static func connectPlainly(userid: String, videoid: String, to endpoint: Endpoint) -> [UInt8] {
        let path = "\(endpoint.path)/connect?userid=\(userid)&videoid=\(videoid)"
        let head = "GET \(path) HTTP/1.1\r\nHost: \(endpoint.authority)\r\nAccept: \(EventStream.mediaType)\r\n\r\n"
        return Array(head.utf8)
    }

    /// `POST /comment?videoid=…`: the same body, and the channel where a server finds it that reads no bodies.
    static func commentPlainly(_ comment: CommentRequest, to endpoint: Endpoint) -> [UInt8] {
        post("/comment?videoid=\(comment.videoid)", to: endpoint, json: body(of: comment))
    }

    static func comment(_ comment: CommentRequest, to endpoint: Endpoint) -> [UInt8] {
        post("/comment", to: endpoint, json: body(of: comment))
    }

    private static func body(of comment: CommentRequest) -> [UInt8] {
        var body = JSONText(capacity: comment.comment.utf8.count + 96)
        body.member("userid", comment.userid)
        body.member("videoid", comment.videoid)
        body.member("comment", comment.comment)
        return body.finished()
    }

    private static func post(_ target: String, to endpoint: Endpoint, headers: String, json: [UInt8]) -> [UInt8] {
        var request: [UInt8] = []
        request.reserveCapacity(json.count + 192)
        request.append(contentsOf: "POST \(target) HTTP/1.1\r\nHost: \(endpoint.authority)\r\n".utf8)
        request.append(contentsOf: "Content-Type: application/json\r\n\(headers)".utf8)
        request.append(contentsOf: "Content-Length: \(json.count)\r\n\r\n".utf8)
        request.append(contentsOf: json)
        return request
    }
}

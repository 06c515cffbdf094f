/// The bytes of a like. What does not change from one to the next is made once.
enum LikeRequestText {
    /// All of the head but the length of the body.
    static func head(_ method: String, _ endpoint: Endpoint) -> [UInt8] {
        Array(
            ("\(method) \(endpoint.path)/v1/likes HTTP/1.1\r\nHost: \(endpoint.authority)\r\n"
                + "Content-Type: application/json\r\nContent-Length: ").utf8)
    }

    /// - Parameters:
    ///   - user, photo: ids, which need no quoting in JSON.
    static func request(head: [UInt8], user: String, photo: String) -> [UInt8] {
        let body = #"{"user_id":""# + user + #"","post_id":""# + photo + #""}"#
        var request: [UInt8] = []
        request.reserveCapacity(head.count + body.utf8.count + 16)
        request += head
        request += String(body.utf8.count).utf8
        request += "\r\n\r\n".utf8
        request += body.utf8
        return request
    }

    /// `GET /connect` for the counts of some photos. Without `Accept`, so that a refusal has its own status.
    ///
    /// - Parameter target: where a redirect led: everything stands in its query.
    static func connect(user: String, photos: [String], to endpoint: Endpoint, target: String? = nil) -> [UInt8] {
        let photos = photos.joined(separator: ",")
        let path = target ?? "\(endpoint.path)/connect?userid=\(user)&photoids=\(photos)&redirect=follow"
        return Array("GET \(path) HTTP/1.1\r\nHost: \(endpoint.authority)\r\n\r\n".utf8)
    }
}

/// HTTP/1.1 requests as bytes.
public enum RequestText {
    /// A request with the headers that every request needs.
    public static func make(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8]? = nil
    ) -> [UInt8] {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: test\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8) + (body ?? [])
    }

    /// `POST` of JSON.
    public static func post(_ path: String, json: String, headers: [(String, String)] = []) -> [UInt8] {
        make("POST", path, headers: [("Content-Type", "application/json")] + headers, body: Array(json.utf8))
    }

    /// `POST /connect` of one viewer of a video.
    public static func connect(user: String = "user1", video: String, headers: [(String, String)] = []) -> [UInt8] {
        post("/connect", json: #"{"userid":"\#(user)","videoid":"\#(video)"}"#, headers: headers)
    }

    /// `GET /connect` with a query.
    public static func connect(query: String, headers: [(String, String)] = []) -> [UInt8] {
        make("GET", "/connect?" + query, headers: headers)
    }
}

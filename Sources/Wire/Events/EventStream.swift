/// Encodes server-sent events (WHATWG HTML, section 9.2 "Server-sent events").
///
/// `data` handed to these functions must be one line: JSON text, in which every line break is escaped. That is the
/// property that keeps a comment from forging an event, and ``JSONText`` keeps it.
public enum EventStream {
    public static let mediaType = "text/event-stream"

    /// One frame: optional `id`, optional `event`, optional `retry`, one `data` line, and the blank line that ends it.
    public static func frame(
        data: some Collection<UInt8>, event: String? = nil, id: Position? = nil, retryMilliseconds: Int? = nil
    ) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(data.count + 64)
        if let id { frame.append(contentsOf: "id: \(id)\n".utf8) }
        if let event { frame.append(contentsOf: "event: \(event)\n".utf8) }
        if let retryMilliseconds { frame.append(contentsOf: "retry: \(retryMilliseconds)\n".utf8) }
        frame.append(contentsOf: "data: ".utf8)
        frame.append(contentsOf: data)
        frame.append(contentsOf: "\n\n".utf8)
        return frame
    }

    /// A comment line: it keeps proxies and phones from closing a silent connection, and clients drop it.
    public static let heartbeat: [UInt8] = Array(":\n\n".utf8)
}

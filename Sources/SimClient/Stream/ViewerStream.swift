internal import Wire

/// Everything that a swarm keeps for the bytes of one viewer: the response on the outside, the events in it.
struct ViewerStream: Sendable {
    enum Failure: Error, Equatable {
        case response(ResponseHead.Malformed)
        case oversizedFrame
    }

    private var response = ResponseReader()
    private var cursor = EventCursor()
    /// The status of the response, 0 before its head.
    private(set) var status = 0

    /// Whether the server has ended the response.
    var hasEnded: Bool { response.hasEnded }
    var followsLog: Bool { cursor.followsLog }

    func lastEventID(in log: borrowing ChannelLog) -> String? {
        cursor.position(in: log)?.description
    }

    /// A new connection begins; the position stays.
    mutating func reset() {
        response = ResponseReader()
        cursor.reset()
        status = 0
    }

    /// Takes the next bytes of the connection and appends the events in them. Returns the head when these bytes
    /// completed it. The body of an answer other than 200 is dropped.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer, log: inout ChannelLog, into events: inout [StreamEvent]
    ) throws(Failure) -> ResponseHead? {
        var head: ResponseHead?
        var position = 0
        while let part = try next(in: bytes, from: &position) {
            switch part {
            case .head(let parsed):
                head = parsed
                status = parsed.status
            case .body(let range):
                guard status == 200 else { continue }
                do { try cursor.receive(bytes.part(range), log: &log, into: &events) } catch { throw .oversizedFrame }
            }
        }
        return head
    }

    private mutating func next(in bytes: UnsafeRawBufferPointer, from position: inout Int) throws(Failure)
        -> ResponseReader.Part?
    {
        do { return try response.next(in: bytes, from: &position) } catch { throw .response(error) }
    }

    mutating func leave(before start: UInt64, of log: borrowing ChannelLog) {
        cursor.leave(before: start, of: log)
    }
}

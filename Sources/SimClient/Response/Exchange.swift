/// Gathers the answer to one request on a connection that is used again and again.
struct Exchange: Sendable {
    static let bodyBytesMax = 64 << 10

    struct Answer: Equatable, Sendable {
        var head: ResponseHead
        var body: [UInt8]
    }

    enum Failure: Error, Equatable {
        case malformed(ResponseHead.Malformed)
        case bodyTooLong
    }

    private var reader = ResponseReader()
    private var head: ResponseHead?
    private var body: [UInt8] = []

    /// Takes the next bytes; the answer when they complete it. Bytes behind the answer are dropped: nothing was asked
    /// for that they could answer.
    mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Answer? {
        var cursor = 0
        while let part = try next(in: bytes, from: &cursor) {
            switch part {
            case .head(let parsed): head = parsed
            case .body(let range):
                guard body.count + range.count <= Exchange.bodyBytesMax else { throw .bodyTooLong }
                body.append(contentsOf: bytes[range])
            }
        }
        guard reader.hasEnded, let head else { return nil }
        defer { self = Exchange() }
        return Answer(head: head, body: body)
    }

    private mutating func next(in bytes: UnsafeRawBufferPointer, from cursor: inout Int) throws(Failure)
        -> ResponseReader.Part?
    {
        do { return try reader.next(in: bytes, from: &cursor) } catch { throw .malformed(error) }
    }
}

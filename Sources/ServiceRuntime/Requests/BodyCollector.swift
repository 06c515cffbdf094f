import HTTPTypes
import Hummingbird
import NIOCore

/// Takes a request's body into memory, up to a limit.
struct BodyCollector {
    /// What is read and thrown away of a body that is too large. Most clients read the answer only after they have sent
    /// everything; beyond this the connection is closed instead.
    static let drainedBytesMax = 1 << 20

    var bytesMax: Int

    func collect(_ request: Request) async throws -> ByteBuffer {
        var iterator = request.body.makeAsyncIterator()
        if let text = request.headers[.contentLength], let length = Int(text), length > bytesMax {
            throw await drained(&iterator, from: 0)
        }
        guard var body = try await iterator.next() else { return ByteBuffer() }
        var length = body.readableBytes
        while length <= bytesMax, var next = try await iterator.next() {
            length += next.readableBytes
            if length <= bytesMax { body.writeBuffer(&next) }
        }
        guard length <= bytesMax else { throw await drained(&iterator, from: length) }
        return body
    }

    /// The error, after as much of the rest as is worth reading.
    private func drained(_ iterator: inout RequestBody.AsyncIterator, from start: Int) async -> APIError {
        var error = APIError(.contentTooLarge, code: "body_too_large", "the body is larger than \(bytesMax) bytes")
        var length = start
        while length <= Self.drainedBytesMax {
            guard let part = try? await iterator.next() else { return error }
            length += part.readableBytes
        }
        error.closesConnection = true
        return error
    }
}

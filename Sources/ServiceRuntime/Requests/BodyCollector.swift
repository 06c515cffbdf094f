import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1

/// Takes a request's body into memory, up to a limit.
struct BodyCollector {
    /// What is read and thrown away of a body that is too large. Most clients read the answer only after they have sent
    /// everything; beyond this the connection is closed instead.
    static let drainedBytesMax = 1 << 20

    var bytesMax: Int

    func collect(_ request: Request) async throws -> ByteBuffer {
        if let text = request.headers[.contentLength], let length = Int(text), length > bytesMax {
            // A client that waits to be told is told nothing.
            if request.headers[.expect] != nil { throw tooLarge }
            var iterator = request.body.makeAsyncIterator()
            throw await drained(&iterator, from: 0)
        }
        do {
            return try await collect(request.body)
        } catch {
            throw Self.reason(error)
        }
    }

    private func collect(_ content: RequestBody) async throws -> ByteBuffer {
        var iterator = content.makeAsyncIterator()
        guard var body = try await iterator.next() else { return ByteBuffer() }
        var length = body.readableBytes
        while length <= bytesMax, var next = try await iterator.next() {
            length += next.readableBytes
            if length <= bytesMax { body.writeBuffer(&next) }
        }
        guard length <= bytesMax else { throw await drained(&iterator, from: length) }
        return body
    }

    /// Why a body ended before its end.
    private static func reason(_ error: any Error) -> any Error {
        switch error {
        case HTTPParserError.invalidEOFState, is ChannelError, is IOError: ClientGone()
        case is HTTPParserError: APIError.malformedRequest
        case is RequestTimedOut: APIError.requestTimeout
        default: error
        }
    }

    private var tooLarge: APIError {
        APIError(.contentTooLarge, code: "body_too_large", "the body is larger than \(bytesMax) bytes")
    }

    /// The error, after as much of the rest as is worth reading.
    private func drained(_ iterator: inout RequestBody.AsyncIterator, from start: Int) async -> APIError {
        var error = tooLarge
        var length = start
        while length <= Self.drainedBytesMax {
            guard let part = try? await iterator.next() else { return error }
            length += part.readableBytes
        }
        error.closesConnection = true
        return error
    }
}

/// The client left in the middle of its request: nobody waits for an answer.
struct ClientGone: Error {}

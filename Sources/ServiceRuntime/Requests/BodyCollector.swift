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
        var body: ByteBuffer?
        try await stream(request) { part in
            if body == nil { body = part } else { body?.writeImmutableBuffer(part) }
        }
        return body ?? ByteBuffer()
    }

    /// Hands the parts of a body over as they come.
    ///
    /// - Parameter take: what it throws ends the reading, and is thrown.
    func stream(_ request: Request, _ take: (ByteBuffer) async throws -> Void) async throws {
        var iterator = request.body.makeAsyncIterator()
        if let text = request.headers[.contentLength], let length = Int(text), length > bytesMax {
            // A client that waits to be told is told nothing.
            if request.headers[.expect] != nil { throw tooLarge }
            throw await drained(&iterator, from: 0, tooLarge)
        }
        var length = 0
        while let part = try await next(&iterator) {
            length += part.readableBytes
            guard length <= bytesMax else { throw await drained(&iterator, from: length, tooLarge) }
            do {
                try await take(part)
            } catch let error as APIError {
                throw await drained(&iterator, from: length, error)
            }
        }
    }

    private func next(_ iterator: inout RequestBody.AsyncIterator) async throws -> ByteBuffer? {
        do {
            return try await iterator.next()
        } catch {
            throw Self.reason(error)
        }
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
    private func drained(
        _ iterator: inout RequestBody.AsyncIterator, from start: Int, _ refusal: APIError
    ) async -> APIError {
        var error = refusal
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

import Hummingbird
import NIOCore

/// An answer as bytes, shared by everybody who gets it.
final class Rendering: Sendable {
    let bytes: ByteBuffer

    init(_ bytes: ByteBuffer) {
        self.bytes = bytes
    }

    /// The bytes piece by piece, each when the client has taken the one before: what a slow client keeps alive is this
    /// rendering, and no copy of it.
    var body: ResponseBody {
        ResponseBody(contentLength: bytes.readableBytes) { [self] writer in
            var rest = bytes
            while rest.readableBytes > 0, let piece = rest.readSlice(length: min(rest.readableBytes, 1 << 18)) {
                try await writer.write(piece)
            }
            try await writer.finish(nil)
        }
    }
}

/// Renders one answer at a time: who asks meanwhile gets the same one.
///
/// Memory is bounded by the number of renderings that clients still read, however many clients there are. Beyond
/// ``aliveMax`` the newest of them is the answer; it says itself when it was made.
actor SharedRenderings {
    static let aliveMax = 4

    private struct Weak { weak var rendering: Rendering? }

    private var inFlight: Task<Rendering, any Error>?
    private var alive: [Weak] = []
    /// Callers who were given what another one had asked for.
    private(set) var shared = 0
    var isRendering: Bool { inFlight != nil }

    func next(_ render: @escaping @Sendable () async throws -> ByteBuffer) async throws -> Rendering {
        if let inFlight {
            shared += 1
            return try await inFlight.value
        }
        alive.removeAll { $0.rendering == nil }
        if alive.count >= Self.aliveMax, let newest = alive.last?.rendering { return newest }
        // Unstructured: the caller that began it may leave, and the others still wait for it.
        let task = Task { Rendering(try await render()) }
        inFlight = task
        let result = await task.result
        inFlight = nil
        let rendering = try result.get()
        alive.append(Weak(rendering: rendering))
        return rendering
    }
}

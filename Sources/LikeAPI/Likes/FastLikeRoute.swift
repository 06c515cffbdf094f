import HTTPTypes
import Likes
import NIOCore
import ServiceRuntime
import Wire

/// `POST /v1/likes` as programs write it: `{"user_id":"…","post_id":"…"}`, in either order. ``LikeRoutes`` has the rest.
struct FastLikeRoute: FastRoute {
    let desk: LikeDesk

    var method: HTTPRequest.Method { .post }
    var path: String { "/v1/likes" }
    var bodyBytesMax: Int { 2 * Identifier.lengthMax + 64 }

    func serve(_ body: ByteBuffer, reply: @escaping @Sendable (FastReply) -> Void) -> Bool {
        guard let intent = body.withUnsafeReadableBytes(Self.intent) else { return false }
        desk.submit(intent) { result in
            // Refused: the ordinary route asks once more, and says why. Liking twice does no harm.
            guard case .success = result else { return reply(.giveBack) }
            if let total = desk.rememberedTotal(of: intent.photo) { return reply(Self.answer(intent, total)) }
            // Not a child of anything: the answer is owed to a connection, not to a caller.
            Task {
                do {
                    reply(Self.answer(intent, try await desk.total(of: intent.photo)))
                } catch {
                    reply(.giveBack)
                }
            }
        }
        return true
    }

    private static func answer(_ intent: LikeIntent, _ total: PhotoTotal) -> FastReply {
        .answer(.ok, ByteBuffer(bytes: LikeRoutes.answer(intent, total)))
    }

    /// `nil` for any other JSON, and for what is none.
    static func intent(_ bytes: UnsafeRawBufferPointer) -> LikeIntent? {
        var scanner = FastScanner(bytes: bytes)
        var (user, photo) = (String?.none, String?.none)
        guard scanner.skip("{\"") else { return nil }
        for index in 0..<2 {
            if index > 0 { guard scanner.skip(","), scanner.skipSpace(), scanner.skip("\"") else { return nil } }
            if user == nil, scanner.skip("user_id\":") {
                user = scanner.identifier()
                guard user != nil else { return nil }
            } else if photo == nil, scanner.skip("post_id\":") {
                photo = scanner.identifier()
                guard photo != nil else { return nil }
            } else {
                return nil
            }
        }
        guard scanner.skip("}"), scanner.isAtEnd, let user, let photo else { return nil }
        return LikeIntent(photo: photo, user: user, liked: true)
    }
}

/// Reads what must stand there.
private struct FastScanner {
    let bytes: UnsafeRawBufferPointer
    var at = 0

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { at == bytes.count }

    mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard at + count <= bytes.count else { return false }
        for offset in 0..<count where bytes[at + offset] != text.utf8Start[offset] { return false }
        at += count
        return true
    }

    /// One space or none: always `true`.
    mutating func skipSpace() -> Bool {
        if at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        return true
    }

    /// A string that is an id, which needs no escapes.
    mutating func identifier() -> String? {
        _ = skipSpace()
        guard skip("\""), let end = bytes[at...].firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        let text = String(decoding: bytes[at..<end], as: UTF8.self)
        at = end + 1
        return Identifier.isValid(text) ? text : nil
    }
}

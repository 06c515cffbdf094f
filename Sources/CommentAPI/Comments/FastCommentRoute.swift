import HTTPTypes
import NIOCore
import ServiceRuntime
import Wire

/// `POST /comment` as nearly everybody sends it. ``CommentRoutes`` has the rest: other forms, repeated requests, and what
/// is wrong with a comment.
struct FastCommentRoute: FastRoute {
    let desk: CommentDesk

    var method: HTTPRequest.Method { .post }
    var path: String { "/comment" }
    /// Four times the longest text that is one byte a character: few comments are longer.
    var bodyBytesMax: Int { 8_192 }
    var unusualFields: [HTTPField.Name] { [IdempotencyKey.name].compactMap { $0 } }

    func serve(_ body: ByteBuffer, reply: @escaping @Sendable (FastReply) -> Void) -> Bool {
        guard let fields = try? RequestFields(jsonBody: body, code: CommentRoutes.invalid),
            let user = try? fields.identifier("userid"), let video = try? fields.identifier("videoid"),
            let text = try? fields.text("comment", charactersMax: Comment.textLengthMax),
            let channel = Channel.video(video)
        else { return false }
        desk.tally.received()
        // Not a child of anything: the answer is owed to a connection, not to a caller.
        Task {
            do throws(ArchiveFailure) {
                let publication = try await desk.publish(user: user, video: video, channel: channel, text: text)
                let (status, answer) = CommentRoutes.answer(publication)
                reply(.answer(status, ByteBuffer(bytes: answer)))
            } catch {
                reply(.refusal(Refusal(publishing: error)))
            }
        }
        return true
    }
}

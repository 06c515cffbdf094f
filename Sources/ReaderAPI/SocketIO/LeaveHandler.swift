import NIOCore

/// Tells when the client of a long request goes away: its answer may be far off, and until then nobody writes.
///
/// It stands first in the pipeline, since NIO's handler for pipelined requests keeps the end of the input back until the
/// answer is complete.
final class LeaveHandler: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let left: @Sendable () -> Void

    init(_ left: @escaping @Sendable () -> Void) {
        self.left = left
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { left() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        left()
        context.fireChannelInactive()
    }
}

extension Channel {
    /// Runs `body`, and calls `left` when the client goes away meanwhile.
    func watchingClient<Result: Sendable>(
        left: @escaping @Sendable () -> Void, _ body: () async -> Result
    ) async -> Result {
        let handler = LeaveHandler(left)
        do {
            try await pipeline.addHandler(handler, position: .first).get()
        } catch {
            left()
            return await body()
        }
        let result = await body()
        pipeline.removeHandler(handler, promise: nil)
        return result
    }
}

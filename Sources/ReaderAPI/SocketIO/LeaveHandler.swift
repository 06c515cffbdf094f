import Glibc
import NIOCore

import struct Synchronization.Atomic

/// Tells when the client of a long request goes away: its answer may be far off, and until then nobody writes.
///
/// It stands first in the pipeline, since NIO's handler for pipelined requests keeps the end of the input back until the
/// answer is complete.
final class LeaveHandler: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let left: @Sendable () -> Void
    private let isGone = Atomic(false)

    init(_ left: @escaping @Sendable () -> Void) {
        self.left = left
    }

    /// Whether the client has left already.
    var hasLeft: Bool { isGone.load(ordering: .acquiring) }

    private func note() {
        isGone.store(true, ordering: .releasing)
        left()
    }

    /// The end may have come right behind the request, and been told before this handler was here.
    func handlerAdded(context: ChannelHandlerContext) {
        let peeked = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { descriptor in
            var byte: UInt8 = 0
            return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        }
        if peeked == 0 { note() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { note() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        note()
        context.fireChannelInactive()
    }
}

extension Channel {
    /// Runs `body`, and calls `left` when the client goes away meanwhile.
    ///
    /// - Parameter body: gets whether the client has left, to be asked once more behind what `left` undoes.
    func watchingClient<Result: Sendable>(
        left: @escaping @Sendable () -> Void, _ body: (_ hasLeft: @escaping @Sendable () -> Bool) async -> Result
    ) async -> Result {
        let handler = LeaveHandler(left)
        do {
            try await pipeline.addHandler(handler, position: .first).get()
        } catch {
            return await body { true }
        }
        let result = await body { handler.hasLeft }
        pipeline.removeHandler(handler, promise: nil)
        return result
    }
}

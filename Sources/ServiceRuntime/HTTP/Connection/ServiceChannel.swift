import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import Primitives

/// The connections of a service's server: Hummingbird's HTTP/1, with a bound and the rules of ``HTTPConnectionHandler``.
struct ServiceChannel: ServerChildChannel {
    /// `http` is `nil` for a connection that is refused before it says anything.
    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let http: HTTP1Channel.Value?
    }

    let base: HTTP1Channel
    let connections: HTTPConnections
    let limits: HTTPLimits
    let monitor: HTTPMonitor

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let isAdmitted = connections.opened(channel)
        channel.closeFuture.whenComplete { _ in connections.closed(channel) }
        guard isAdmitted else {
            monitor.refused(APIError.tooManyConnections.code)
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(RefusalHandler())
                return Value(channel: channel, http: nil)
            }
        }
        return base.setup(channel: channel, logger: logger).flatMapThrowing { http in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            // In reverse: each goes right behind the decoder.
            try pipeline.addHandler(
                HTTPConnectionHandler(limits: limits, monitor: monitor), position: .after(decoder))
            try pipeline.addHandler(HTTPServerPipelineHandler(), position: .after(decoder))
            return Value(channel: channel, http: http)
        }
    }

    func handle(value: Value, logger: Logger) async {
        if let http = value.http {
            await base.handle(value: http, logger: logger)
        } else {
            try? await value.channel.closeFuture.get()
        }
    }
}

/// Writes a refusal to a connection that nobody reads, and closes it.
private final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: APIError.tooManyConnections.wholeAnswer)), promise: nil)
        context.close(promise: nil)
    }
}

/// Counts the connections of a server and bounds them.
///
/// Over the bound there is room for a few more, whose requests are refused as any request is: with an answer that the client
/// can read. Beyond those a connection gets the same answer before it has said anything, and is closed.
public final class HTTPConnections: Sendable {
    private struct State {
        var open = 0
        var refused: Set<ObjectIdentifier> = []
    }

    /// Connections whose requests are answered.
    let max: Int
    /// Connections over it whose requests are refused.
    let refusedMax: Int
    private let state = Mutex(State())

    init(max: Int) {
        self.max = max
        refusedMax = Swift.max(16, max / 16)
    }

    /// Connections that are open.
    var open: Int { state.withLock { $0.open } }

    /// `false` for a connection that has no room even to be refused.
    func opened(_ channel: any Channel) -> Bool {
        state.withLock { state in
            state.open += 1
            guard state.open > max else { return true }
            guard state.refused.count < refusedMax else { return false }
            state.refused.insert(ObjectIdentifier(channel))
            return true
        }
    }

    func closed(_ channel: any Channel) {
        state.withLock { state in
            state.open -= 1
            state.refused.remove(ObjectIdentifier(channel))
        }
    }

    /// Whether requests of this connection are refused.
    func isRefused(_ channel: any Channel) -> Bool {
        state.withLock { !$0.refused.isEmpty && $0.refused.contains(ObjectIdentifier(channel)) }
    }
}

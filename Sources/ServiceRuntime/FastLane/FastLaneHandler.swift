import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Puts a ``FastRoute`` in front of the ordinary routes of a connection, and closes connections that nobody uses.
///
/// Belongs to the connection's event loop. What a request costs on the ordinary way is mostly the way: an asynchronous
/// sequence of parts, a task, a context and a logger for each. Here it is one call.
final class FastLaneHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private static let eventsMax = 8

    private let route: any FastRoute
    private let monitor: HTTPMonitor
    private let idleTimeout: TimeAmount
    private var queue: FastLaneQueue
    private var hasHeldRead = false
    /// The server stops, or the client sends no more: told when the request is answered.
    private var heldEvents: [Any] = []
    private var began = NIODeadline.uptimeNanoseconds(0)
    private var lastActive = NIODeadline.now()
    private var idleTask: Scheduled<Void>?

    init(route: any FastRoute, monitor: HTTPMonitor, idleTimeout: TimeAmount) {
        self.route = route
        self.monitor = monitor
        self.idleTimeout = idleTimeout
        queue = FastLaneQueue(bodyBytesMax: route.bodyBytesMax)
    }

    func handlerAdded(context: ChannelHandlerContext) { watch(context) }

    func handlerRemoved(context: ChannelHandlerContext) {
        idleTask?.cancel()
        idleTask = nil
    }

    /// Hummingbird's own watch does not see the requests that are served here.
    private func watch(_ context: ChannelHandlerContext) {
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        idleTask = loop.scheduleTask(deadline: max(lastActive + idleTimeout, NIODeadline.now() + .seconds(1))) {
            let (handler, context) = bound.value
            if handler.queue.isIdle, NIODeadline.now() >= handler.lastActive + handler.idleTimeout {
                return context.close(promise: nil)
            }
            handler.watch(context)
        }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastActive = .now()
        receive(unwrapInboundIn(data), context)
    }

    private func receive(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        let action = queue.received(part) { part in
            guard case .head(let head) = part else { return false }
            return FastLaneRule.isOrdinary(head, for: route)
        }
        switch action {
        case .nothing: break
        case .pass(let parts): pass(parts, context)
        case .serve(let body): serve(body, context)
        }
    }

    private func pass(_ parts: [HTTPRequestPart], _ context: ChannelHandlerContext) {
        for part in parts { context.fireChannelRead(wrapInboundOut(part)) }
    }

    private func serve(_ body: ByteBuffer, _ context: ChannelHandlerContext) {
        began = .now()
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        let isTaken = route.serve(body) { reply in
            loop.execute {
                let (handler, context) = bound.value
                handler.take(reply, context)
            }
        }
        if !isTaken { giveBack(context) }
    }

    private func giveBack(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        pass(queue.giveBack(), context)
        context.fireChannelReadComplete()
        goOn(context)
    }

    private func take(_ reply: FastReply, _ context: ChannelHandlerContext) {
        switch reply {
        case .giveBack: giveBack(context)
        case .answer(let status, let body): answer(status, [:], body, context)
        case .refusal(let refusal):
            monitor.refused(refusal.code)
            answer(refusal.status, refusal.headers, refusal.body, context)
        }
    }

    private func answer(
        _ status: HTTPResponse.Status, _ headers: HTTPFields, _ body: ByteBuffer, _ context: ChannelHandlerContext
    ) {
        guard context.channel.isActive else { return }
        lastActive = .now()
        var fields = headers
        fields[.contentType] = "application/json"
        fields[.contentLength] = String(body.readableBytes)
        fields[.date] = DateField.now()
        context.write(wrapOutboundOut(.head(HTTPResponse(status: status, headerFields: fields))), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        monitor.answered(
            route: route.path, method: route.method, status: status.code,
            nanoseconds: (lastActive - began).nanoseconds)
        for part in queue.served() { receive(part, context) }
        if queue.passed > 0 { context.fireChannelReadComplete() }
        goOn(context)
    }

    // MARK: The other way

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            queue.answered()
            lastActive = .now()
        }
        context.write(data, promise: promise)
    }

    /// No more is read than can be held.
    func read(context: ChannelHandlerContext) {
        if queue.isServing { hasHeldRead = true } else { context.read() }
    }

    /// What had to wait for the answer.
    private func goOn(_ context: ChannelHandlerContext) {
        guard !queue.isServing else { return }
        for event in heldEvents { context.fireUserInboundEventTriggered(event) }
        heldEvents = []
        guard hasHeldRead else { return }
        hasHeldRead = false
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if queue.isServing, heldEvents.count < Self.eventsMax {
            heldEvents.append(event)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}

@available(*, unavailable)
extension FastLaneHandler: Sendable {}

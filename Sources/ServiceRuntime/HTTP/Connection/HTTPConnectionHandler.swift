import HTTPTypes
import HummingbirdCore
public import NIOCore
public import NIOHTTP1

/// The rules of HTTP/1 for one connection, between NIO's codec and Hummingbird: versions, the end of a connection,
/// `Expect`, broken requests and deadlines.
///
/// NIO's `HTTPServerPipelineHandler` stands before it, so that one request at a time comes here, what follows in a pipeline
/// waits, and a stop of the server lets the request in progress end. What goes wrong inside a body is an error of that
/// body: the route reads it, answers, and is counted like any other refusal. Only what is no request at all is answered
/// here.
public final class HTTPConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundIn = HTTPServerResponsePart
    public typealias OutboundOut = HTTPServerResponsePart

    private struct Exchange {
        let version: HTTPVersion
        let since: NIODeadline
        /// The connection ends after the answer.
        var closes: Bool
        /// The client sends its body when it is told to.
        var awaitsContinue: Bool
        var bytes = 0
        var isComplete = false
        /// The head of the answer was written.
        var isAnswering = false
        var isAnswered = false
        var isTimedOut = false

        init(_ head: HTTPRequestHead, since: NIODeadline) {
            version = head.version
            self.since = since
            closes = !head.isKeepAlive
            // HTTP/1.0 does not know it (RFC 9110, section 10.1.1).
            awaitsContinue =
                head.version != .http1_0
                && head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
        }
    }

    private enum Ending {
        case no
        /// The last answer was written, and is not with the kernel yet.
        case writing
        /// The server's half of the connection is closed; the client's is read until it closes too, since closing with
        /// unread bytes resets the connection, and the client may lose the answer (RFC 9112, section 9.6).
        case lingering
    }

    private let limits: HTTPLimits
    private let monitor: HTTPMonitor
    /// The request in progress: from its head until both it and its answer are complete.
    private var exchange: Exchange?
    private var ending = Ending.no
    /// The first bytes of a head came, and not the last.
    private var headSince: NIODeadline?
    private var idleSince = NIODeadline.now()
    private var hasRead = false
    /// A second answer to one request is being written: Hummingbird answers what is broken by itself.
    private var isDropping = false
    private var bytesWritten = 0
    private var progress = (taken: 0, since: NIODeadline.now())
    private var timer: (task: Scheduled<Void>, deadline: NIODeadline)?

    init(limits: HTTPLimits, monitor: HTTPMonitor) {
        self.limits = limits
        self.monitor = monitor
    }

    /// Whether an answer without a known length is sent in chunks: not to HTTP/1.0, where the end of the connection ends
    /// it. Meaningful while a request is in progress.
    public var answersInChunks: Bool { exchange.map { $0.version != .http1_0 } ?? true }

    // MARK: Requests

    public func handlerAdded(context: ChannelHandlerContext) {
        arm(context, at: .now() + limits.idle)
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        timer?.task.cancel()
        timer = nil
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard ending == .no else { return }
        hasRead = true
        switch unwrapInboundIn(data) {
        case .head(let head):
            headSince = nil
            exchange = Exchange(head, since: .now())
        case .body(let part): exchange?.bytes += part.readableBytes
        case .end:
            exchange?.isComplete = true
            endExchangeIfComplete()
        }
        context.fireChannelRead(data)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        if ending == .lingering {
            context.read()
        } else if let exchange {
            if !exchange.isComplete { arm(context, at: exchange.since + limits.bodyGrace) }
        } else if !hasRead, headSince == nil {
            // What came makes no part of a request yet.
            let now = NIODeadline.now()
            headSince = now
            arm(context, at: now + limits.head)
        }
        hasRead = false
        context.fireChannelReadComplete()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let broken = error as? HTTPParserError, exchange.map({ $0.isAnswered }) ?? true else {
            // An error of the body that a route reads, or the end of the connection.
            if error is HTTPParserError { exchange?.closes = true }
            return context.fireErrorCaught(error)
        }
        guard ending == .no else { return }
        // The client has left, or has its answer already and sends nonsense as the rest of its body.
        guard broken != .invalidEOFState, exchange == nil else { return context.close(promise: nil) }
        refuse(broken == .headerOverflow ? .headTooLarge : .malformedRequest, context)
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if ending == .lingering, case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    /// What is no request: there is nobody behind this handler who could answer it.
    private func refuse(_ error: APIError, _ context: ChannelHandlerContext) {
        monitor.refused(error.code)
        let body = error.body
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: error.status.code),
            headers: [
                "Content-Type": "application/json", "Content-Length": "\(body.readableBytes)", "Connection": "close",
            ])
        ending = .writing
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        writeLast(context, promise: nil)
        context.flush()
    }

    // MARK: Answers

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            guard let head = begun(head) else {
                isDropping = true
                return promise?.succeed() ?? ()
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body where isDropping: promise?.succeed()
        case .body(let part):
            bytesWritten += part.readableBytes
            context.write(data, promise: promise)
            if !context.channel.isWritable { arm(context, at: .now() + limits.answer) }
        case .end where isDropping:
            isDropping = false
            promise?.succeed()
        case .end: end(context, data, promise)
        }
    }

    /// The head as this client gets it; `nil` when the request has its answer already.
    private func begun(_ head: HTTPResponseHead) -> HTTPResponseHead? {
        guard ending == .no, var exchange, !exchange.isAnswering else { return nil }
        var head = head
        if !head.isKeepAlive { exchange.closes = true }
        // The client did not send its body and may not do so any more: what comes next is unknown.
        if exchange.awaitsContinue, exchange.bytes == 0, !exchange.isComplete { exchange.closes = true }
        if exchange.version == .http1_0 {
            head.version = exchange.version
            head.headers.remove(name: "transfer-encoding")
            let hasLength = head.headers.contains(name: "content-length") || !head.status.mayHaveResponseBody
            if !hasLength { exchange.closes = true }
            if !exchange.closes { head.headers.replaceOrAdd(name: "Connection", value: "keep-alive") }
        }
        if exchange.closes { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        exchange.isAnswering = true
        self.exchange = exchange
        return head
    }

    private func end(_ context: ChannelHandlerContext, _ data: NIOAny, _ promise: EventLoopPromise<Void>?) {
        exchange?.isAnswered = true
        if exchange?.closes ?? true {
            ending = .writing
            writeLast(context, promise: promise)
        } else {
            // Before the write: the next request of a pipeline may come within it.
            endExchangeIfComplete()
            context.write(data, promise: promise)
        }
    }

    private func endExchangeIfComplete() {
        guard let exchange, exchange.isComplete, exchange.isAnswered else { return }
        self.exchange = nil
        idleSince = .now()
    }

    private func writeLast(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            guard ending == .writing, context.channel.isActive else { return }
            ending = .lingering
            context.close(mode: .output, promise: nil)
            arm(context, at: .now() + limits.linger)
            context.read()
        }
        context.write(wrapOutboundOut(.end(nil)), promise: written)
        arm(context, at: .now() + limits.answer)
    }

    public func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard event is ContinueEvent else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        if let exchange, exchange.awaitsContinue, !exchange.isComplete, !exchange.isAnswering, exchange.bytes == 0 {
            self.exchange?.awaitsContinue = false
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }
        promise?.succeed()
    }

    // MARK: Deadlines

    /// One timer a connection, moved forward only: a deadline that is over for another reason costs one look.
    private func arm(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        if let timer, timer.deadline <= deadline { return }
        timer?.task.cancel()
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timer = nil
            guard context.channel.isActive else { return }
            check(context, now: .now())
        }
        timer = (task, deadline)
    }

    private func check(_ context: ChannelHandlerContext, now: NIODeadline) {
        if ending == .lingering { return context.close(promise: nil) }
        if let next = answerDeadline(context, now: now) {
            return next <= now ? cut(context, "answer_timeout") : arm(context, at: next)
        }
        guard let exchange else {
            if let headSince, now >= headSince + limits.head { return cut(context, "request_timeout") }
            let idleEnd = idleSince + limits.idle
            if now >= idleEnd { return context.close(promise: nil) }
            return arm(context, at: headSince.map { min($0 + limits.head, idleEnd) } ?? idleEnd)
        }
        if !exchange.isComplete, limits.isTooSlow(bodyBytes: exchange.bytes, after: now - exchange.since) {
            if exchange.isAnswering || exchange.isTimedOut { return cut(context, "request_timeout") }
            self.exchange?.isTimedOut = true
            self.exchange?.closes = true
            // The route that reads the body answers; one that does not read it is waited for.
            context.fireErrorCaught(RequestTimedOut())
            return arm(context, at: now + limits.bodyGrace)
        }
        arm(context, at: now + (exchange.isComplete ? limits.idle : .seconds(1)))
    }

    /// When a client that takes nothing of what is written is cut; `nil` while nothing waits for it.
    private func answerDeadline(_ context: ChannelHandlerContext, now: NIODeadline) -> NIODeadline? {
        let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        let taken = bytesWritten - waiting
        guard waiting > 0 else {
            progress = (taken, now)
            return nil
        }
        if taken != progress.taken { progress = (taken, now) }
        return progress.since + limits.answer
    }

    private func cut(_ context: ChannelHandlerContext, _ code: String) {
        monitor.refused(code)
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension HTTPConnectionHandler: Sendable {}

/// A body came too slowly, or not at all.
struct RequestTimedOut: Error {}

/// Tells a client that waits for it to send its body.
private struct ContinueEvent: Sendable {}

/// The body of a request with `Expect: 100-continue`: the client is told to send it when a route first reads it, so that
/// what is refused by its head is never sent.
struct ExpectedBody: AsyncSequence, Sendable {
    let body: RequestBody
    let channel: any Channel

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: RequestBody.AsyncIterator
        let channel: any Channel
        var isTold = false

        mutating func next() async throws -> ByteBuffer? {
            if !isTold {
                isTold = true
                channel.triggerUserOutboundEvent(ContinueEvent(), promise: nil)
            }
            return try await base.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: body.makeAsyncIterator(), channel: channel)
    }
}

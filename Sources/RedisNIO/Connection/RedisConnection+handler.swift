import CoreMetrics
import NIOCore
import NIOSSL

extension RedisConnection {
    /// The channel handler of a connection: writes what was sent and hands each reply to whoever waits for it.
    final class Handler: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundIn = Wake
        typealias OutboundOut = ByteBuffer

        /// "Commands wait to be written."
        struct Wake: Sendable {}

        private let connection: RedisConnection
        private let metrics: RedisMetrics
        private let builder: ValueBuilder
        private let reader: ReplyReader
        private var waiting = ReplyQueue<Continuation>()
        private var deadlineCheck: Scheduled<Void>?
        private var failure = RedisError(.closed, "Redis closed the connection")
        private var repliesOfTurn = 0
        /// No command is taken any more; what is on its way is answered first.
        private var isGivenUp = false

        /// Whether redirections are answers as others.
        private let isClusterNode: Bool

        init(connection: RedisConnection, isClusterNode: Bool, metrics: RedisMetrics) throws(RedisError) {
            self.isClusterNode = isClusterNode
            builder = ValueBuilder()
            reader = try ReplyReader(builder: builder)
            self.connection = connection
            self.metrics = metrics
        }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            let (bytes, requests) = connection.takeRequests()
            guard !requests.isEmpty else { return }
            for request in requests {
                waiting.append(request.continuation, replies: request.replies, deadline: request.deadline)
            }
            metrics.commands.increment(by: requests.reduce(0) { $0 + $1.replies })
            scheduleDeadlineCheck(context)
            context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            do {
                try unwrapInboundIn(data).withUnsafeReadableBytes { bytes throws(RedisError) in
                    try reader.feed(bytes) { () throws(RedisError) in try replied() }
                }
            } catch {
                fail(context, error)
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            connection.received(replies: repliesOfTurn)
            repliesOfTurn = 0
            if isGivenUp, connection.inFlight == 0 { context.close(promise: nil) }
            context.fireChannelReadComplete()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            // Redis ended without saying so in TLS, killed perhaps: what follows is the end itself.
            if case NIOSSLError.uncleanShutdown = error { return }
            fail(context, RedisError(.closed, "the connection failed: \(RedisError.reason(error))"))
        }

        func channelInactive(context: ChannelHandlerContext) {
            end()
            context.fireChannelInactive()
        }

        func handlerRemoved(context: ChannelHandlerContext) {
            end()
        }

        private func replied() throws(RedisError) {
            guard let value = builder.take() else { throw RedisError(.protocolViolation, "a reply without a value") }
            repliesOfTurn += 1
            if let refusal = value.failure { refused(refusal) }
            switch waiting.receive(value) {
            case .partial: break
            case .complete(let continuation, let values): continuation.resume(returning: .success(values))
            case .unexpected: throw RedisError(.protocolViolation, "a reply that nobody waits for")
            }
        }

        /// A server that is the wrong one is left, so that the next connection finds who is behind the address by then.
        private func refused(_ refusal: RedisError) {
            switch refusal.verdict {
            case .leave: giveUp(refusal)
            case .cluster: if !isClusterNode { giveUp(.unsupported("Redis Cluster")) }
            case .refusesWrites, nil: break
            }
        }

        private func giveUp(_ reason: RedisError) {
            guard !isGivenUp else { return }
            isGivenUp = true
            metrics.givenUp(reason.code)
            connection.giveUp(reason)
        }

        private func fail(_ context: ChannelHandlerContext, _ error: RedisError) {
            failure = error
            context.close(promise: nil)
        }

        /// Resumes everybody who waits, exactly once; a second call finds nobody.
        private func end() {
            deadlineCheck?.cancel()
            deadlineCheck = nil
            let notSent = failure.withNothingSent
            for request in connection.end(failure) { request.continuation.resume(returning: .failure(notSent)) }
            for (continuation, isOverdue) in waiting.removeAll(now: .now()) {
                let late = RedisError(.timeout, "no reply in time")
                continuation.resume(returning: .failure(isOverdue ? late : failure))
            }
        }

        /// One timer for the oldest request only: replies come in order, so nobody else can be later than it.
        private func scheduleDeadlineCheck(_ context: ChannelHandlerContext) {
            guard deadlineCheck == nil, let deadline = waiting.oldestDeadline else { return }
            let isolated = context.eventLoop.assumeIsolated()
            deadlineCheck = isolated.scheduleTask(deadline: deadline) { [weak self] in
                self?.checkDeadline(context)
            }
        }

        private func checkDeadline(_ context: ChannelHandlerContext) {
            deadlineCheck = nil
            guard let oldest = waiting.oldestDeadline, oldest <= .now() else { return scheduleDeadlineCheck(context) }
            metrics.timeouts.increment()
            fail(context, RedisError(.closed, "closed because an older command got no reply in time"))
        }
    }
}

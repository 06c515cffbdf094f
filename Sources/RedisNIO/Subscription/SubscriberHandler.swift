import CoreMetrics
import NIOCore
import NIOSSL

/// The channel handler of a ``RedisSubscriber``: logs in, sends what the table returns, hands messages to the sink.
final class SubscriberHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Signal
    typealias OutboundOut = ByteBuffer

    enum Signal: Sendable {
        case flush
        case drop(RedisLoss)
    }

    /// Why the connection ended, and the error behind it.
    typealias End = (RedisLoss, RedisError?)

    private let subscriber: RedisSubscriber
    private let sink: any RedisSubscriptionSink
    /// The same, for one connection of several.
    private var link: (any RedisLinkSink)? { sink as? any RedisLinkSink }
    private let login: [LoginStep]
    private let settings: RedisSubscriberSettings
    private let metrics: RedisMetrics
    private let ended: EventLoopPromise<End>

    /// Of a connection with sharded channels.
    private var sent = SentSubscriptions()
    private let builder: PushBuilder
    private let reader: ReplyReader
    private var liveness: Liveness
    private var loginRepliesMissing: Int
    private var isEstablished = false
    private var hasAsked = false
    private var hasEnded = false
    private var loss = RedisLoss.closed
    private var refusal: RedisError?
    private var timer: Scheduled<Void>?

    init(
        subscriber: RedisSubscriber, sink: any RedisSubscriptionSink, login: [LoginStep],
        settings: RedisSubscriberSettings, metrics: RedisMetrics, ended: EventLoopPromise<End>
    ) throws(RedisError) {
        builder = PushBuilder()
        reader = try ReplyReader(builder: builder)
        self.subscriber = subscriber
        self.sink = sink
        self.login = login
        self.settings = settings
        self.metrics = metrics
        self.ended = ended
        self.loginRepliesMissing = login.count
        self.liveness = Liveness(
            interval: TimeAmount(settings.pingInterval), timeout: TimeAmount(settings.pingTimeout), now: .now())
    }

    func channelActive(context: ChannelHandlerContext) {
        send(login.map(\.command), context)
        startTimers(context)
        context.fireChannelActive()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .flush: flush(context)
        case .drop(let reason): end(context, reason)
        }
        promise?.succeed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            try unwrapInboundIn(data).withUnsafeReadableBytes { bytes throws(RedisError) in
                try reader.feed(bytes) {}
            }
        } catch {
            refusal = error
            end(context, .protocolViolation)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        liveness.received(now: .now())
        for segment in builder.take() where !hasEnded { handle(segment, context) }
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // As in RedisConnection.
        if case NIOSSLError.uncleanShutdown = error { return }
        refusal = RedisError(.closed, "the connection failed: \(RedisError.reason(error))")
        end(context, .failed)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish()
    }
}

// MARK: Segments

extension SubscriberHandler {
    private func handle(_ segment: PushBuilder.Segment, _ context: ChannelHandlerContext) {
        switch segment {
        case .messages(let messages):
            metrics.messages.increment(by: messages.count)
            metrics.batches.increment()
            sink.received(messages)
        case .subscribed(let channels): acknowledged(channels, isSubscribe: true)
        case .unsubscribed(let channels): acknowledged(channels, isSubscribe: false)
        case .answered, .pong:
            loginAnswered(context)
        // SUBSCRIBE is no write: this is the answer to PING.
        case .refused(let error) where error.verdict == .refusesWrites:
            loginAnswered(context)
        case .refused(let error):
            if loginRepliesMissing > 0, login[login.count - loginRepliesMissing].forgives(error) {
                subscriber.loggedIn(without: login[login.count - loginRepliesMissing])
                return loginAnswered(context)
            }
            if subscriber.kind != .plain, isEstablished, error.isRedirecting { return refused(error) }
            refusal = error
            end(context, .refused)
        }
    }

    private func acknowledged(_ channels: [String], isSubscribe: Bool) {
        guard subscriber.kind != .plain else { return answered(channels) }
        var answers: [String] = []
        var dropped: [String] = []
        for channel in channels {
            let (isAnswer, skipped) = sent.acknowledged(channel, isSubscribe: isSubscribe)
            if isAnswer { answers.append(channel) } else if !isSubscribe { dropped.append(channel) }
            guard !skipped.isEmpty else { continue }
            subscriber.refused(skipped)
            dropped += skipped
        }
        answered(answers)
        if !dropped.isEmpty {
            _ = subscriber.dropped(dropped)
            link?.dropped(dropped)
        }
    }

    private func answered(_ channels: [String]) {
        let subscribed = subscriber.acknowledged(channels)
        if !subscribed.isEmpty { sink.subscribed(subscribed) }
    }

    /// A node that has not, or no longer, the slot.
    private func refused(_ error: RedisError) {
        guard let command = sent.refused(error) else { return }
        subscriber.refused(command.channels)
        if command.isSubscribe { link?.refused(command.channels, error) }
    }

    private func loginAnswered(_ context: ChannelHandlerContext) {
        guard loginRepliesMissing > 0 else { return }
        loginRepliesMissing -= 1
        guard loginRepliesMissing == 0 else { return }
        isEstablished = true
        metrics.connected.increment()
        subscriber.connected(context.channel)
        sink.connectionEstablished()
        flush(context)
    }

    private func flush(_ context: ChannelHandlerContext) {
        let commands = subscriber.takeCommands()
        guard !commands.isEmpty else { return }
        metrics.subscribes.increment(by: commands.subscribe.reduce(0) { $0 + $1.count })
        switch subscriber.kind {
        case .plain:
            send(
                commands.unsubscribe.map { RedisCommand("UNSUBSCRIBE", $0) }
                    + commands.subscribe.map { RedisCommand("SUBSCRIBE", $0) }, context)
        case .shard:
            send(
                commands.unsubscribe.map { sending($0, isSubscribe: false) }
                    + commands.subscribe.map { sending($0, isSubscribe: true) }, context)
        case .openSlot: flushOpenSlot(commands, context)
        }
        if !commands.confirmed.isEmpty { sink.subscribed(commands.confirmed) }
    }

    private func sending(_ channels: [String], isSubscribe: Bool) -> RedisCommand {
        sent.sent(.init(isSubscribe: isSubscribe, slot: HashSlot(key: channels[0]), channels: channels))
        return RedisCommand(isSubscribe ? "SSUBSCRIBE" : "SUNSUBSCRIBE", channels)
    }

    /// `ASKING` holds for one command, and is refused once something is subscribed. So all channels of the slot are in one
    /// command, and for one more another connection is made. What is not wanted any more ends with the slot.
    private func flushOpenSlot(_ commands: SubscriptionTable.Commands, _ context: ChannelHandlerContext) {
        answered(commands.unsubscribe.flatMap { $0 })
        let channels = commands.subscribe.flatMap { $0 }
        guard !channels.isEmpty else { return }
        guard !hasAsked else { return end(context, .dropped) }
        hasAsked = true
        send([RedisCommand("ASKING"), sending(channels, isSubscribe: true)], context)
    }

    private func send(_ commands: [RedisCommand], _ context: ChannelHandlerContext) {
        guard !commands.isEmpty else { return }
        var buffer = context.channel.allocator.buffer(capacity: commands.reduce(0) { $0 + $1.body.count + 16 })
        for command in commands { command.encode(into: &buffer) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }
}

// MARK: Timers and the end

extension SubscriberHandler {
    private func startTimers(_ context: ChannelHandlerContext) {
        let loop = context.eventLoop.assumeIsolated()
        loop.scheduleTask(in: TimeAmount(settings.connectTimeout)) { [weak self] in
            guard let self, !self.isEstablished else { return }
            self.end(context, .loginTimeout)
        }
        scheduleTick(context)
    }

    private func scheduleTick(_ context: ChannelHandlerContext) {
        guard !hasEnded else { return }
        // A fourth of the interval: the true times are at most that much longer than the settings say.
        let step = TimeAmount(min(settings.pingInterval, settings.pingTimeout) / 4)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: step) { [weak self] in
            self?.tick(context)
            self?.scheduleTick(context)
        }
    }

    private func tick(_ context: ChannelHandlerContext) {
        guard isEstablished, !hasEnded else { return }
        switch liveness.tick(now: .now()) {
        case .none: break
        case .ping: send([RedisCommand("PING")], context)
        case .giveUp: end(context, .silent)
        }
    }

    private func end(_ context: ChannelHandlerContext, _ reason: RedisLoss) {
        if !hasEnded { loss = reason }
        finish()
        context.close(promise: nil)
    }

    /// Reports the end once; nothing goes to the sink after it.
    private func finish() {
        guard !hasEnded else { return }
        hasEnded = true
        timer?.cancel()
        metrics.lost(loss)
        if isEstablished {
            sink.lost(subscriber.disconnected(), loss, isConnected: false)
        }
        ended.succeed((loss, refusal))
    }
}

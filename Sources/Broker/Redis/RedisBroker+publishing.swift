import CoreMetrics
import Primitives
import RedisNIO
public import Wire

extension RedisBroker {
    public func publish(_ payload: [UInt8], to channel: Channel) async throws(BrokerError) -> Position {
        let event = StreamEvent(channel: channel, payload: payload)
        return try position(await evaluate(publishScript, event), of: event)
    }

    public func publishOnce(
        _ payload: [UInt8], to channel: Channel, unless keys: [EventKey]
    ) async throws(BrokerError) -> Position {
        let event = StreamEvent(channel: channel, payload: payload)
        let arguments = keys.flatMap { [$0.prefix, $0.suffix] }
        return try position(await evaluate(publishOnceScript, event, arguments), of: event)
    }

    public func publish(
        _ payload: [UInt8], to channel: Channel, named name: String, unless others: [String]
    ) async throws(BrokerError) -> NamedPublication {
        let event = StreamEvent(channel: channel, payload: payload)
        let reply = try await evaluate(publishNamedScript, event, ([name] + others).map { Array($0.utf8) })
        if let parts = reply.array { return .found(try Self.placed(parts)) }
        return .published(try position(reply, of: event))
    }

    /// - Parameter arguments: those behind the publish script's own.
    private func evaluate(
        _ script: RedisScript, _ event: StreamEvent, _ arguments: [[UInt8]] = []
    ) async throws(BrokerError) -> RESPValue {
        try requireFrameEnd(event.payload)
        return try await counted { () throws(RedisError) in
            var call = call(script, event)
            for argument in arguments { call.append(argument) }
            return try await timed { () throws(RedisError) in try await redis.evaluate(script, call) }
        }
    }

    public func publish(contentsOf events: [StreamEvent]) async -> [Result<Position, BrokerError>] {
        do throws(BrokerError) {
            for event in events { try requireFrameEnd(event.payload) }
            let replies = try await counted { () throws(RedisError) in
                let calls = events.map { call(publishScript, $0) }
                return try await timed { () throws(RedisError) in
                    try await redis.evaluate(publishScript, contentsOf: calls)
                }
            }
            guard replies.count == events.count else {
                throw BrokerError(.internal, "a pipeline was answered with another number of replies")
            }
            return zip(events, replies).map { event, reply in
                Result { () throws(BrokerError) in try position(reply, of: event) }
            }
        } catch {
            return events.map { _ in .failure(error) }
        }
    }

    /// Measures a call that publishes, from here to Redis's answer.
    private func timed<Value>(_ call: () async throws(RedisError) -> Value) async throws(RedisError) -> Value {
        let start = MonotonicClock.now()
        let value = try await call()
        metrics.publishTime.recordNanoseconds(Int64(MonotonicClock.now() - start))
        return value
    }

    private func call(_ script: RedisScript, _ event: StreamEvent) -> RedisCommand {
        let channel = event.channel
        let (epoch, known) = memory.withLock { memory in
            (PositionRule.makeEpoch(using: &memory.epochs), memory.acknowledged[channel])
        }
        var call = script.call(keys: [channel.positionKey])
        call.reserve(event.payload.count + channel.name.utf8.count + 96)
        call.append(event.payload)
        call.append(names.name(of: channel))
        call.append(epoch)
        call.append(known?.description ?? "")
        return call
    }

    /// The place that the script answered, remembered as acknowledged.
    private func position(_ reply: RESPValue, of event: StreamEvent) throws(BrokerError) -> Position {
        if case .failure(let error) = reply {
            let failure = BrokerError(error)
            metrics.failed(failure.code)
            throw failure
        }
        guard let position = reply.text.flatMap({ Position(parsing: $0) }) else {
            metrics.failed(.internal)
            throw BrokerError(.internal, "the publish script answered no position")
        }
        memory.withLock { $0.acknowledged.acknowledged(position, in: event.channel) }
        metrics.published.increment()
        return position
    }

    public func publishState(_ frame: [UInt8], to channel: Channel) async throws(BrokerError) {
        try requireFrameEnd(frame)
        _ = try await counted { () throws(RedisError) in
            var command = RedisCommand(redis.hasShards ? "SPUBLISH" : "PUBLISH", names.name(of: channel))
            command.append(frame)
            return try await redis.send(command)
        }
        metrics.statesPublished.increment()
    }

    @discardableResult
    public func remove(_ position: Position, from channel: Channel) async throws(BrokerError) -> Bool {
        let reply = try await counted { () throws(RedisError) in
            try await redis.evaluate(
                HistoryScripts.remove, keys: [channel.positionKey],
                arguments: [Array(String(position.offset).utf8), Array(position.epoch.utf8)])
        }
        return reply.integer == 1
    }

    /// A frame without its closing empty line would run into the next one on every viewer's stream.
    private func requireFrameEnd(_ frame: [UInt8]) throws(BrokerError) {
        guard frame.suffix(2) == [0x0A, 0x0A] else {
            throw BrokerError(.internal, "a frame must end with an empty line")
        }
    }
}

import RedisNIO
import Wire

/// The one call that publishes: chooses the position by ``PositionRule``, appends to the history, sends to subscribers.
///
/// It runs to its end or changes nothing: the first write is the one that Redis refuses when memory is out or the
/// disk is full, and every later one cannot fail.
struct PublishScript {
    /// Field of a history entry: the payload.
    static let payloadField = "p"
    /// Field of the first entry after a restart: the last offset that survived it.
    static let resumedField = "a"
    /// Field of the first entry after a restart: the highest acknowledged offset, when it did not survive.
    static let lostField = "l"

    let script: RedisScript

    /// - Parameter prelude: Lua that runs first; it may return a position and so publish nothing.
    init(settings: RedisBrokerSettings, prelude: String = "") {
        script = RedisScript(
            (prelude + Self.source)
                .replacing("HISTORY_LENGTH", with: String(max(1, settings.historyLength)))
                .replacing("HISTORY_TTL", with: String(max(1, settings.historyTTLSeconds)))
                .replacing(
                    "POSITION_TTL", with: String(max(1, settings.positionTTLSeconds, settings.historyTTLSeconds))
                )
                .replacing("RESTART_STEP", with: String(PositionRule.restartStep)))
    }

    /// - Parameters:
    ///   - freshEpoch: taken when a new epoch begins.
    ///   - run: names the server process that the call goes to.
    ///   - known: the highest position this publisher has an acknowledgement for.
    ///   - bySource: see `RedisScript.call`.
    func call(
        _ payload: [UInt8], to channel: Channel, freshEpoch: String, run: String, known: Position?,
        bySource: Bool = false
    ) -> RedisCommand {
        var call = script.call(keys: [channel.positionKey, channel.historyKey], bySource: bySource)
        call.append(payload)
        call.append(channel.name)
        call.append(freshEpoch)
        call.append(run)
        call.append(known?.description ?? "")
        return call
    }

    // Numbers are printed with %.0f: Lua's own conversion turns large ones into 1e+15. Constants are strings: a number
    // given to redis.call is printed anew each time, which cost a tenth of the call.
    private static let source = """
        local stored = redis.pcall('GET', KEYS[1])
        local offset, epoch, run
        if type(stored) == 'string' then
          offset, epoch, run = string.match(stored, '^(%d+)%.(%w+)%.?(%w*)$')
        end
        local added, id
        if not offset then
          redis.call('DEL', KEYS[2])
          id, epoch = '1', ARGV[3]
          added = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', 'HISTORY_LENGTH', '1-0', 'p', ARGV[1])
        elseif run == ARGV[4] then
          id = string.format('%.0f', offset + 1)
          added = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', 'HISTORY_LENGTH', id .. '-0', 'p', ARGV[1])
        else
          local base = offset
          local fields = {'p', ARGV[1], 'a', offset}
          local known, knownEpoch = string.match(ARGV[5], '^(%d+)%.(%w+)$')
          if knownEpoch == epoch and tonumber(known) > tonumber(offset) then
            fields[5], fields[6] = 'l', known
            base = known
          end
          id = string.format('%.0f', base + RESTART_STEP)
          added = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', 'HISTORY_LENGTH', id .. '-0', unpack(fields))
        end
        if type(added) == 'table' and added.err then
          if not (string.find(added.err, 'WRONGTYPE', 1, true) or string.find(added.err, 'equal or smaller', 1, true)) then
            return added
          end
          redis.call('DEL', KEYS[2])
          id, epoch = '1', ARGV[3]
          redis.call('XADD', KEYS[2], '1-0', 'p', ARGV[1])
        end
        local position = id .. '.' .. epoch
        redis.call('SET', KEYS[1], position .. '.' .. ARGV[4], 'EX', 'POSITION_TTL')
        redis.call('EXPIRE', KEYS[2], 'HISTORY_TTL')
        redis.call('PUBLISH', ARGV[2], 'id: ' .. position .. '\\n' .. ARGV[1])
        return position
        """
}

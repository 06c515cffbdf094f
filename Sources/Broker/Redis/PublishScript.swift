import RedisNIO
import Wire

/// The one call that publishes: chooses the position by ``PositionRule``, appends to the history, sends to subscribers.
///
/// It runs to its end or changes nothing: the first write is the one that Redis refuses when memory is out or the
/// disk is full, and every later one cannot fail.
enum PublishScript {
    /// Field of a history entry: the payload.
    static let payloadField = "p"
    /// Field of the first entry after a restart: the last offset that survived it.
    static let resumedField = "a"
    /// Field of the first entry after a restart: the highest acknowledged offset, when it did not survive.
    static let lostField = "l"

    /// `KEYS`: position and history. `ARGV`: payload, name of the channel, the epoch to take when a new one begins, the
    /// run of the server process, the highest position the publisher has an acknowledgement for (or nothing).
    ///
    /// - Parameter prelude: Lua that runs first; it may return a position and so publish nothing.
    static func make(_ settings: RedisBrokerSettings, prelude: String = "") -> RedisScript {
        RedisScript(
            (prelude + source)
                .replacing("HISTORY_LENGTH", with: String(max(1, settings.historyLength)))
                .replacing("HISTORY_TTL", with: String(max(1, settings.historyTTLSeconds)))
                .replacing(
                    "POSITION_TTL", with: String(max(1, settings.positionTTLSeconds, settings.historyTTLSeconds))
                )
                .replacing("RESTART_STEP", with: String(PositionRule.restartStep)))
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

/// The value of a channel's position key: `<offset>.<epoch>.<run>`.
enum StoredPosition {
    /// Characters of the server's run id that are stored: 48 bits tell two processes apart.
    static let runLength = 12

    static func run(of server: RedisConnection.Server) -> String { String(server.runID.prefix(runLength)) }

    /// `nil` for anything that no publisher wrote; the next publish begins a new epoch over it.
    static func position(_ value: RESPValue?) -> Position? {
        guard let text = value?.text else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else { return nil }
        return Position(parsing: parts[0] + "." + parts[1])
    }
}

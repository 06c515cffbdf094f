package import RedisNIO
import Wire

/// The one call that publishes: chooses the position by ``PositionRule``, appends to the history, sends to subscribers.
///
/// It runs to its end or changes nothing: what the user may not do is asked before anything is written, the first write is
/// the one that Redis refuses when memory is out or the disk is full, and every later one cannot fail.
package enum PublishScript {
    /// Field of a history entry: the payload.
    static let payloadField = "p"
    /// Field of the first entry after a change of the history: the last offset that survived.
    static let resumedField = "a"
    /// Field of the first entry after a change of the history: the highest offset that did not survive, or may not have; see
    /// ``PositionRule``.
    static let lostField = "l"

    /// `KEYS`: position; see ``ChannelKeys``. `ARGV`: payload, name of the channel, the epoch to take when a new one begins, the
    /// highest position the publisher has an acknowledgement for (or nothing).
    ///
    /// - Parameters:
    ///   - isSharded: whether channels belong to slots.
    ///   - mayLose: whether another server may have taken over without everything that was acknowledged.
    ///   - prelude: Lua that runs first; it may return something and so publish nothing.
    ///   - epilogue: Lua that runs last; `id` is the event's offset.
    package static func make(
        _ settings: RedisBrokerSettings, isSharded: Bool = false, mayLose: Bool = false, prelude: String = "",
        epilogue: String = ""
    ) -> RedisScript {
        RedisScript(
            (permission + prelude + source + epilogue + "\nreturn position")
                .replacing("PUBLISH", with: isSharded ? "SPUBLISH" : "PUBLISH")
                .replacing("MAY_LOSE", with: String(mayLose))
                .replacing("HISTORY_LENGTH", with: String(max(1, settings.historyLength)))
                .replacing("HISTORY_TTL", with: String(max(1, settings.historyTTLSeconds)))
                .replacing(
                    "POSITION_TTL", with: String(max(1, settings.positionTTLSeconds, settings.historyTTLSeconds))
                )
                // Redis trims the history in whole nodes, of a hundred entries at most.
                .replacing("NAMES_MAX", with: String(max(1, settings.historyLength) + 101))
                .replacing("RESTART_STEP", with: String(PositionRule.restartStep))
                .replacing("CLOCK_START", with: String(PositionRule.clockStart)))
    }

    /// Commands and channels are refused one by one, in the middle of a script. Servers without ACL have no check.
    private static let permission = """
        \(ChannelKeys.declaration)
        local may = redis.acl_check_cmd
        if may and not (may('PUBLISH', ARGV[2], '') and may('GET', position_key) and may('SET', position_key, '')
          and may('XADD', history_key, '*', 'p', '') and may('EXPIRE', history_key, '1') and may('DEL', history_key, names_key)
          and may('ZADD', names_key, '1', '') and may('ZREMRANGEBYRANK', names_key, '0', '0'))
        then
          return redis.error_reply('NOPERM the user may not publish to this channel')
        end

        """

    // INFO takes 3 of the call's 10 microseconds, the check of permissions 1. 48 bits of the history's id tell two histories apart.
    // Numbers are printed with %.0f: Lua's own conversion turns large ones into 1e+15. Constants are strings: a number
    // given to redis.call is printed anew each time, which cost a tenth of the call.
    private static let source = """
        local stored = redis.pcall('GET', position_key)
        local offset, epoch, history
        if type(stored) == 'string' then
          offset, epoch, history = string.match(stored, '^(%d+)%.(%w+)%.?(%w*)$')
        end
        local info = redis.pcall('INFO', 'replication')
        local at = type(info) == 'string' and string.find(info, 'master_replid:', 1, true)
        local present = at and string.sub(info, at + 14, at + 25) or history or ''
        local known, knownEpoch = string.match(ARGV[4], '^(%d+)%.(%w+)$')
        if offset and (knownEpoch ~= epoch or tonumber(known) <= tonumber(offset)) then known = nil end
        local added, id
        if not offset then
          redis.pcall('DEL', history_key)
          redis.pcall('DEL', names_key)
          id, epoch = '1', ARGV[3]
          added = redis.pcall('XADD', history_key, 'MAXLEN', '~', 'HISTORY_LENGTH', '1-0', 'p', ARGV[1])
        elseif history == present and not known then
          id = string.format('%.0f', offset + 1)
          added = redis.pcall('XADD', history_key, 'MAXLEN', '~', 'HISTORY_LENGTH', id .. '-0', 'p', ARGV[1])
        else
          local base = known or offset
          local fields = {'p', ARGV[1], 'a', offset}
          local clock = redis.pcall('TIME')[1] or CLOCK_START
          local steps = math.max(1, clock - CLOCK_START - math.floor(base / RESTART_STEP))
          id = string.format('%.0f', base + 1 + steps * RESTART_STEP)
          if known then
            fields[5], fields[6] = 'l', known
          elseif MAY_LOSE and knownEpoch ~= epoch then
            fields[5], fields[6] = 'l', string.format('%.0f', base + steps * RESTART_STEP)
          end
          added = redis.pcall('XADD', history_key, 'MAXLEN', '~', 'HISTORY_LENGTH', id .. '-0', unpack(fields))
        end
        if type(added) == 'table' and added.err then
          if not (string.find(added.err, 'WRONGTYPE', 1, true) or string.find(added.err, 'equal or smaller', 1, true)) then
            return added
          end
          redis.pcall('DEL', history_key)
          redis.pcall('DEL', names_key)
          id, epoch = '1', ARGV[3]
          redis.call('XADD', history_key, '1-0', 'p', ARGV[1])
        end
        local position = id .. '.' .. epoch
        redis.call('SET', position_key, position .. '.' .. present, 'EX', 'POSITION_TTL')
        redis.call('EXPIRE', history_key, 'HISTORY_TTL')
        redis.call('PUBLISH', ARGV[2], 'id: ' .. position .. '\\n' .. ARGV[1])
        """
}

/// The value of a channel's position key: `<offset>.<epoch>.<replication history>`.
enum StoredPosition {
    /// `nil` for anything that no publisher wrote; the next publish begins a new epoch over it.
    static func position(_ value: RESPValue?) -> Position? {
        guard let text = value?.text else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else { return nil }
        return Position(parsing: parts[0] + "." + parts[1])
    }

    /// The beginning of the replication history's id; `nil` where the publisher did not know it.
    static func history(_ value: RESPValue?) -> Substring? {
        guard let parts = value?.text?.split(separator: "."), parts.count == 3 else { return nil }
        return parts[2]
    }
}

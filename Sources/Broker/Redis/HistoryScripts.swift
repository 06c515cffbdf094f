import RedisNIO
import Wire

/// Lua that looks into a channel's history for an event, by its ``EventKey``.
enum HistoryScripts {
    /// `find(first)` walks from the newest entry to the oldest. `ARGV[first]`, `ARGV[first + 1]` and so on are pairs of
    /// prefix and suffix; it returns offset and payload of the newest entry that fits one of them. `epoch()` is that
    /// of the stored position. A history of the wrong type holds nothing.
    static let functions = """
        \(ChannelKeys.declaration)
        local function epoch()
          local stored = redis.pcall('GET', position_key)
          return type(stored) == 'string' and string.match(stored, '^%d+%.(%w+)') or nil
        end
        local function fits(payload, prefix, suffix)
          return string.sub(payload, 1, #prefix) == prefix
            and (suffix == '' or string.sub(payload, -#suffix) == suffix)
        end
        local function payload(entry)
          local fields = entry[2]
          for field = 1, #fields, 2 do
            if fields[field] == 'p' then return fields[field + 1] end
          end
          return ''
        end
        local function find(first)
          local upper = '+'
          while true do
            local page = redis.pcall('XREVRANGE', history_key, upper, '-', 'COUNT', '100')
            if page.err or #page == 0 then return nil end
            for _, entry in ipairs(page) do
              local text = payload(entry)
              for key = first, #ARGV, 2 do
                if fits(text, ARGV[key], ARGV[key + 1]) then return string.match(entry[1], '^%d+'), text end
              end
            end
            upper = '(' .. page[#page][1]
          end
        end

        """

    /// In front of ``PublishScript``, whose own arguments are the first four: publishes nothing when one of the keys behind
    /// them is found. Then it renews the history's life: `WAIT` behind it waits for what this connection wrote, and from
    /// Redis 7.2 on for nothing when that is nothing, though another connection's event may be on no replica yet.
    static let publishOnce =
        functions + """
            local found = find(5)
            if found and epoch() then
              redis.pcall('EXPIRE', history_key, 'HISTORY_TTL')
              return found .. '.' .. epoch()
            end

            """

    /// In front of ``PublishScript``: answers position and payload of the event that has one of the names behind its own
    /// arguments, and publishes nothing. It renews the history's life as ``publishOnce`` does.
    static let findNamed =
        functions + """
            for name = 5, #ARGV do
              local place = redis.pcall('ZSCORE', names_key, ARGV[name])
              if type(place) == 'string' then
                place = string.format('%.0f', tonumber(place))
                local entry = redis.pcall('XRANGE', history_key, place .. '-0', place .. '-0')[1]
                if entry and epoch() then
                  redis.pcall('EXPIRE', history_key, 'HISTORY_TTL')
                  return {place .. '.' .. epoch(), payload(entry)}
                end
              end
            end

            """

    /// Behind ``PublishScript``: notes the event's name, the first one behind its own arguments. The index keeps a few more
    /// names than the history keeps events.
    static let addName = """

        local named = redis.pcall('ZADD', names_key, id, ARGV[5])
        if type(named) == 'table' and string.find(named.err, 'WRONGTYPE', 1, true) then
          redis.call('DEL', names_key)
          redis.call('ZADD', names_key, id, ARGV[5])
        end
        redis.pcall('ZREMRANGEBYRANK', names_key, '0', '-NAMES_MAX')
        redis.pcall('EXPIRE', names_key, 'HISTORY_TTL')
        """

    static let find = RedisScript(
        functions + """
            local offset, payload = find(1)
            if not offset or not epoch() then return false end
            return {offset .. '.' .. epoch(), payload}
            """)

    /// Values of the wrong type hold nothing to remove.
    static let remove = RedisScript(
        functions + """
            if epoch() ~= ARGV[2] then return 0 end
            local removed = redis.pcall('XDEL', history_key, ARGV[1] .. '-0')
            if type(removed) == 'table' and string.find(removed.err, 'WRONGTYPE', 1, true) then return 0 end
            return removed
            """)
}

/// Lua for the keys of a channel, of which a script declares the position only: while a cluster moves a slot, a call that
/// declares several keys of which one does not exist is refused on both sides.
enum ChannelKeys {
    static let declaration = """
        local position_key = KEYS[1]
        local channel_tag = string.sub(position_key, 9)
        local history_key, names_key = 'history' .. channel_tag, 'names' .. channel_tag
        """
}

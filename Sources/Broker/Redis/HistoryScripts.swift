import RedisNIO
import Wire

/// Lua that looks into a channel's history for an event, by its ``EventKey``.
enum HistoryScripts {
    /// `find(first)` walks from the newest entry to the oldest. `ARGV[first]`, `ARGV[first + 1]` and so on are pairs of
    /// prefix and suffix; it returns offset and payload of the newest entry that fits one of them. `epoch()` is that
    /// of the stored position. A history of the wrong type holds nothing.
    static let functions = """
        local function epoch()
          local stored = redis.pcall('GET', KEYS[1])
          return type(stored) == 'string' and string.match(stored, '^%d+%.(%w+)') or nil
        end
        local function fits(payload, prefix, suffix)
          return string.sub(payload, 1, #prefix) == prefix
            and (suffix == '' or string.sub(payload, -#suffix) == suffix)
        end
        local function find(first)
          local upper = '+'
          while true do
            local page = redis.pcall('XREVRANGE', KEYS[2], upper, '-', 'COUNT', '100')
            if page.err or #page == 0 then return nil end
            for _, entry in ipairs(page) do
              local fields = entry[2]
              for field = 1, #fields, 2 do
                for key = first, fields[field] == 'p' and #ARGV or 0, 2 do
                  if fits(fields[field + 1], ARGV[key], ARGV[key + 1]) then
                    return string.match(entry[1], '^%d+'), fields[field + 1]
                  end
                end
              end
            end
            upper = '(' .. page[#page][1]
          end
        end

        """

    /// In front of ``PublishScript``, whose own arguments are the first four: publishes nothing when one of the keys behind
    /// them is found.
    static let publishOnce =
        functions + """
            local found = find(5)
            if found and epoch() then return found .. '.' .. epoch() end

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
            local removed = redis.pcall('XDEL', KEYS[2], ARGV[1] .. '-0')
            if type(removed) == 'table' and string.find(removed.err, 'WRONGTYPE', 1, true) then return 0 end
            return removed
            """)
}

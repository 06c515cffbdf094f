import RedisNIO

/// The calls that change a partition. Each runs to its end or, when memory is out, changes nothing: the first write is
/// the one that Redis refuses then.
enum PartitionScripts {
    /// Adds and removes members, appends what really changed to the stream, and returns the new sizes.
    ///
    /// Keys: sizes, meta, changes, then the set of each photo. Arguments: whether there is a database, the stream's
    /// limit, a lower bound for the versions, the most changes that can come; then for each photo its id, the number of
    /// likes and of unlikes, and the users. Versions are times that never stand still (a hybrid logical clock): they
    /// go on rising when Redis has lost its data. Numbers are printed with %.0f: Lua's own conversion would write
    /// 1e+15.
    static let apply = RedisScript(
        """
        local sizes, meta, stream = KEYS[1], KEYS[2], KEYS[3]
        local durable, floor = ARGV[1] == '1', tonumber(ARGV[3])
        local held = redis.call('HMGET', meta, 'clock', 'depth')
        local depth = tonumber(held[2] or 0)
        if durable and depth + tonumber(ARGV[4]) > tonumber(ARGV[2]) then return {'full', depth} end
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local tick = math.floor((now - 1735689600000000) / 100)
        local clock = math.max(tonumber(held[1] or 0), floor, now - 1)
        local first, changes, payload, answers, at = clock + 1, 0, {}, {}, 5
        for index = 4, #KEYS do
          local key, photo = KEYS[index], ARGV[at]
          local likes, unlikes = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
          local from = at + 3
          local to = from + likes + unlikes - 1
          at = to + 1
          local known, size, version = redis.call('HGET', sizes, photo), 0, 0
          if known then
            local s, v = string.match(known, '^(%d+):(%d+)')
            size, version = tonumber(s), tonumber(v)
          end
          local members = redis.call('SCARD', key)
          if durable and (not known or members ~= size) then
            answers[#answers + 1] = {known or ''}
          else
            local flags = redis.call('SMISMEMBER', key, unpack(ARGV, from, to))
            local added, removed = {}, {}
            for i = 1, likes do
              if flags[i] == 0 then added[#added + 1] = ARGV[from + i - 1] end
            end
            for i = likes + 1, likes + unlikes do
              if flags[i] == 1 then removed[#removed + 1] = ARGV[from + i - 1] end
            end
            size = members
            if #added + #removed > 0 then
              payload[#payload + 1] = '=' .. photo
              if #added > 0 then
                redis.call('SADD', key, unpack(added))
                payload[#payload + 1] = '+'
                payload[#payload + 1] = table.concat(added, '\\n')
              end
              if #removed > 0 then
                redis.call('SREM', key, unpack(removed))
                payload[#payload + 1] = '/'
                payload[#payload + 1] = table.concat(removed, '\\n')
              end
              changes = changes + #added + #removed
              size = redis.call('SCARD', key)
              version = math.max(version + 1, tick)
              redis.call('HSET', sizes, photo, string.format('%.0f:%.0f', size, version))
            end
            answers[#answers + 1] = {table.concat(flags), size, version}
          end
        end
        if changes > 0 then
          if durable then
            redis.call('XADD', stream, '*', 'n', changes, 'v', string.format('%.0f', first),
              't', string.format('%.0f', now), 'c', table.concat(payload, '\\n'))
            depth = depth + changes
          end
          redis.call('HSET', meta, 'clock', string.format('%.0f', clock + changes), 'depth', depth)
        end
        return {'ok', first, now, answers}
        """)

    /// Takes entries out of the stream that the database has, or that are dead letters. Keys: changes, meta. Arguments:
    /// the group, then pairs of entry and number of changes. Whoever removes an entry counts it, so that two workers
    /// with the same entry count it once.
    static let ack = RedisScript(
        """
        local gone = 0
        for index = 2, #ARGV, 2 do
          redis.call('XACK', KEYS[1], ARGV[1], ARGV[index])
          if redis.call('XDEL', KEYS[1], ARGV[index]) == 1 then gone = gone + tonumber(ARGV[index + 1]) end
        end
        local depth = math.max(0, tonumber(redis.call('HGET', KEYS[2], 'depth') or 0) - gone)
        if redis.call('XLEN', KEYS[1]) == 0 then depth = 0 end
        redis.call('HSET', KEYS[2], 'depth', depth)
        return depth
        """)

    /// Notes sizes of partitions that this Redis has never seen. Key: sizes. Arguments: pairs of photo and size. What is
    /// known already stays.
    static let seedSize = RedisScript(
        """
        local time = redis.call('TIME')
        local tick = string.format('%.0f', math.floor((time[1] * 1000000 + time[2] - 1735689600000000) / 100))
        for index = 1, #ARGV, 2 do
          local mark = ARGV[index + 1] == '0' and '' or 'c'
          redis.call('HSETNX', KEYS[1], ARGV[index], ARGV[index + 1] .. ':' .. tick .. mark)
        end
        return 'OK'
        """)

    /// Puts the loaded set into its place. Keys: lock, the set being loaded, members, sizes, meta. Arguments: token,
    /// what was known when the load began, photo, the database's newest version, the number of members that were
    /// loaded. Refused when the lock is lost, when somebody else's load came first, or when the set is not exactly what
    /// was loaded: evicted, or mixed with the pages of a process that had lost the lock.
    static let swapIn = RedisScript(
        """
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
        redis.call('DEL', KEYS[1])
        local known = redis.call('HGET', KEYS[4], ARGV[3]) or ''
        local loaded = known ~= ARGV[2] and known ~= '' and not string.find(known, 'c$')
        if loaded or redis.call('SCARD', KEYS[2]) ~= tonumber(ARGV[5]) then
          redis.call('UNLINK', KEYS[2])
          return 0
        end
        redis.call('UNLINK', KEYS[3])
        if redis.call('EXISTS', KEYS[2]) == 1 then
          redis.call('RENAME', KEYS[2], KEYS[3])
          redis.call('PERSIST', KEYS[3])
        end
        local time = redis.call('TIME')
        local tick = math.floor((time[1] * 1000000 + time[2] - 1735689600000000) / 100)
        local version = math.max(tonumber(string.match(known, ':(%d+)') or 0) + 1, tick)
        redis.call('HSET', KEYS[4], ARGV[3], string.format('%.0f:%.0f', redis.call('SCARD', KEYS[3]), version))
        local clock = math.max(tonumber(redis.call('HGET', KEYS[5], 'clock') or 0), tonumber(ARGV[4]))
        redis.call('HSET', KEYS[5], 'clock', string.format('%.0f', clock))
        return 1
        """)

    /// Whether users are members now, with versions of now: what the database should have. Keys: members, meta.
    /// Arguments: users.
    static let readMembership = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local clock = math.max(tonumber(redis.call('HGET', KEYS[2], 'clock') or 0), now - 1)
        redis.call('HSET', KEYS[2], 'clock', string.format('%.0f', clock + #ARGV))
        return {clock + 1, now, table.concat(redis.call('SMISMEMBER', KEYS[1], unpack(ARGV)))}
        """)
}

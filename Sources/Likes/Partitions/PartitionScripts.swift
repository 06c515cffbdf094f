import RedisNIO

/// The calls that change a partition. Each runs to its end or, when memory is out, changes nothing: the first write is
/// the one that Redis refuses then.
///
/// Numbers are printed with %.0f: Lua's own conversion would write 1e+15. Whatever is compared with Redis's clock must
/// also hold when that steps back: versions never fall below those that were given out.
enum PartitionScripts {
    /// Functions that the scripts below share: Redis's replication history (`-` where `INFO` is refused), the epoch of a
    /// partition (see ``PartitionEpoch``) and its end, a size's parts, and a version for a time.
    private static let shared = """
        local function history()
          local info = redis.pcall('INFO', 'replication')
          return type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or '-'
        end
        local function epoch(sizes)
          local text = redis.call('HGET', sizes, '=') or ''
          local history, generation = string.match(text, '^([^:]*):(%d+):')
          return text, history, tonumber(generation or 0)
        end
        local function doubt(sizes, text)
          redis.call('HSET', sizes, '=', '!' .. (string.match(text, ':.*$') or ':0:0'))
        end
        local function suffix(generation)
          return generation == 0 and '' or string.format(':%.0f', generation)
        end
        local function state(field)
          if not field then return 0, 0, '', false end
          local size, version, mark, tail = string.match(field, '^(%d+):(%d+)(c?)(:?%d*)$')
          return tonumber(size or 0), tonumber(version or 0), mark, tail
        end
        local function now()
          local time = redis.call('TIME')
          return time[1] * 1000000 + time[2]
        end
        local function clock(meta) return tonumber(redis.call('HGET', meta, 'clock') or 0) end
        local function tick(time) return math.max(0, math.floor((time - 1735689600000000) / 100)) end

        """

    /// Adds and removes members, appends what really changed to the stream, and returns the new sizes.
    ///
    /// Keys: sizes, meta, changes, then the set of each photo. Arguments: whether there is a database, the stream's
    /// limit, the newest version that the caller has seen, the most changes that can come; then for each photo its id, the
    /// number of likes and of unlikes, and the users. Versions are times that never stand still (a hybrid logical clock):
    /// they go on rising when Redis has lost its data. With a database nothing is done when the partition has to be
    /// verified first: another history, or a clock behind what the caller has seen.
    static let apply = RedisScript(
        shared + """
            local sizes, meta, stream = KEYS[1], KEYS[2], KEYS[3]
            local durable, floor = ARGV[1] == '1', tonumber(ARGV[3])
            local held = redis.call('HMGET', meta, 'clock', 'depth')
            local depth, known_clock = tonumber(held[2] or 0), tonumber(held[1] or 0)
            local text, own, generation = epoch(sizes)
            local current = history()
            if durable then
              if own ~= current then return {'unverified'} end
              if known_clock < floor then
                doubt(sizes, text)
                return {'unverified'}
              end
              if depth + tonumber(ARGV[4]) > tonumber(ARGV[2]) then return {'full', depth} end
            end
            local time, tail = now(), suffix(generation)
            local clock = math.max(known_clock, floor, time - 1)
            local tick = tick(clock + 1)
            local first, changes, payload, answers, at = clock + 1, 0, {}, {}, 5
            for index = 4, #KEYS do
              local key, photo = KEYS[index], ARGV[at]
              local likes, unlikes = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
              local from = at + 3
              local to = from + likes + unlikes - 1
              at = to + 1
              local known = redis.call('HGET', sizes, photo)
              local size, version, mark, field_tail = state(known)
              local members = redis.call('SCARD', key)
              if durable and (field_tail ~= tail or members ~= size or mark ~= '') then
                answers[#answers + 1] = {''}
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
                  redis.call('HSET', sizes, photo, string.format('%.0f:%.0f', size, version) .. tail)
                end
                answers[#answers + 1] = {table.concat(flags), size, version}
              end
            end
            if changes > 0 then
              if durable then
                redis.call('XADD', stream, '*', 'f', 1, 'n', changes, 'v', string.format('%.0f', first),
                  't', string.format('%.0f', time), 'c', table.concat(payload, '\\n'))
                depth = depth + changes
              elseif own ~= current then
                text = string.format('%s:%.0f:%.0f', current, generation, tick)
                redis.call('HSET', sizes, '=', text)
              end
              known_clock = clock + changes
              redis.call('HSET', meta, 'clock', string.format('%.0f', known_clock), 'depth', depth)
            end
            return {'ok', first, time, answers, known_clock, current .. ' ' .. text}
            """)

    /// Keeps what could not be read or stored. Key: dead letters, which may be on another node than the stream, so that this
    /// comes before an entry is taken out, and again when it is not known whether that was done: what is kept already is
    /// not kept twice. Arguments: the stream, the most dead letters that are kept; then for each the id of its entry, the
    /// reason, the number of its fields, and the fields. Refused when they would be more.
    static let keep = RedisScript(
        """
        local known, new, at = {}, {}, 3
        for _, letter in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', '1000')) do
          local fields = letter[2]
          if fields[4] then known[fields[2] .. ' ' .. fields[4]] = true end
        end
        while at <= #ARGV do
          local fields = 2 * tonumber(ARGV[at + 2])
          if not known[ARGV[1] .. ' ' .. ARGV[at]] then new[#new + 1] = {at, fields} end
          at = at + 3 + fields
        end
        if redis.call('XLEN', KEYS[1]) + #new > tonumber(ARGV[2]) then return 0 end
        for _, letter in ipairs(new) do
          local at, fields = letter[1], letter[2]
          redis.call('XADD', KEYS[1], '*', 'stream', ARGV[1], 'id', ARGV[at], 'reason', ARGV[at + 1],
            unpack(ARGV, at + 3, at + 2 + fields))
        end
        return 1
        """)

    /// Takes entries out of the stream that the database has.
    ///
    /// Keys: changes, meta, sizes. Arguments: the group, the epoch when the entries were read; then for each entry its id and
    /// its number of changes. Whoever removes an entry counts it, so that two workers with the same entry count it once. Entries that have gone together with the data that they
    /// were part of are in the database and perhaps not in what Redis has now: the partition has to be verified.
    static let ack = RedisScript(
        shared + """
            local gone, missing = 0, false
            for index = 3, #ARGV, 2 do
              redis.call('XACK', KEYS[1], ARGV[1], ARGV[index])
              if redis.call('XDEL', KEYS[1], ARGV[index]) == 1 then
                gone = gone + tonumber(ARGV[index + 1])
              else
                missing = true
              end
            end
            local depth = math.max(0, tonumber(redis.call('HGET', KEYS[2], 'depth') or 0) - gone)
            if redis.call('XLEN', KEYS[1]) == 0 then depth = 0 end
            redis.call('HSET', KEYS[2], 'depth', depth)
            local text = epoch(KEYS[3])
            if missing and text ~= '' and text ~= ARGV[2] then
              doubt(KEYS[3], text)
            end
            return 1
            """)

    /// Notes that a partition is older than the database. Key: sizes. Argument: the epoch in which that was seen.
    static let markOlder = RedisScript(
        shared + """
            local text = epoch(KEYS[1])
            if text ~= ARGV[1] or text == '' then return 0 end
            doubt(KEYS[1], text)
            return 1
            """)

    /// Begins an epoch: the partition has been held against the database, in Redis's present history. Keys: sizes, meta.
    /// Arguments: the epoch in which that was done (empty for none), the newest version that the database or anybody else
    /// has seen, whether what Redis holds is older. Refused when another epoch has begun meanwhile.
    static let begin = RedisScript(
        shared + """
            local text, _, generation = epoch(KEYS[1])
            if text ~= ARGV[1] then return 0 end
            if ARGV[3] == '1' and redis.call('HLEN', KEYS[1]) > 0 then generation = generation + 1 end
            local clock = math.max(clock(KEYS[2]), tonumber(ARGV[2]))
            local since = tick(math.max(clock, now()))
            redis.call('HSET', KEYS[1], '=', string.format('%s:%.0f:%.0f', history(), generation, since))
            redis.call('HSET', KEYS[2], 'clock', string.format('%.0f', clock))
            return 1
            """)

    /// Notes sizes of partitions that this Redis has never seen. Keys: sizes, meta. Arguments: the epoch in which they
    /// were asked for, then pairs of photo and size. What is known already stays.
    static let seedSize = RedisScript(
        shared + """
            local text, _, generation = epoch(KEYS[1])
            if text ~= ARGV[1] then return 0 end
            local tail, tick = suffix(generation), tick(math.max(now(), clock(KEYS[2])))
            for index = 2, #ARGV, 2 do
              local _, version, _, field_tail = state(redis.call('HGET', KEYS[1], ARGV[index]))
              if field_tail ~= tail then
                local mark = ARGV[index + 1] == '0' and '' or 'c'
                version = math.max(version + 1, tick)
                redis.call('HSET', KEYS[1], ARGV[index], string.format('%s:%.0f%s', ARGV[index + 1], version, mark) .. tail)
              end
            end
            return 1
            """)

    /// Takes a key for some time, for one of many who want it. Key: the key. Arguments: the value, milliseconds.
    ///
    /// A time to live that is longer than any that is given means that Redis's clock has stepped back since: as if the
    /// time were over.
    static let take = RedisScript(
        """
        local left = redis.call('PTTL', KEYS[1])
        if left >= 0 and left <= tonumber(ARGV[2]) then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return 1
        """)

    /// Puts the loaded set into its place. Keys: lock, the set being loaded, members, sizes, meta. Arguments: token,
    /// what was known when the load began, photo, the database's newest version, the number of members that were
    /// loaded, the epoch. Refused when the lock is lost, when somebody else's load came first, in another epoch, or when
    /// the set is not exactly what was loaded: evicted, or mixed with the pages of a process that had lost the lock.
    static let swapIn = RedisScript(
        shared + """
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            redis.call('DEL', KEYS[1])
            local text, own, generation = epoch(KEYS[4])
            local known = redis.call('HGET', KEYS[4], ARGV[3]) or ''
            local _, version, mark, tail = state(known ~= '' and known)
            local loaded = known ~= ARGV[2] and tail == suffix(generation) and mark == ''
            if loaded or text ~= ARGV[6] or own ~= history() or redis.call('SCARD', KEYS[2]) ~= tonumber(ARGV[5]) then
              redis.call('UNLINK', KEYS[2])
              return 0
            end
            redis.call('UNLINK', KEYS[3])
            if redis.call('EXISTS', KEYS[2]) == 1 then
              redis.call('RENAME', KEYS[2], KEYS[3])
              redis.call('PERSIST', KEYS[3])
            end
            local clock = math.max(clock(KEYS[5]), tonumber(ARGV[4]))
            version = math.max(version + 1, tick(math.max(now(), clock)))
            redis.call('HSET', KEYS[4], ARGV[3],
              string.format('%.0f:%.0f', redis.call('SCARD', KEYS[3]), version) .. suffix(generation))
            redis.call('HSET', KEYS[5], 'clock', string.format('%.0f', clock))
            return 1
            """)

    /// Whether users are members now, with versions of now: what the database should have. Keys: members, meta.
    /// Arguments: users.
    static let readMembership = RedisScript(
        shared + """
            local now = now()
            local clock = math.max(clock(KEYS[2]), now - 1)
            redis.call('HSET', KEYS[2], 'clock', string.format('%.0f', clock + #ARGV))
            return {clock + 1, now, table.concat(redis.call('SMISMEMBER', KEYS[1], unpack(ARGV)))}
            """)

    /// Puts a dead letter back into the stream that it came from. Keys: changes, meta, sizes, and one that says for an hour
    /// that it was put back: whoever does it takes it from the dead letters afterwards, perhaps on another node. Arguments:
    /// the number of its changes, its fields. Nothing is done when it has been put back already. The partition is
    /// verified and read anew afterwards: whether the change still counts is for the database to say.
    static let replay = RedisScript(
        shared + """
            if not redis.call('SET', KEYS[4], '1', 'NX', 'EX', '3600') then return 0 end
            redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
            redis.call('HINCRBY', KEYS[2], 'depth', ARGV[1])
            local text = epoch(KEYS[3])
            if text ~= '' then doubt(KEYS[3], text) end
            return 1
            """)
}

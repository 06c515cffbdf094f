import RedisNIO
import Wire

/// What Redis keeps of viewers. Pure.
///
/// `viewers:readers` is a hash of the Readers that count, by session, with a deadline by the clock of Redis. `viewers:{video}`
/// is a hash of what each of them counted; a field whose Reader is not alive does not count, and goes when somebody sees
/// it. The field without a name is the sum that was announced last, and when.
enum ViewerCountScript {
    static let readersKey = "viewers:readers"

    static func key(of video: String) -> String { "viewers:{video:\(video)}" }

    /// Renews the own deadline, stores counts, and announces sums that changed, each video at most once in a while.
    ///
    /// `KEYS`: the Readers, then a key for each video. `ARGV`: the own session, its lifetime (0 takes it away) and the
    /// shortest time between two announcements in milliseconds, then for each video its id, the name of its channel in
    /// Redis, the count, and whether to announce in any case. Answers whether Redis knew the session, the sessions that
    /// are alive, and the numbers of the videos whose announcement has to wait.
    static let update = RedisScript(
        live + """
            local known = live[ARGV[1]] and 1 or 0
            if ARGV[2] == '0' then
              redis.call('HDEL', KEYS[1], ARGV[1])
              live[ARGV[1]] = nil
            else
              redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now + ARGV[2]))
              redis.call('PEXPIRE', KEYS[1], '86400000')
              live[ARGV[1]] = true
            end
            local sessions, later = {}, {}
            for session in pairs(live) do sessions[#sessions + 1] = session end
            for video = 1, #KEYS - 1 do
              local key, at = KEYS[video + 1], 4 * video
              if ARGV[at + 2] == '0' then
                redis.call('HDEL', key, ARGV[1])
              else
                redis.call('HSET', key, ARGV[1], ARGV[at + 2])
              end
              local total, announced = sum(key)
              local last, when = string.match(announced, '^(%d+) (%d+)$')
              if total == 0 then
                redis.call('DEL', key)
              else
                redis.call('PEXPIRE', key, '3600000')
                if tonumber(last) ~= total or ARGV[at + 3] == '1' then
                  when = tonumber(when)
                  if when and now >= when and now - when < tonumber(ARGV[3]) then
                    later[#later + 1] = video
                  else
                    redis.call('HSET', key, '', string.format('%.0f %.0f', total, now))
                    redis.call('PUBLISH', ARGV[at + 1],
                      'event: viewers\\ndata: {"videoid":"' .. ARGV[at] .. '","viewers":' .. total .. '}\\n\\n')
                  end
                end
              end
            end
            return {known, sessions, later}
            """)

    /// The sum of one video. `KEYS`: the Readers, the video.
    static let read = RedisScript(live + "return (sum(KEYS[2]))")

    // Deadlines far ahead: the server's clock was set back, or another program wrote them.
    private static let live = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local live = {}
        local entries = redis.call('HGETALL', KEYS[1])
        for index = 1, #entries, 2 do
          local deadline = tonumber(entries[index + 1])
          if deadline and deadline > now and deadline < now + 3600000 then
            live[entries[index]] = true
          else
            redis.call('HDEL', KEYS[1], entries[index])
          end
        end
        local function sum(key)
          local total, announced = 0, ''
          local fields = redis.call('HGETALL', key)
          for index = 1, #fields, 2 do
            if fields[index] == '' then
              announced = fields[index + 1]
            elseif live[fields[index]] then
              total = total + (tonumber(fields[index + 1]) or 0)
            else
              redis.call('HDEL', key, fields[index])
            end
          end
          return total, announced
        end

        """

    /// The commands of both, as an ACL knows them.
    static func needs(_ channels: [String]) -> [[String]] {
        let key = key(of: "v")
        return [
            ["TIME"], ["HGETALL", readersKey], ["HSET", readersKey, "s", ""], ["HDEL", readersKey, "s"],
            ["PEXPIRE", readersKey, "1"], ["HGETALL", key], ["HSET", key, "s", ""], ["HDEL", key, "s"],
            ["PEXPIRE", key, "1"], ["DEL", key],
        ] + channels.map { ["PUBLISH", $0, ""] }
    }
}

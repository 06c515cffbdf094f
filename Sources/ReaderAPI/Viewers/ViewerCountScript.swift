import RedisNIO
import Wire

/// What Redis keeps of viewers. Pure.
///
/// `viewers:readers` is a hash of the Readers that count, by session, with a deadline by the clock of Redis; each master
/// of a cluster has its own, `viewers:readers:<number>`. `viewers:{video}` is a hash of what each of them counted; a field
/// whose Reader is not alive does not count, and goes when somebody sees it. The field without a name is the sum that was
/// announced last, and when.
enum ViewerCountScript {
    static let readersKey = "viewers:readers"

    static func key(of video: String) -> String { "viewers:{video:\(video)}" }

    /// Renews the own deadline, stores counts, and announces sums that changed, each video at most once in a while.
    ///
    /// All keys are of one server, and perhaps of several slots. `KEYS`: the Readers. `ARGV`: the same, the own session,
    /// its lifetime (0 takes it away) and the shortest time between two announcements in milliseconds, then for each video
    /// its id, the name of its channel in Redis, the count, and whether to announce in any case. Answers whether Redis knew
    /// the session, the sessions that are alive, and the numbers of the videos whose announcement has to wait.
    static let update = makeUpdate("PUBLISH")
    static let shardedUpdate = makeUpdate("SPUBLISH")

    private static func makeUpdate(_ publish: String) -> RedisScript {
        RedisScript(
            live + """
                local own, gap = ARGV[2], tonumber(ARGV[4])
                local known = live[own] and 1 or 0
                if ARGV[3] == '0' then
                  redis.call('HDEL', readers, own)
                  live[own] = nil
                else
                  redis.call('HSET', readers, own, string.format('%.0f', now + ARGV[3]))
                  redis.call('PEXPIRE', readers, '86400000')
                  live[own] = true
                end
                local sessions, later = {}, {}
                for session in pairs(live) do sessions[#sessions + 1] = session end
                for at = 5, #ARGV, 4 do
                  local key = 'viewers:{video:' .. ARGV[at] .. '}'
                  if ARGV[at + 2] == '0' then
                    redis.call('HDEL', key, own)
                  else
                    redis.call('HSET', key, own, ARGV[at + 2])
                  end
                  local total, announced = sum(key)
                  local last, when = string.match(announced, '^(%d+) (%d+)$')
                  if total == 0 then
                    redis.call('DEL', key)
                  else
                    redis.call('PEXPIRE', key, '3600000')
                    if tonumber(last) ~= total or ARGV[at + 3] == '1' then
                      when = tonumber(when)
                      if when and now >= when and now - when < gap then
                        later[#later + 1] = (at - 1) / 4
                      else
                        redis.call('HSET', key, '', string.format('%.0f %.0f', total, now))
                        redis.call('\(publish)', ARGV[at + 1],
                          'event: viewers\\ndata: {"videoid":"' .. ARGV[at] .. '","viewers":' .. total .. '}\\n\\n')
                      end
                    end
                  end
                end
                return {known, sessions, later}
                """)
    }

    /// The sum of one video. `KEYS`: the video. `ARGV`: the Readers.
    static let read = RedisScript(live + "return (sum(KEYS[1]))")

    // Deadlines far ahead: the server's clock was set back, or another program wrote them.
    private static let live = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local live, readers = {}, ARGV[1]
        local entries = redis.call('HGETALL', readers)
        for index = 1, #entries, 2 do
          local deadline = tonumber(entries[index + 1])
          if deadline and deadline > now and deadline < now + 3600000 then
            live[entries[index]] = true
          else
            redis.call('HDEL', readers, entries[index])
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

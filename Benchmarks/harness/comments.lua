-- wrk: POST /comment, to one of CHANNELS videos in turn; the last line of output is JSON.
local channels = tonumber(os.getenv("CHANNELS") or "100")
local text = string.rep("x", tonumber(os.getenv("COMMENT_BYTES") or "30"))
-- Mean pause between an answer and the next request of its connection; 0: none. Random, so that requests come as from
-- many people who know nothing of each other.
local pause = tonumber(os.getenv("PAUSE_MS") or "0")
local requests = {}
local at = 0

function init()
   local headers = { ["Content-Type"] = "application/json" }
   for channel = 1, channels do
      local body = string.format('{"userid":"user1","videoid":"v%d","comment":"%s"}', channel, text)
      requests[channel] = wrk.format("POST", nil, headers, body)
   end
end

function request()
   at = at % channels + 1
   return requests[at]
end

if pause > 0 then
   function delay()
      return math.floor(-math.log(1 - math.random()) * pause + 0.5)
   end
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"max":%f,"errors":%d}\n',
      summary.requests - errors.status, summary.duration / 1e6, latency:percentile(50) / 1e3,
      latency:percentile(99) / 1e3, latency.max / 1e3,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

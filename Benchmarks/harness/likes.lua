-- wrk: POST /v1/likes, distinct users on one photo; the last line of output is JSON. Each thread has users of its own.
local photo = os.getenv("PHOTO") or "hot"
local threads = 0
local user = 0
local name = ""
local head = ""

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

function init()
   -- By hand: wrk.format takes as long as the server does.
   head = "POST /v1/likes HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
      "\r\nContent-Type: application/json\r\nContent-Length: "
   name = "t" .. number .. "-" .. (os.getenv("RUN") or "1") .. "-"
end

function request()
   user = user + 1
   local body = '{"user_id":"' .. name .. user .. '","post_id":"' .. photo .. '"}'
   return head .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"max":%f,"errors":%d}\n',
      summary.requests - errors.status, summary.duration / 1e6, latency:percentile(50) / 1e3,
      latency:percentile(99) / 1e3, latency.max / 1e3,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

-- wrk: POST /v1/likes/counts for 200 photos of PHOTOS, other ones each time; the last line of output is JSON.
local photos = tonumber(os.getenv("PHOTOS") or "1000")
local prefix = os.getenv("PREFIX") or "photo"
local first = 0

function request()
   first = (first + 37) % photos
   local ids = {}
   for index = 0, 199 do ids[index + 1] = '"' .. prefix .. ((first + index) % photos + 1) .. '"' end
   local body = '{"post_ids":[' .. table.concat(ids, ",") .. ']}'
   return wrk.format("POST", "/v1/likes/counts", { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"max":%f,"errors":%d}\n',
      summary.requests - errors.status, summary.duration / 1e6, latency:percentile(50) / 1e3,
      latency:percentile(99) / 1e3, latency.max / 1e3,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

-- For wrk: the headers that Chromium sends when a page calls fetch() with a JSON body, and the summary as JSON. Chorus and
-- its peers get the same bytes. The page's origin is another port of the same host, so every request carries `Origin`;
-- the preflight that a browser makes once a day for each path is left out.
local browser = {}
local between, last

-- Of TOKENS, a file with a line for each: the first is user1's.
local tokens = {}
if os.getenv("TOKENS") then
   for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = "\r\nAuthorization: Bearer " .. line end
end

-- The request's text, with the token of the user of this number. Made by hand: wrk.format takes as long as the server does.
function browser.request(method, path, body, user)
   if not between then
      local page = "http://" .. wrk.host .. ":8080"
      between = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
         "\r\nConnection: keep-alive\r\nContent-Length: "
      last = table.concat({
         "",
         'sec-ch-ua-platform: "Linux"',
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
         'sec-ch-ua: "Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24"',
         "Content-Type: application/json; charset=utf-8",
         "sec-ch-ua-mobile: ?0",
         "Accept: */*",
         "Origin: " .. page,
         "Sec-Fetch-Site: same-site",
         "Sec-Fetch-Mode: cors",
         "Sec-Fetch-Dest: empty",
         "Referer: " .. page .. "/",
         "Accept-Encoding: gzip, deflate, br, zstd",
         "Accept-Language: en-US,en;q=0.9,de;q=0.8",
         "", "",
      }, "\r\n")
   end
   return method .. " " .. path .. between .. #body .. (tokens[user] or "") .. last .. body
end

-- wrk's own counters as one line of JSON, the last one of the output. `requests` are those that were answered below 400.
-- Latencies are of wrk's histogram, in milliseconds.
function browser.done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"max":%f,"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
      summary.requests - errors.status, summary.duration / 1e6, latency:percentile(50) / 1e3,
      latency:percentile(99) / 1e3, latency.max / 1e3,
      errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end

return browser

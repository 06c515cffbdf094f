-- wrk: POST /comment, to one of CHANNELS videos at random, by one of 10,000 users.
local browser = require("browser")
local channels = tonumber(os.getenv("CHANNELS") or "1000")
local texts = require("texts")

function request()
   local user = math.random(10000)
   local body = '{"userid":"user' .. user .. '","videoid":"video' .. math.random(channels) ..
      '","comment":"' .. texts[math.random(#texts)] .. '"}'
   return browser.request("POST", "/comment", body, user)
end

done = browser.done

-- wrk: POST /api/posts/<id>/comments, on one of CHANNELS posts at random, by one of 10,000 users.
local browser = require("browser")
local channels = tonumber(os.getenv("CHANNELS") or "100")
local texts = require("texts")

function request()
   local user = math.random(10000)
   local body = '{"user_id":"user' .. user .. '","content":"' .. texts[math.random(#texts)] .. '"}'
   return browser.request("POST", "/api/posts/post" .. math.random(channels) .. "/comments", body, user)
end

done = browser.done

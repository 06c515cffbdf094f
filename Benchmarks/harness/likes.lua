-- wrk: POST /v1/likes, each by another user, of one of PHOTOS photos at random. RUN keeps the users of two runs apart.
local browser = require("browser")
local photos = tonumber(os.getenv("PHOTOS") or "1")
local name = 'user' .. (os.getenv("RUN") or "1") .. '-'
local user = 0

function request()
   user = user + 1
   local body = '{"user_id":"' .. name .. user .. '","post_id":"photo' .. math.random(photos) .. '"}'
   return browser.request("POST", "/v1/likes", body)
end

done = browser.done

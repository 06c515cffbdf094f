-- wrk: POST /v1/likes, each by another user, of one of PHOTOS photos at random. RUN keeps the users of two runs apart. With USERS
-- it is one of so many users, again and again.
local browser = require("browser")
local photos = tonumber(os.getenv("PHOTOS") or "1")
local name = 'user' .. (os.getenv("RUN") or "1") .. '-'
local user = 0
local users = tonumber(os.getenv("USERS") or "0")

function request()
   user = users > 0 and math.random(users) or user + 1
   local body = '{"user_id":"' .. (users > 0 and "user" or name) .. user .. '","post_id":"photo' .. math.random(photos) .. '"}'
   return browser.request("POST", "/v1/likes", body, user)
end

done = browser.done

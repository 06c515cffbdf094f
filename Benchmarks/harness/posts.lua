-- wrk: POST /api/posts/<id>/comments, on one of CHANNELS posts at random, by one of 10,000 users, with the texts of comments.lua.
local browser = require("browser")
local channels = tonumber(os.getenv("CHANNELS") or "100")
local texts = {
   "First!", "That was amazing, thank you for the stream", "LOL", "who is watching this in 2026?",
   "Grüße aus Köln 👋", "Can you show the second part again? I missed how you did the corner.",
   "She said \\\"never again\\\", and here we are", "🔥🔥🔥",
   "I have been following this channel since the very beginning and it only gets better. The sound is much clearer now.",
}

function request()
   local user = math.random(10000)
   local body = '{"user_id":"user' .. user .. '","content":"' .. texts[math.random(#texts)] .. '"}'
   return browser.request("POST", "/api/posts/post" .. math.random(channels) .. "/comments", body, user)
end

done = browser.done

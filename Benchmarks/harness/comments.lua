-- wrk: POST /comment, to one of CHANNELS videos at random, by one of 10,000 users.
local browser = require("browser")
local channels = tonumber(os.getenv("CHANNELS") or "1000")
local texts = {
   "First!", "That was amazing, thank you for the stream", "LOL", "who is watching this in 2026?",
   "Grüße aus Köln 👋", "Can you show the second part again? I missed how you did the corner.",
   "She said \\\"never again\\\", and here we are", "🔥🔥🔥",
   "I have been following this channel since the very beginning and it only gets better. The sound is much clearer now.",
}

function request()
   local user = math.random(10000)
   local body = '{"userid":"user' .. user .. '","videoid":"video' .. math.random(channels) ..
      '","comment":"' .. texts[math.random(#texts)] .. '"}'
   return browser.request("POST", "/comment", body, user)
end

done = browser.done

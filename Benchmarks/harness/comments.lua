-- wrk: POST /comment, to one of CHANNELS videos at random, by one of 10,000 users.
local browser = require("browser")
local channels = tonumber(os.getenv("CHANNELS") or "1000")
-- Mean pause between an answer and the next request of its connection; 0: none. Random, so that requests come as from
-- many people who know nothing of each other.
local pause = tonumber(os.getenv("PAUSE_MS") or "0")
local texts = {
   "First!", "That was amazing, thank you for the stream", "LOL", "who is watching this in 2026?",
   "Grüße aus Köln 👋", "Can you show the second part again? I missed how you did the corner.",
   "She said \\\"never again\\\", and here we are", "🔥🔥🔥",
   "I have been following this channel since the very beginning and it only gets better. The sound is much clearer now.",
}

function request()
   local body = '{"userid":"user' .. math.random(10000) .. '","videoid":"video' .. math.random(channels) ..
      '","comment":"' .. texts[math.random(#texts)] .. '"}'
   return browser.request("POST", "/comment", body)
end

if pause > 0 then
   function delay()
      return math.floor(-math.log(1 - math.random()) * pause + 0.5)
   end
end

done = browser.done

-- wrk: POST /v1/likes/counts for 200 photos of PHOTOS, other ones each time.
local browser = require("browser")
local photos = tonumber(os.getenv("PHOTOS") or "1000")
local first = 0

function request()
   first = (first + 37) % photos
   local ids = {}
   for index = 0, 199 do ids[index + 1] = '"photo' .. ((first + index) % photos + 1) .. '"' end
   return browser.request("POST", "/v1/likes/counts", '{"post_ids":[' .. table.concat(ids, ",") .. ']}')
end

done = browser.done

-- Reads of /orders/<PREFIX><number> in rotation, with numbers below COUNT. Each thread starts at another number.
package.path = (debug.getinfo(1, "S").source:match("@(.*/)") or "./") .. "?.lua;" .. package.path
require("figures")

function init()
  number = place * 7919
end

function request()
  number = (number + 1) % tonumber(os.getenv("COUNT"))
  return wrk.format("GET", "/orders/" .. os.getenv("PREFIX") .. number)
end

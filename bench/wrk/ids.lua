-- Requests orders by turns: /orders/<PREFIX><number> for numbers below COUNT, from a place of its own in each thread.
local prefix = os.getenv("PREFIX") or "bench-"
local count = tonumber(os.getenv("COUNT") or "1000")
local threads = 0

function setup(thread)
  thread:set("first", threads * 7919)
  threads = threads + 1
end

function init()
  number = first
end

function request()
  number = (number + 1) % count
  return wrk.format("GET", "/orders/" .. prefix .. number)
end

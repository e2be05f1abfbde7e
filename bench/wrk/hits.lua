-- Orders that are there, by turns, from a place of its own in each thread.
package.path = (debug.getinfo(1, "S").source:match("@(.*/)") or "./") .. "?.lua;" .. package.path
require("figures")

local all = {}

function setup(thread)
  thread:set("first", #all * 7919)
  table.insert(all, thread)
end

function init()
  counts()
  number = first
end

function request()
  number = (number + 1) % tonumber(os.getenv("COUNT"))
  return wrk.format("GET", "/orders/" .. os.getenv("PREFIX") .. number)
end

function response(status)
  count(status)
end

function done(summary, latency)
  report(summary, latency, all)
end

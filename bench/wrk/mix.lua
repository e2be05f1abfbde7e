-- Of ten reads: six of existing orders, two of one order with its ETag, two of missing orders.
package.path = (debug.getinfo(1, "S").source:match("@(.*/)") or "./") .. "?.lua;" .. package.path
require("figures")

local etag

function init()
  number = place * 7919
end

function request()
  number = (number + 1) % tonumber(os.getenv("COUNT"))
  local turn = number % 10
  if turn < 2 then
    return wrk.format("GET", "/orders/absent-" .. number)
  elseif turn < 4 and etag then
    return wrk.format("GET", "/orders/" .. os.getenv("PREFIX") .. "7", { ["if-none-match"] = etag })
  elseif turn < 4 then
    return wrk.format("GET", "/orders/" .. os.getenv("PREFIX") .. "7")
  end
  return wrk.format("GET", "/orders/" .. os.getenv("PREFIX") .. number)
end

function response(status, headers, body)
  count(status)
  if status == 200 and not etag and body:find('"' .. os.getenv("PREFIX") .. '7"', 1, true) then
    etag = headers["etag"]
  end
end

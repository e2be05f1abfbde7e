-- Sends the requests of the file TARGETS. A line is a path, names and values of up to three headers, and a body, separated
-- by tabs. Each thread sends its share of the lines.
package.path = (debug.getinfo(1, "S").source:match("@(.*/)") or "./") .. "?.lua;" .. package.path
require("figures")

local requests = {}

function init()
  local line = 0
  for text in io.lines(os.getenv("TARGETS")) do
    if line % tonumber(os.getenv("THREADS")) == place then
      local fields = {}
      for field in (text .. "\t"):gmatch("([^\t]*)\t") do table.insert(fields, field) end
      local headers = {}
      for index = 2, #fields - 1, 2 do headers[fields[index]] = fields[index + 1] end
      table.insert(requests, wrk.format("POST", fields[1], headers, fields[#fields]))
    end
    line = line + 1
  end
  next_request = 0
end

function request()
  -- At the end of the list it starts again; the service recognises the requests by their keys.
  next_request = next_request % #requests + 1
  return requests[next_request]
end

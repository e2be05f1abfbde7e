-- What every script shares: its threads, each with its place among them, and what the attacks read of a run: requests a
-- second, p50, p99 and the longest in milliseconds, and what failed. An order that is not there is answered with 404, which
-- is right; so failures are counted by their status.
local threads = {}

function setup(thread)
  thread:set("place", #threads)
  table.insert(threads, thread)
end

failed = 0

function count(status)
  -- 201 and 409 are decisions: a command that is declined is answered rightly.
  if status ~= 200 and status ~= 201 and status ~= 202 and status ~= 304 and status ~= 404 and status ~= 409 then
    failed = failed + 1
  end
end

response = count

function done(summary, latency)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("failed")
  end
  local rate = summary.requests / (summary.duration / 1e6)
  io.write(string.format("FIGURES %f %f %f %f %d\n", rate, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000, wrong))
end

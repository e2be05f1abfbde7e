-- Shared by all scripts: numbers the threads, and prints the run's requests a second, p50, p99 and maximum in
-- milliseconds, and the number of failures. 404 is the expected answer for a missing order, so failures are counted by
-- status.
local threads = {}

function setup(thread)
  thread:set("place", #threads)
  table.insert(threads, thread)
end

failed = 0

function count(status)
  -- 201 and 409 are decisions; a decline is not a failure.
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

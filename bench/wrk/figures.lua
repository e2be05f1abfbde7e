-- What the attacks read of a run: requests a second, p50, p99 and the longest in milliseconds, and what failed. An order
-- that is not there is answered with 404, which is right; so failures are counted by their status.
function counts()
  failed = 0
end

function count(status)
  if status ~= 200 and status ~= 202 and status ~= 304 and status ~= 404 then
    failed = failed + 1
  end
end

function report(summary, latency, threads)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  for _, thread in ipairs(threads) do
    wrong = wrong + (tonumber(thread:get("failed")) or 0)
  end
  local rate = summary.requests / (summary.duration / 1e6)
  io.write(string.format("FIGURES %f %f %f %f %d\n", rate, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000, wrong))
end

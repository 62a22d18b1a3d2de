-- What wrk sends, and how it reports the outcome: one line of JSON, times in microseconds.
-- Arguments: a method, a body, and cookies, which are sent in turns.

local requests, turn = {}, 0

function init(args)
  for i = 3, #args do
    local headers = {
      ["Host"] = "localhost",
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
      ["X-Forwarded-For"] = "203.0.113.7",
      ["X-Forwarded-Proto"] = "https",
    }
    if args[2] ~= "" then headers["Content-Type"] = "application/json" end
    if args[i] ~= "" then headers["Cookie"] = args[i] end
    requests[#requests + 1] = wrk.format(args[1], nil, headers, args[2] ~= "" and args[2] or nil)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "duration": %d, "p99": %d, "longest": %d, "refused": %d, "lost": %d}\n',
    summary.requests, summary.duration, latency:percentile(99), latency.max, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end

-- What wrk sends, and how it reports the outcome: one line of JSON, times in microseconds.
-- Arguments: a method, how many bodies, the bodies, and cookies. Both are sent in turns, each body
-- from an address of its own.

local requests, turn = {}, 0

function init(args)
  local bodies = tonumber(args[2])
  local cookies = #args - 2 - bodies
  for i = 0, math.max(bodies, cookies) - 1 do
    local body, cookie = args[3 + i % bodies], args[3 + bodies + i % cookies]
    local headers = {
      ["Host"] = "localhost",
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
      ["X-Forwarded-For"] = "203.0.113." .. i % bodies + 1,
      ["X-Forwarded-Proto"] = "https",
    }
    if body ~= "" then headers["Content-Type"] = "application/json" end
    if cookie ~= "" then headers["Cookie"] = cookie end
    requests[#requests + 1] = wrk.format(args[1], nil, headers, body ~= "" and body or nil)
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

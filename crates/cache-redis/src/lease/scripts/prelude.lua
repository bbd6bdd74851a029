-- Shared by all scripts. A lease is live while its hash has `granted`; an ended one keeps `seq`, `outcome` and `entry`
-- for a while, so that a commit whose answer was lost can still be asked about.

-- Milliseconds by the server's clock. No node's clock decides anything here.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Digits only: Lua writes large numbers as 1e+15.
local function digits(number)
  return string.format('%.0f', number)
end

-- Moves the deadline of a live lease to `ttl` milliseconds from now.
local function renew(leases, id, ttl)
  redis.call('ZADD', leases, digits(now() + ttl), id)
end

-- Ends a live lease: what was not sold goes back to the pool. Returns that number.
local function finish(pool, leases, lease, id, keep)
  local held = redis.call('HMGET', lease, 'granted', 'committed')
  local back = held[1] - held[2]
  if back > 0 then
    redis.call('INCRBY', pool, digits(back))
  end
  redis.call('HDEL', lease, 'granted', 'committed', 'request')
  redis.call('PEXPIRE', lease, keep)
  redis.call('ZREM', leases, id)
  return back
end


-- Everything about a stock at one moment. The caller names the leases; if others are live, it has to ask again.
--
-- KEYS: pool, sold, total, limit, leases, then the leases' hashes. ARGV: the leases' ids, in the order of their hashes.
-- Answers: STOCK, total, pool, sold, limit, now, then granted, committed, seq, deadline for each lease; AGAIN; ABSENT.
local total, pool = redis.call('GET', KEYS[3]), redis.call('GET', KEYS[1])
if not total or not pool then
  return {'ABSENT'}
end
local leases = KEYS[5]
if redis.call('ZCARD', leases) ~= #ARGV then
  return {'AGAIN'}
end
local sold, limit = redis.call('GET', KEYS[2]) or '0', redis.call('GET', KEYS[4]) or '0'
local answer = {'STOCK', tonumber(total), tonumber(pool), tonumber(sold), tonumber(limit), now()}
for i, id in ipairs(ARGV) do
  local deadline = redis.call('ZSCORE', leases, id)
  local held = redis.call('HMGET', KEYS[5 + i], 'granted', 'committed', 'seq')
  if not deadline then
    return {'AGAIN'}
  end
  -- A deadline without a live lease is damage: it is shown as a lease of -1.
  answer[#answer + 1] = tonumber(held[1] or '-1')
  answer[#answer + 1] = tonumber(held[2] or '0')
  answer[#answer + 1] = tonumber(held[3] or '0')
  answer[#answer + 1] = tonumber(deadline)
end
return answer

-- Ends those of the leases that are past deadline + grace. A lease that was renewed in the meantime is left alone.
--
-- KEYS: pool, leases, then the leases' hashes. ARGV: grace, keep, then the leases' ids, in the order of their hashes.
-- Answers: the number of leases that were ended, the units back in the pool.
local pool, leases = KEYS[1], KEYS[2]
local before = now() - tonumber(ARGV[1])
local ended, back = 0, 0
for i = 3, #KEYS do
  local id = ARGV[i]
  local deadline = tonumber(redis.call('ZSCORE', leases, id))
  if deadline and deadline < before and redis.call('HEXISTS', KEYS[i], 'granted') == 0 then
    -- A deadline without a lease is damage. It must not keep the others from being ended.
    redis.call('ZREM', leases, id)
  elseif deadline and deadline < before then
    ended = ended + 1
    back = back + finish(pool, leases, KEYS[i], id, ARGV[2])
  end
end
return {ended, back}

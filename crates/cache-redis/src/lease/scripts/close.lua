-- Ends a lease. Done a second time, it changes nothing.
--
-- KEYS: pool, lease, leases. ARGV: id, keep.
-- Answers: CLOSED, units back in the pool; ENDED.
if redis.call('HEXISTS', KEYS[2], 'granted') == 0 then
  return {'ENDED'}
end
return {'CLOSED', finish(KEYS[1], KEYS[3], KEYS[2], ARGV[1], ARGV[2])}

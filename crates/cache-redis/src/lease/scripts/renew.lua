-- Moves the deadline of a live lease.
--
-- KEYS: lease, leases. ARGV: id, ttl.
-- Answers: RENEWED; FENCED.
if redis.call('HEXISTS', KEYS[1], 'granted') == 0 then
  return {'FENCED'}
end
renew(KEYS[2], ARGV[1], tonumber(ARGV[2]))
return {'RENEWED'}

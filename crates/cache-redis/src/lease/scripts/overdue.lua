-- The leases that are past deadline + grace, at most `max` of them.
--
-- KEYS: leases. ARGV: grace, max.
-- Answers: their ids.
local before = digits(now() - tonumber(ARGV[1]))
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. before, 'LIMIT', '0', ARGV[2])

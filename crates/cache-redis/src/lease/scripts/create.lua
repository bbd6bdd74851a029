-- Creates a stock. One that is there is left as it is.
--
-- KEYS: pool, sold, total, limit. ARGV: units, limit (0: none).
-- Answers: CREATED; PRESENT, total, limit.
local total = redis.call('GET', KEYS[3])
if total then
  return {'PRESENT', tonumber(total), tonumber(redis.call('GET', KEYS[4]) or '0')}
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], '0')
redis.call('SET', KEYS[3], ARGV[1])
redis.call('SET', KEYS[4], ARGV[2])
return {'CREATED'}

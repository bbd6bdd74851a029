-- Adds units to the pool, or takes unsold ones out of it. Done a second time under its name, it changes nothing.
--
-- KEYS: pool, total, restocks. ARGV: name, units, the largest total.
-- Answers: DONE | DUP, total; SHORT, pool; FULL, total; ABSENT.
local pool, total = tonumber(redis.call('GET', KEYS[1])), tonumber(redis.call('GET', KEYS[2]))
if not pool or not total then
  return {'ABSENT'}
end
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then
  return {'DUP', total}
end
local units = tonumber(ARGV[2])
if pool + units < 0 then
  return {'SHORT', pool}
end
if total + units > tonumber(ARGV[3]) then
  return {'FULL', total}
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
redis.call('INCRBY', KEYS[1], ARGV[2])
redis.call('INCRBY', KEYS[2], ARGV[2])
return {'DONE', total + units}

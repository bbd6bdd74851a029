-- Creates a lease (request 1) or makes it larger (request 2, 3, ...). A request that was granted before is answered with
-- what the lease holds, so a lost answer is asked for again.
--
-- KEYS: pool, lease, leases. ARGV: id, request, want, div, ttl.
-- Answers: GRANTED | HELD | SOLDOUT, granted, committed; FENCED; ABSENT.
local pool, lease, leases = KEYS[1], KEYS[2], KEYS[3]
local id, request, want = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local div, ttl = tonumber(ARGV[4]), tonumber(ARGV[5])

local held = redis.call('HMGET', lease, 'granted', 'committed', 'request', 'seq')
local granted = tonumber(held[1])
if granted then
  if request <= tonumber(held[3]) then
    renew(leases, id, ttl)
    return {'HELD', granted, tonumber(held[2])}
  end
elseif held[4] or request ~= 1 then
  return {'FENCED'}
end

local left = tonumber(redis.call('GET', pool))
if not left then
  return {'ABSENT'}
end
local grant = math.min(want, math.max(1, math.floor(left / div)), left)
if granted then
  renew(leases, id, ttl)
end
if grant < 1 then
  return {'SOLDOUT', granted or 0, tonumber(held[2]) or 0}
end
redis.call('DECRBY', pool, digits(grant))
if granted then
  redis.call('HINCRBY', lease, 'granted', digits(grant))
  redis.call('HSET', lease, 'request', digits(request))
else
  redis.call('HSET', lease, 'granted', digits(grant), 'committed', '0', 'request', '1', 'seq', '0')
  renew(leases, id, ttl)
end
return {'GRANTED', (granted or 0) + grant, tonumber(held[2]) or 0}

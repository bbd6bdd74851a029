-- Takes an order back: its units go to the pool, and its user may buy them again. Done a second time, it changes nothing.
--
-- KEYS: pool, sold, orders, users, cancelled. ARGV: the entry in `orders`, the order.
-- Answers: DONE | DUP, units; UNKNOWN.
local pool, sold, orders, users, cancelled = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local entry, order = ARGV[1], ARGV[2]
local mark = entry .. '/' .. order
local before = redis.call('HGET', cancelled, mark)
if before then
  return {'DUP', tonumber(before)}
end
local found = redis.call('XRANGE', orders, entry, entry)[1]
if not found or found[2][1] ~= 'lease' then
  return {'UNKNOWN'}
end
-- lease, its id, seq, its number, outcome, its marks, orders, their lines, counted, 0 or 1.
local outcome, batch, at = found[2][6], found[2][8], 0
-- What was sold without a limit is in nobody's count.
local is_counted = found[2][10] ~= '0'
for units, user, name in string.gmatch(batch, '(%d+)\t([^\t\n]*)\t([^\n]*)\n') do
  at = at + 1
  if name == order and string.sub(outcome, at, at) == '+' then
    redis.call('HSET', cancelled, mark, units)
    redis.call('INCRBY', pool, units)
    redis.call('DECRBY', sold, units)
    local count = tonumber(redis.call('HGET', users, user) or '0')
    if is_counted and user ~= '' and count > 0 then
      redis.call('HSET', users, user, digits(math.max(0, count - units)))
    end
    -- Those who read the orders learn of it there.
    redis.call('XADD', orders, '*', 'cancel', entry, 'order', units .. '\t' .. user .. '\t' .. name .. '\n')
    return {'DONE', tonumber(units)}
  end
end
return {'UNKNOWN'}

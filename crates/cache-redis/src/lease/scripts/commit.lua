-- Commits one batch of orders against a lease. Orders of users over the limit are refused and the others committed. The
-- outcome of the last batch is kept: asked again by its sequence number, the script does nothing and answers the same.
--
-- The orders come as one text, and go into the stream as they came: without a limit, their number costs next to nothing.
--
-- KEYS: lease, leases, sold, orders, users, limit. ARGV: id, seq, ttl, the number of orders, their units together, and the
-- orders: a line of units, user and name for each, with tabs between. An empty user has no limit.
-- Answers: DONE | DUP | LATE (the lease was not renewed) | LAST (the lease has ended since), outcome, entry; OLD, last;
-- GAP, last; OVER, granted, committed; FENCED, last (-1: nothing is known).
-- `outcome` has one character for each order: + committed, - refused.
local lease, leases, sold, orders, users, limited = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, seq, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local total, batch = tonumber(ARGV[5]), ARGV[6]

local held = redis.call('HMGET', lease, 'granted', 'committed', 'seq', 'outcome', 'entry')
local granted, committed, last = tonumber(held[1]), tonumber(held[2]), tonumber(held[3])
if last and seq <= last then
  -- A renewal that is refused, as memory is full, must not hide what was done.
  local is_renewed = granted and pcall(renew, leases, id, ttl)
  if seq < last then
    return {'OLD', last}
  end
  return {is_renewed and 'DUP' or granted and 'LATE' or 'LAST', held[4], held[5]}
end
if not granted then
  return {'FENCED', last or -1}
end
if seq ~= last + 1 then
  return {'GAP', last}
end

local outcome, counts = string.rep('+', tonumber(ARGV[4])), {}
local limit = tonumber(redis.call('GET', limited) or '0')
if limit > 0 then
  -- What each user of this batch has bought, read with one command.
  local buyers, amounts, names, bought = {}, {}, {}, {}
  for units, user in string.gmatch(batch, '(%d+)\t([^\t\n]*)\t[^\n]*\n') do
    buyers[#buyers + 1] = user
    amounts[#amounts + 1] = tonumber(units)
    if user ~= '' and not bought[user] then
      bought[user] = 0
      names[#names + 1] = user
    end
  end
  if #names > 0 then
    for i, count in ipairs(redis.call('HMGET', users, unpack(names))) do
      bought[names[i]] = tonumber(count or '0')
    end
  end
  local marks, changed = {}, {}
  total = 0
  for i, user in ipairs(buyers) do
    local count = bought[user]
    if count and count + amounts[i] > limit then
      marks[i] = '-'
    else
      marks[i] = '+'
      total = total + amounts[i]
      if count then
        bought[user] = count + amounts[i]
        changed[user] = true
      end
    end
  end
  outcome = table.concat(marks)
  for user in pairs(changed) do
    counts[#counts + 1] = user
    counts[#counts + 1] = digits(bought[user])
  end
end
if committed + total > granted then
  return {'OVER', granted, committed}
end

-- Only writes from here on: a script that fails halfway is not rolled back.
if #counts > 0 then
  redis.call('HSET', users, unpack(counts))
end
local entry = ''
if total > 0 then
  redis.call('INCRBY', sold, digits(total))
  entry = redis.call('XADD', orders, '*', 'lease', id, 'seq', digits(seq), 'outcome', outcome, 'orders', batch,
    'counted', limit > 0 and '1' or '0')
end
redis.call('HSET', lease, 'committed', digits(committed + total), 'seq', digits(seq), 'outcome', outcome, 'entry', entry)
renew(leases, id, ttl)
return {'DONE', outcome, entry}

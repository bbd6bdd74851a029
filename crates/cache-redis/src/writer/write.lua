#!lua
-- Changes keys, and appends each change to the log, as one atomic step.
--
-- KEYS: the log, the hash of writers, then one key for each change.
-- ARGV: 1 the length of the prefix
--       2 the number of entries that the log keeps, about
--       3 an epoch that the log is known to have had; 0 if none is
--       4 the name of the writer; empty for a call without a sequence number
--       5 the sequence number of this call
--       6 whether the call was sent before and its answer lost: 1 or 0
--       7 for how many milliseconds an idle writer is remembered
--       then operation, value, and time to live in milliseconds (0: for ever) of each change
--
-- The answer: a status, the last sequence number before, and for each change a mark and a text:
--   an id and the new value; '-' and '' if nothing changed; '!' and the reason if the change was refused.
-- After 'REPEATED', only the refused changes are given, each by its number and the reason.
--
-- A script that stops in the middle is not undone. What is known to fail is checked before the first write. In case that
-- something else does, the record of the writer is the first write: a call that is repeated finds that it was begun.

local log, writers = KEYS[1], KEYS[2]
local name, sequence = ARGV[4], tonumber(ARGV[5])

local kind = redis.call('TYPE', log).ok
if kind ~= 'none' and kind ~= 'stream' then
  return redis.error_reply('WRONGTYPE the change log ' .. log .. ' is a ' .. kind .. ', not a stream')
end

-- Scripts may do no more than their user. The keys were checked when the script was called.
local function permitted(name, ...)
  local known, allowed = pcall(redis.acl_check_cmd, name, ...)
  if known and not allowed then
    return redis.error_reply("NOPERM this user may not run the '" .. string.lower(name) .. "' command, which the writer needs")
  end
end

local first_of = {}
for i = 3, #KEYS do
  local operation = ARGV[8 + (i - 3) * 3]
  first_of[operation] = first_of[operation] or KEYS[i]
end
local denied = permitted('XADD', log, '*', 'k', '') or permitted('XINFO', 'STREAM', log)
  or (ARGV[4] ~= '' and permitted('HSET', writers, 'a', ''))
  or ((first_of.set or first_of.new) and permitted('SET', first_of.set or first_of.new, ''))
  or (first_of.add and (permitted('INCRBY', first_of.add, '1') or permitted('GET', first_of.add)
    or permitted('PTTL', first_of.add)))
  or (first_of.del and permitted('DEL', first_of.del))
if denied then return denied end

local function decimal(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- What this writer did last: 'sequence time', ' begun' until the call has ended, and the refused changes of that call.
local before = 0
if name ~= '' then
  local record = redis.call('HGET', writers, name)
  if record then
    before = tonumber(string.match(record, '^%d+'))
    if before == sequence then
      if string.match(record, '^%d+ %d+ begun') then return { 'BEGUN', decimal(before) } end
      local answer = { 'REPEATED', decimal(before) }
      for number, reason in string.gmatch(record, '\n(%d+) ([^\n]*)') do
        answer[#answer + 1] = number
        answer[#answer + 1] = reason
      end
      return answer
    elseif before > sequence then
      return { 'OVERTAKEN', decimal(before) }
    end
  elseif sequence > 1 and ARGV[6] == '1' then
    return { 'FORGOTTEN', '0' }
  elseif sequence == 1 then
    -- A new writer. A few others are looked at, and forgotten if they have been idle for long.
    local some = redis.call('HRANDFIELD', writers, 20, 'WITHVALUES')
    for i = 1, #some, 2 do
      local seen = tonumber(string.match(some[i + 1], '^%d+ (%d+)') or 0)
      if now - seen > tonumber(ARGV[7]) then redis.call('HDEL', writers, some[i]) end
    end
  end
end

local record = decimal(sequence) .. ' ' .. decimal(now)
if name ~= '' then redis.call('HSET', writers, name, record .. ' begun') end

local epoch, number = ARGV[3], '*'
if kind == 'none' then
  -- Ids grow even if the clock went back. The server would begin with 0.
  epoch, number = decimal(math.max(now, tonumber(epoch) + 1)), '1'
end

local function append(key, operation, value, deadline)
  local function add()
    return redis.pcall('XADD', log, 'MAXLEN', '~', ARGV[2], epoch .. '-' .. number,
      'k', string.sub(key, ARGV[1] + 1), 'o', operation, 'v', value, 'e', deadline)
  end
  local id = add()
  if type(id) == 'table' then
    -- An error: the log has a later epoch than the caller knows.
    local info = redis.call('XINFO', 'STREAM', log)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then epoch = string.match(info[i + 1], '^%d+') end
    end
    id = add()
    if type(id) == 'table' then error(id) end
  end
  number = '*'
  return id
end

local answer = { 'DONE', decimal(before) }
local refused = ''
for i = 3, #KEYS do
  local key, first = KEYS[i], 8 + (i - 3) * 3
  local operation, value, life = ARGV[first], ARGV[first + 1], ARGV[first + 2]
  local mark, text = '-', ''
  if operation == 'set' or operation == 'new' then
    local command, deadline = { 'SET', key, value }, '0'
    if operation == 'new' then command[#command + 1] = 'NX' end
    if life ~= '0' then
      command[#command + 1] = 'PX'
      command[#command + 1] = life
      deadline = decimal(now + tonumber(life))
    end
    if redis.call(unpack(command)) then mark = append(key, 's', value, deadline) end
  elseif operation == 'add' then
    local sum = redis.pcall('INCRBY', key, value)
    if type(sum) == 'table' then
      mark, text = '!', sum.err
      refused = refused .. '\n' .. (i - 2) .. ' ' .. text
    else
      -- Numbers of Lua are doubles; the string is exact.
      text = redis.call('GET', key)
      -- 0 in its last moment, negative if it does not expire.
      local left = redis.call('PTTL', key)
      mark = append(key, 's', text, left >= 0 and decimal(now + left) or '0')
    end
  elseif redis.call('DEL', key) == 1 then
    mark = append(key, 'd', '', '0')
  end
  answer[#answer + 1] = mark
  answer[#answer + 1] = text
end

if name ~= '' then
  redis.call('HSET', writers, name, record .. refused)
end
return answer

#!lua flags=allow-oom
-- close: closes a gate that must be rebuilt. Only `swap` opens the way back.
--
-- KEYS  1 terms (hash)   2 buyers (hash)   3 journal (stream)
--       4, 5, 6  the names under which a key of another type is set aside, for 1, 2, 3. If a name is in use, the
--                script adds :2, :3 ... up to :100, and so never replaces what an earlier close set aside
-- ARGV  1 how long a key that was set aside is kept, seconds
--
-- Returns {word, aside}
--   word   closed    the gate answers every purchase with cold from now on
--          missing   there is no gate: nothing to close, and the script creates none
--   aside  which keys had another type and were set aside, in words; empty if none
--
-- A key has one type. A key of another type therefore holds nothing that a gate wrote: the gate lost that part when
-- somebody overwrote the key. Once the key is set aside the part is missing, and a rebuild restores it from the
-- ledger, the marks and the journal. The script renames the key and does not delete it, because its data belongs to
-- somebody. If no name is free, it leaves the key in its place and fails: the gate decides nothing until somebody has
-- looked.

local TYPES = {'hash', 'hash', 'stream'}
local NAMES = {'terms', 'buyers', 'journal'}
local ASIDE_MAX = 100

-- A name with this prefix that no key has; nil if all are in use.
local function free(name)
  for n = 1, ASIDE_MAX do
    local numbered = n == 1 and name or name .. ':' .. n
    if redis.call('EXISTS', numbered) == 0 then
      return numbered
    end
  end
end

local aside, stuck = {}, {}
for i = 1, 3 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= TYPES[i] then
    local name = free(KEYS[i + 3])
    if name then
      redis.call('RENAME', KEYS[i], name)
      redis.call('EXPIRE', name, ARGV[1])
      aside[#aside + 1] = NAMES[i] .. ' (' .. kind .. ')'
    else
      stuck[#stuck + 1] = KEYS[i]
    end
  end
end

local word = 'missing'
if redis.call('TYPE', KEYS[1]).ok == 'hash' then
  redis.call('HSET', KEYS[1], 'lost', '1')
  word = 'closed'
end
if #stuck > 0 then
  return redis.error_reply('ERR somebody keeps overwriting ' .. table.concat(stuck, ', ') .. ', and '
    .. ASIDE_MAX .. ' such keys are set aside already: delete those that nobody needs')
end
return {word, table.concat(aside, ', ')}

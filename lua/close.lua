#!lua flags=allow-oom
-- close: closes a gate that must be rebuilt. Only `swap` opens the way back.
--
-- KEYS  1 terms (hash)   2 buyers (hash)   3 journal (stream)
--       4, 5, 6  the names under which a key of another type is set aside, for 1, 2, 3
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
-- somebody.

local TYPES = {'hash', 'hash', 'stream'}
local NAMES = {'terms', 'buyers', 'journal'}

local aside = {}
for i = 1, 3 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= TYPES[i] then
    redis.call('RENAME', KEYS[i], KEYS[i + 3])
    redis.call('EXPIRE', KEYS[i + 3], ARGV[1])
    aside[#aside + 1] = NAMES[i] .. ' (' .. kind .. ')'
  end
end

local word = 'missing'
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'lost', '1')
  word = 'closed'
end
return {word, table.concat(aside, ', ')}

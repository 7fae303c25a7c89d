#!lua flags=allow-oom
-- close: shuts a gate that must be rebuilt. Only `swap` opens the way back.
--
-- KEYS  1 terms (hash)   2 buyers (hash)   3 journal (stream)
--       4, 5, 6  where a key of another type is put in the place of 1, 2, 3
-- ARGV  1 how long what was set aside is kept, seconds
--
-- Returns {word, aside}
--   word   closed    every purchase is answered cold from now on
--          missing   there is no gate: nothing to shut, and none is made
--   aside  which keys held another type and were set aside, in words; empty where none did
--
-- A key has one type, so a key of another type holds nothing that a gate wrote: its gate lost that part
-- when the key was overwritten. Set aside, it is a missing part, which a rebuild makes again from the
-- ledger, from the marks and from the journal. It is renamed and not deleted, for somebody wrote it.

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

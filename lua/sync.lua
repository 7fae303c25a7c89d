#!lua
-- sync: brings a gate's terms and limit up to its ledger's, as absolute values.
--
-- KEYS  1 terms (hash)
-- ARGV  1 epoch   2 version   3 state (open, paused, ended)   4 start   5 end (microseconds since
--       1970)   6 units   7 limit
--
-- Returns  applied   the gate now has the given terms
--          current   the gate has this version or a newer one
--          foreign   the gate has another epoch, or an epoch or version that is not a number
--          missing   there is no gate
--
-- Uses lua/number.lua.
--
-- The script takes only a newer version of the same epoch, so late or repeated calls change nothing. It touches
-- neither `lost` nor `closed`: a closed gate stays closed.

local gate = redis.call('HMGET', KEYS[1], 'epoch', 'version')
if not gate[1] then
  return 'missing'
end
local version = number(gate[2])
if number(gate[1]) ~= tonumber(ARGV[1]) or not version then
  return 'foreign'
end
if version >= tonumber(ARGV[2]) then
  return 'current'
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3], 'start', ARGV[4], 'end', ARGV[5],
  'units', ARGV[6], 'limit', ARGV[7])
return 'applied'

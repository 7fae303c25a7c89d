#!lua
-- swap: puts a prepared gate in the place of a missing or an older one.
--
-- KEYS  1 terms (hash)   2 buyers (hash)   3 journal (stream)   4 the prepared buyers (hash)
-- ARGV  1 epoch   2 version   3 state   4 start   5 end (microseconds since 1970)   6 units
--       7 limit   8 the number of buyers that were read from the ledger   9 the consumer group
--
-- Returns  swapped      the gate is of this epoch, closed until `open`
--          outdated     the gate is of this epoch or a newer one
--          undrained    the journal still has entries
--          incomplete   the prepared hash does not have that many buyers
--
-- Uses lua/number.lua.
--
-- `forgotten` begins at `taken`, because every buyer was read from the ledger. The script keeps the clock if it is a
-- number: a rebuild does not turn time back. UNLINK removes the old hash without blocking. The script creates the
-- group now: a Redis that becomes full later refuses to create it, and then nobody could read the entries.

-- An epoch that is not a number belongs to no gate.
local epoch = number(redis.call('HGET', KEYS[1], 'epoch'))
if epoch and epoch >= tonumber(ARGV[1]) then
  return 'outdated'
end
if redis.call('XLEN', KEYS[3]) > 0 then
  return 'undrained'
end
local taken = redis.call('HLEN', KEYS[4])
if taken ~= tonumber(ARGV[8]) then
  return 'incomplete'
end

-- The journal is created again even if it exists and is empty: a stream remembers the last id it ever had.
redis.call('UNLINK', KEYS[3])
redis.call('XGROUP', 'CREATE', KEYS[3], ARGV[9], '0', 'MKSTREAM')
redis.call('UNLINK', KEYS[2])
if taken > 0 then
  redis.call('RENAME', KEYS[4], KEYS[2])
  redis.call('PERSIST', KEYS[2]) -- a prepared hash expires, in case the process that made it dies
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'version', ARGV[2], 'state', ARGV[3],
  'start', ARGV[4], 'end', ARGV[5], 'units', ARGV[6], 'limit', ARGV[7],
  'forgotten', taken, 'closed', '1')
redis.call('HDEL', KEYS[1], 'lost')
for _, kept in ipairs({'clock', 'witness_epoch', 'witness_taken'}) do
  local value = redis.call('HGET', KEYS[1], kept)
  if value and not number(value) then
    redis.call('HDEL', KEYS[1], kept)
  end
end
redis.call('PERSIST', KEYS[1]) -- terms that hold only a witness of a lost gate expire
return 'swapped'

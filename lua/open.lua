#!lua flags=allow-oom
-- open: lets purchases in, once the ledger has confirmed what was swapped in.
--
-- KEYS  1 terms (hash)
-- ARGV  1 epoch
--
-- Returns  opened    the gate of this epoch is no longer closed (it may still be lost)
--          foreign   the gate is of another epoch, or there is none

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return 'foreign'
end
redis.call('HDEL', KEYS[1], 'closed')
return 'opened'

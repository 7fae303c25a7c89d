#!lua flags=allow-oom
-- open: admits purchases, once the ledger has confirmed the gate that `swap` put in place.
--
-- KEYS  1 terms (hash)
-- ARGV  1 epoch
--
-- Returns  opened    the gate of this epoch is no longer closed (it may still be lost)
--          foreign   the gate has another epoch, or there is no gate

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return 'foreign'
end
redis.call('HDEL', KEYS[1], 'closed')
return 'opened'

#!lua flags=allow-oom
-- close: shuts a gate that must be rebuilt. Only `swap` opens the way back.
--
-- KEYS  1 terms (hash)
--
-- Returns  closed    every purchase is answered cold from now on
--          missing   there is no gate: nothing to shut, and none is made

if redis.call('EXISTS', KEYS[1]) == 0 then
  return 'missing'
end
redis.call('HSET', KEYS[1], 'lost', '1')
return 'closed'

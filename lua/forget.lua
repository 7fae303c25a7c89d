#!lua flags=allow-oom
-- forget: deletes posted entries from the journal.
--
-- KEYS  1 terms (hash)   2 journal (stream)
-- ARGV  1    the consumer group
--       2    the epoch for which posting proved that the gate lost a mark; 0 if it proved none
--       3 .. for each entry its exact id and the number of its winners that are posted (0 for an
--            entry that could not be read)
--
-- Returns the number of entries that this call deleted.
--
-- `forgotten` counts the winners that left the journal since the install of the gate. The script adds only entries
-- that this very call deleted, so a repeated call adds nothing. It adds only entries of the gate's epoch, because an
-- install starts the count again. The flag allow-oom is set because this script frees memory.

-- Terms of another type belong to no gate. The script empties the journal all the same.
local epoch = redis.pcall('HGET', KEYS[1], 'epoch')
if type(epoch) == 'table' then
  epoch = nil
end
local deleted, posted = 0, 0
for i = 3, #ARGV, 2 do
  redis.call('XACK', KEYS[2], ARGV[1], ARGV[i])
  if redis.call('XDEL', KEYS[2], ARGV[i]) == 1 then
    deleted = deleted + 1
    if epoch and string.match(ARGV[i], '^(%d+)-') == epoch then
      posted = posted + ARGV[i + 1]
    end
  end
end
if posted > 0 then
  redis.call('HINCRBY', KEYS[1], 'forgotten', posted)
end
if epoch and epoch == ARGV[2] then
  redis.call('HSET', KEYS[1], 'lost', '1')
end
return deleted

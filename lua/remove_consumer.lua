#!lua flags=allow-oom
-- remove_consumer: removes a consumer of the journal whose process is gone.
--
-- KEYS  1 journal (stream)
-- ARGV  1 the consumer group   2 the consumer   3 for how long it must have been idle, milliseconds
--
-- Returns  removed   the consumer is deleted
--          busy      it was active within that time
--          pending   it holds entries: deleting it would strand them, so the caller claims them first
--          missing   there is no such journal, group or consumer

if redis.call('EXISTS', KEYS[1]) == 0 then
  return 'missing'
end
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then
  return 'missing'
end
for _, consumer in ipairs(consumers) do
  local fields = {}
  for i = 1, #consumer, 2 do
    fields[consumer[i]] = consumer[i + 1]
  end
  if fields['name'] == ARGV[2] then
    if fields['pending'] > 0 then
      return 'pending'
    end
    if fields['idle'] < tonumber(ARGV[3]) then
      return 'busy'
    end
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
    return 'removed'
  end
end
return 'missing'

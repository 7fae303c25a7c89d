#!lua flags=no-writes,allow-oom
-- snapshot: one consistent look at a gate, for the status page, the reconciler and the audit.
--
-- KEYS  1 terms (hash)   2 buyers (hash)   3 journal (stream)
-- ARGV  1 the consumer group
--
-- Returns {terms, taken, entries, pending, oldest, time}
--   terms    the hash, field and value in turn; empty where there is no gate
--   taken    buyers who hold a unit
--   entries  in the journal, of which `pending` are delivered and not yet forgotten
--   oldest   the id of the first entry, or an empty string
--   time     of this Redis, microseconds since 1970

local oldest, pending = '', 0
local entries = redis.call('XLEN', KEYS[3])
if entries > 0 then
  oldest = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1][1]
  local summary = redis.pcall('XPENDING', KEYS[3], ARGV[1])
  if not summary.err then
    pending = summary[1]
  end
end
local time = redis.call('TIME')
return {
  redis.call('HGETALL', KEYS[1]),
  redis.call('HLEN', KEYS[2]),
  entries,
  pending,
  oldest,
  string.format('%.0f', time[1] * 1000000 + time[2]),
}

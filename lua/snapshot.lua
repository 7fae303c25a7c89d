#!lua flags=no-writes,allow-oom
-- snapshot: one consistent look at a gate, for the status page, the reconciler and the audit.
--
-- KEYS  1 terms (hash)   2 buyers (hash)   3 journal (stream)
-- ARGV  1 the consumer group
--
-- Returns {terms, taken, entries, pending, oldest, time, foreign}
--   terms    the hash, field and value in turn; empty if there is no gate
--   taken    buyers who hold a unit
--   entries  in the journal; `pending` of them are delivered and not yet forgotten
--   oldest   the id of the first entry, or an empty string
--   time     of this Redis, microseconds since 1970
--   foreign  which of the three keys have another type, in words; empty if none. Such a key counts as
--            empty: it holds nothing that a gate wrote

local foreign = {}

-- The answer of a command. For a key of another type: the answer that an empty key would give.
local function read(name, empty, ...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then
    foreign[#foreign + 1] = name
    return empty
  end
  return answer
end

local terms = read('terms', {}, 'HGETALL', KEYS[1])
local taken = read('buyers', 0, 'HLEN', KEYS[2])
local entries = read('journal', 0, 'XLEN', KEYS[3])
local oldest, pending = '', 0
if entries > 0 then
  oldest = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1][1]
  local summary = redis.pcall('XPENDING', KEYS[3], ARGV[1])
  if not summary.err then
    pending = summary[1]
  end
end
local time = redis.call('TIME')
return {
  terms,
  taken,
  entries,
  pending,
  oldest,
  string.format('%.0f', time[1] * 1000000 + time[2]),
  table.concat(foreign, ', '),
}

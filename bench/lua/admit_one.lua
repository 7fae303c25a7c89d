#!lua
-- The limit that admissions are compared with: one purchase a call, by the same rules on the same keys
-- as lua/admit.lua, and no more than it takes to decide that one.
--
-- KEYS  1 terms (hash)   2 buyers (hash)   3 journal (stream)
-- ARGV  1, 2  epoch and taken that the caller has seen   3 random bits   4, 5 buyer and order, 16 bytes
-- Returns the verdict's letter.

local terms = redis.call('HMGET', KEYS[1],
  'epoch', 'state', 'start', 'end', 'limit', 'clock', 'lost', 'closed')
local epoch = tonumber(terms[1])
if not epoch or terms[7] == '1' or terms[8] == '1' then
  return 'C'
end
local taken = redis.call('HLEN', KEYS[2])
local seen_epoch = tonumber(ARGV[1])
if epoch < seen_epoch or (epoch == seen_epoch and taken < tonumber(ARGV[2])) then
  redis.call('HSET', KEYS[1], 'lost', '1')
  return 'C'
end
local held = redis.call('HGET', KEYS[2], ARGV[4])
if held then
  return held == ARGV[5] and 'A' or 'D'
end
local time = redis.call('TIME')
local now = math.max(time[1] * 1000000 + time[2], tonumber(terms[6]) or 0)
if terms[2] == 'ended' or now >= tonumber(terms[4]) then
  return 'E'
elseif now < tonumber(terms[3]) then
  return 'N'
elseif terms[2] ~= 'open' then
  return 'P'
elseif taken >= tonumber(terms[5]) then
  return 'S'
end
local id = string.format('%s-%.0f', terms[1], (taken + 1) * 2 ^ 20 + tonumber(ARGV[3]))
redis.call('XADD', KEYS[3], id, 'winners', struct.pack('>I1I2I8', 1, 1, now) .. ARGV[4] .. ARGV[5])
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
redis.call('HSET', KEYS[1], 'clock', string.format('%.0f', now))
return 'A'

#!lua
-- admit: decides a batch of purchases of one sale, in the order given.
--
-- KEYS  1 terms (hash)   2 buyers (hash)   3 journal (stream)
-- ARGV  1, 2  epoch and taken: the highest pair that the caller has seen of this gate or its ledger
--       3     the oldest version of the terms by which this gate may sell
--       4     purchases that a gate of that epoch must have, as far as the caller knows: 0 to 2, written as in 6
--       5     20 random bits, as a number
--       6     the purchases: the buyer's id and the order's id, 16 raw bytes each, one purchase
--             after the other, 1 to 512 of them
--
-- Returns {epoch, taken, verdicts, orders}
--   epoch, taken  of the gate after this batch; 0, 0 if there is no gate, or its epoch is no number
--   verdicts      one letter for each purchase:
--                   A admitted: the unit is this buyer's
--                   R admitted before: a retry of the same order
--                   D duplicate: the buyer holds another order
--                   S sold out   N not started   E ended   P paused
--                   C cold: the gate is missing, lost, closed or rolled back, or its terms are older than
--                     the ledger's; or the journal refuses the entry, because it has an id that its
--                     gate cannot have made
--   orders        for each D, in order, the 16 raw bytes of the order that the buyer holds
--
-- Uses lua/number.lua.
--
-- Lua does not roll back. XADD is the one command that Redis can refuse, so it comes before every other write. A gate
-- whose journal refuses an entry is lost. A full Redis refuses the whole script at its start, because the script has
-- no allow-oom flag.

local ID_BYTES = 16
local PURCHASE_BYTES = 2 * ID_BYTES
local BATCH_MAX = 512
local SEQUENCE_STEP = 2 ^ 20 -- an entry's id is epoch-(taken * SEQUENCE_STEP + random bits)
local ENTRY_VERSION = 1
local WITNESS_SECONDS = 86400

local seen_epoch, seen_taken = tonumber(ARGV[1]), tonumber(ARGV[2])
local known, purchases = ARGV[4], ARGV[6]
local count = #purchases / PURCHASE_BYTES
if count < 1 or count > BATCH_MAX or count % 1 ~= 0 then
  return redis.error_reply('ERR admit takes 1 to 512 purchases of 32 bytes')
end

local terms = redis.call('HMGET', KEYS[1],
  'epoch', 'state', 'start', 'end', 'limit', 'clock', 'lost', 'closed', 'version')
local epoch = number(terms[1])

-- Keeps what the caller has seen of a gate that is gone or rolled back, so that a rebuild can report what was lost.
-- If no gate is left, the key expires after a day, because perhaps nobody rebuilds the sale.
local function bear_witness()
  local kept = redis.call('HMGET', KEYS[1], 'witness_epoch', 'witness_taken')
  local kept_epoch, kept_taken = number(kept[1]) or 0, number(kept[2]) or 0
  if seen_epoch > kept_epoch or (seen_epoch == kept_epoch and seen_taken > kept_taken) then
    redis.call('HSET', KEYS[1], 'witness_epoch', ARGV[1], 'witness_taken', ARGV[2])
    if not epoch then
      redis.call('EXPIRE', KEYS[1], WITNESS_SECONDS)
    end
  end
end

if not epoch then
  if not terms[1] then
    bear_witness()
  end
  return {0, 0, string.rep('C', count), ''}
end

local taken = redis.call('HLEN', KEYS[2])
local cold = {epoch, taken, string.rep('C', count), ''}
local function lose()
  bear_witness()
  redis.call('HSET', KEYS[1], 'lost', '1')
  return cold
end

if epoch < seen_epoch or (epoch == seen_epoch and taken < seen_taken) then
  return lose()
end
if terms[7] == '1' or terms[8] == '1' then
  return cold
end

-- The buyers of the purchases, then the buyers of the purchases that this gate must have.
local buyers = {}
local asked = purchases .. (epoch == seen_epoch and known or '')
local asked_count = #asked / PURCHASE_BYTES
local sub = string.sub -- a local name costs less than a field, 512 times a call
for i = 1, asked_count do
  local at = (i - 1) * PURCHASE_BYTES
  buyers[i] = sub(asked, at + 1, at + ID_BYTES)
end
local function order_of(i)
  return sub(asked, i * PURCHASE_BYTES - ID_BYTES + 1, i * PURCHASE_BYTES)
end
local held = redis.call('HMGET', KEYS[2], unpack(buyers))
for i = count + 1, asked_count do
  if held[i] ~= order_of(i) then
    return lose()
  end
end
local start_at, end_at, limit = number(terms[3]), number(terms[4]), number(terms[5])
local clock, version = number(terms[6] or '0'), number(terms[9])
if not (start_at and end_at and limit and clock and version) then
  return cold -- somebody else has written these terms: a rebuild replaces them
end
if version < tonumber(ARGV[3]) then
  return cold
end

-- The sale's clock never goes back, even if the machine's clock does.
local time = redis.call('TIME')
local now = math.max(time[1] * 1000000 + time[2], clock)

local refusal
if terms[2] == 'ended' or now >= end_at then
  refusal = 'E'
elseif now < start_at then
  refusal = 'N'
elseif terms[2] ~= 'open' then
  refusal = 'P'
end

local function nobody_holds()
  for i = 1, count do
    if held[i] then
      return false
    end
  end
  return true
end

local remaining = limit - taken
local verdicts, orders = {}, {}
local names_an_order = false
local marks, won = {}, {} -- of this call: marks = buyer, order, buyer, order, ...; won = order by buyer
local winners = 0
local shut = refusal or (remaining < 1 and 'S') -- for everyone who holds no order
if shut and nobody_holds() then
  verdicts[1] = string.rep(shut, count) -- those who are late: most calls of a rush
else
  for i = 1, count do
    local buyer = buyers[i]
    local holds = held[i] or won[buyer]
    if holds then
      if #holds ~= ID_BYTES then
        return lose() -- the mark does not say which order the buyer holds
      end
      names_an_order = true
      if holds == order_of(i) then
        verdicts[i] = 'R'
      else
        verdicts[i] = 'D'
        orders[#orders + 1] = holds
      end
    elseif refusal then
      verdicts[i] = refusal
    elseif winners >= remaining then
      verdicts[i] = 'S'
    else
      local order = order_of(i)
      won[buyer] = order
      marks[2 * winners + 1] = buyer
      marks[2 * winners + 2] = order
      winners = winners + 1
      verdicts[i] = 'A'
    end
  end
end

if winners > 0 then
  local id = string.format('%s-%.0f', terms[1],
    (taken + winners) * SEQUENCE_STEP + tonumber(ARGV[5]))
  local head = struct.pack('>I1I2I8', ENTRY_VERSION, winners, now)
  local added = redis.pcall('XADD', KEYS[3], id, 'winners', head .. table.concat(marks))
  if type(added) == 'table' then
    redis.call('HSET', KEYS[1], 'lost', '1')
    return cold
  end
  redis.call('HSET', KEYS[2], unpack(marks))
  taken = taken + winners
end
-- The clock is stored with every admission, and when a call first sees that the start or the end has passed: an
-- answer that this clock once gave stays true. It is also stored when an answer repeats an order: WAIT waits for the
-- writes of its own connection, so the call must have made one.
local passes_the_start = clock < start_at and now >= start_at
local passes_the_end = clock < end_at and now >= end_at
if winners > 0 or names_an_order or passes_the_start or passes_the_end then
  redis.call('HSET', KEYS[1], 'clock', string.format('%.0f', now))
end

return {epoch, taken, table.concat(verdicts), table.concat(orders)}

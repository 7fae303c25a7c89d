-- A number as gates write it. Lua would also take inf, nan and hexadecimal ones, and no limit would hold then.
-- `Terms::number` in sale/src/gate/snapshot.rs reads the same numbers. sale/src/gate/scripts.rs puts this text into
-- the scripts that use it.
local NUMBER_MAX = '9007199254740992' -- 2 ^ 53: as far as Lua counts exactly
local function number(text)
  if text and (text == '0' or string.find(text, '^[1-9]%d*$'))
    and (#text < #NUMBER_MAX or (#text == #NUMBER_MAX and text <= NUMBER_MAX)) then
    return tonumber(text)
  end
end

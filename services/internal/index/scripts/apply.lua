-- KEYS: the guard (current, or building for a builder's own epoch), meta of the epoch.
-- ARGV: what the guard must hold, the revision that the commands were worked out on, the applied
-- sequence, then the commands: how many arguments, the arguments.
-- Gives 0: no such epoch, 1: done, 2: somebody wrote in between.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local m = redis.call('HMGET', KEYS[2], 'rev', 'seq')
if not m[1] then return 0 end
if m[1] ~= ARGV[2] then return 2 end
local i, last = 4, #ARGV
while i <= last do
  local n = tonumber(ARGV[i])
  redis.call(unpack(ARGV, i + 1, i + n))
  i = i + n + 1
end
local seq = m[2] or '0'
-- Compared as texts: a sequence may have more digits than a number of Lua.
if #ARGV[3] > #seq or (#ARGV[3] == #seq and ARGV[3] > seq) then seq = ARGV[3] end
redis.call('HSET', KEYS[2], 'rev', string.format('%.0f', tonumber(m[1]) + 1), 'seq', seq)
return 1

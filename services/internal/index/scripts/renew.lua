-- KEYS: building. ARGV: the builder's epoch, ms; 0: give the lock back. Gives 1 when it is still ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1], KEYS[1] .. ':until')
  return 1
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('SET', KEYS[1] .. ':until', string.format('%.0f', now + tonumber(ARGV[2])))
return 1

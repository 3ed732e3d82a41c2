-- KEYS: building, epochs. ARGV: the new epoch, ms that the lock lasts. Gives 1 when it was free.
-- The lock is two keys, since the embedded server expires nothing: the holder, and until when.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 1 then
  local till = tonumber(redis.call('GET', KEYS[1] .. ':until') or '0')
  if till > now then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[1] .. ':until', string.format('%.0f', now + tonumber(ARGV[2])))
redis.call('SADD', KEYS[2], ARGV[1])
return 1

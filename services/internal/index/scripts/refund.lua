-- KEYS: a bucket of redis_rate. ARGV: seconds that one take costs.
-- redis_rate keeps the moment at which the bucket is full again, in seconds since 2017. Its own AllowN(-1)
-- writes nothing when the bucket is full after giving back, so that the take would stay.
local full = redis.call('GET', KEYS[1])
if not full then return 0 end
local t = redis.call('TIME')
local now = (t[1] - 1483228800) + (t[2] / 1000000)
local before = tonumber(full) - tonumber(ARGV[1])
if before <= now then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], before, 'EX', math.ceil(before - now))
end
return 1

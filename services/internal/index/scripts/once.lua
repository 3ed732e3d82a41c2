-- KEYS: the key. ARGV: ms. Gives 1 to the first caller. The value says until when, see embedded_short.go.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local till = redis.call('GET', KEYS[1])
if till and tonumber(till) > now then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', now + tonumber(ARGV[1])), 'PX', ARGV[1])
return 1

-- KEYS: the block. ARGV: until (ms), how long the key is kept (ms).
local has = redis.call('GET', KEYS[1])
if has and tonumber(has) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1

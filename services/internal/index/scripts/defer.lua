-- KEYS: current. ARGV: where epochs begin, the schema's mark, member, ms. nil without an index.
local epoch = redis.call('GET', KEYS[1])
if not epoch or string.sub(epoch, 1, #ARGV[2]) ~= ARGV[2] then return false end
redis.call('ZADD', ARGV[1] .. epoch .. ':due', 'XX', ARGV[4], ARGV[3])
return 1

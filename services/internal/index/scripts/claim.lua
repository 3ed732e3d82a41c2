-- KEYS: current. ARGV: where epochs begin, the schema's mark, claim up to (ms), put at (ms), how many.
-- Gives member and true due in turn; nil without an index.
local epoch = redis.call('GET', KEYS[1])
if not epoch or string.sub(epoch, 1, #ARGV[2]) ~= ARGV[2] then return false end
local space = ARGV[1] .. epoch .. ':'
local keys = redis.call('ZRANGEBYSCORE', space .. 'due', '-inf', ARGV[3], 'LIMIT', 0, ARGV[5])
if #keys == 0 then return {} end
local moments = redis.call('HMGET', space .. 'moments', unpack(keys))
local out, put = {}, {}
for i = 1, #keys do
  out[2 * i - 1], out[2 * i] = keys[i], moments[i] or ARGV[3]
  put[2 * i - 1], put[2 * i] = ARGV[4], keys[i]
end
redis.call('ZADD', space .. 'due', 'XX', unpack(put))
return out

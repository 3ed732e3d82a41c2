-- KEYS: building, current, meta of the new epoch. ARGV: epoch, log, schema, seq.
-- Gives 1 when the epoch has become the current one.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[3], 'rev') == 0 then return 0 end
redis.call('HSET', KEYS[3], 'log', ARGV[2], 'schema', ARGV[3], 'seq', ARGV[4])
redis.call('SET', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1], KEYS[1] .. ':until')
return 1

-- KEYS: current. ARGV: where epochs begin. Gives epoch, log, schema, seq; nil without an index.
local epoch = redis.call('GET', KEYS[1])
if not epoch then return false end
local m = redis.call('HMGET', ARGV[1] .. epoch .. ':meta', 'log', 'schema', 'seq')
if not m[3] then return false end
return {epoch, m[1] or '', m[2] or '', m[3]}

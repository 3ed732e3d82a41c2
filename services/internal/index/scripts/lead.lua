-- KEYS: the leadership. ARGV: owner, ms. Gives 1 when owner leads. The value: until when, and who.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local has = redis.call('GET', KEYS[1])
if has then
  local till, owner = string.match(has, '^(%d+) (.*)$')
  if till and tonumber(till) > now and owner ~= ARGV[1] then return 0 end
end
redis.call('SET', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])) .. ' ' .. ARGV[1], 'PX', ARGV[2])
return 1

-- KEYS: current. ARGV: where epochs begin, the schema's mark, set, ascending, cursor (a member, or
-- empty), limit, how many may be looked at when several facets must hold, then the facets.
-- Gives total, next, then member and document in turn; nil without an index.
local epoch = redis.call('GET', KEYS[1])
if not epoch or string.sub(epoch, 1, #ARGV[2]) ~= ARGV[2] then return false end
local space, set, up, cursor = ARGV[1] .. epoch .. ':', ARGV[3], ARGV[4] == '1', ARGV[5]
local limit, budget = tonumber(ARGV[6]), tonumber(ARGV[7])

local function count(facet)
  local cut = string.find(facet, '=', 1, true) or 1
  local n = redis.call('HGET', space .. 'c:' .. set .. ':' .. string.sub(facet, 1, cut - 1), string.sub(facet, cut + 1))
  return tonumber(n or '0')
end

-- The rarest facet leads, the others are asked about its members.
local lead, others, total = ARGV[8] or '', {}, nil
total = count(lead)
for i = 9, #ARGV do
  local n = count(ARGV[i])
  if n < total then
    others[#others + 1] = lead
    lead, total = ARGV[i], n
  else
    others[#others + 1] = ARGV[i]
  end
end

local r = redis.call('HMGET', space .. 'meta', 'low:' .. set, 'high:' .. set)
local found, next = {}, ''
if r[1] and total > 0 then
  local from, to, step = tonumber(r[2]), tonumber(r[1]), -1
  local first, last, command = '+', '-', 'ZREVRANGEBYLEX'
  if up then from, to, step, first, last, command = to, from, 1, '-', '+', 'ZRANGEBYLEX' end
  if cursor ~= '' then
    local at = math.min(tonumber(string.sub(cursor, 1, 7)), 4102)
    if up then from = math.max(from, at) else from = math.min(from, at) end
    first = '(' .. cursor
  end
  local seen = 0
  for bucket = from, to, step do
    local key = space .. 'z:' .. set .. ':' .. bucket .. ':'
    local begin, more = first, true
    while more do
      local want = limit + 1 - #found
      if #others > 0 then want = 500 end
      local got = redis.call(command, key .. lead, begin, last, 'LIMIT', 0, want)
      more = #got == want
      if #got > 0 then
        begin = '(' .. got[#got]
        seen = seen + #got
        local holds = {}
        for k = 1, #others do holds[k] = redis.call('ZMSCORE', key .. others[k], unpack(got)) end
        for i = 1, #got do
          local all = true
          for k = 1, #others do all = all and holds[k][i] end
          if all then found[#found + 1] = got[i] end
        end
      end
      if #found > limit then
        next, more = found[limit], false
      elseif #others > 0 and seen >= budget and #got > 0 then
        next, more = got[#got], false
      end
    end
    if next ~= '' then break end
  end
end

local out = {string.format('%d', total), next}
local n = math.min(#found, limit)
if n > 0 then
  local ids = {}
  for i = 1, n do ids[i] = string.sub(found[i], 17) end
  local docs = redis.call('HMGET', space .. 'd:' .. set, unpack(ids))
  for i = 1, n do
    out[2 * i + 1], out[2 * i + 2] = found[i], docs[i] or ''
  end
end
return out

-- KEYS: current. ARGV: where epochs begin, the schema's mark, set, ascending, cursor (a member, or
-- empty), limit, how many may be looked at when several facets must hold, the least score and the one that
-- ends the list (16 digits, or empty), then the facets.
-- Gives total, next, then member and document in turn; nil without an index.
local epoch = redis.call('GET', KEYS[1])
if not epoch or string.sub(epoch, 1, #ARGV[2]) ~= ARGV[2] then return false end
local space, set, up, cursor = ARGV[1] .. epoch .. ':', ARGV[3], ARGV[4] == '1', ARGV[5]
local limit, budget = tonumber(ARGV[6]), tonumber(ARGV[7])
local least, ending = ARGV[8], ARGV[9]

local function count(facet)
  local cut = string.find(facet, '=', 1, true) or 1
  local n = redis.call('HGET', space .. 'c:' .. set .. ':' .. string.sub(facet, 1, cut - 1), string.sub(facet, cut + 1))
  return tonumber(n or '0')
end

-- The rarest facet leads, the others are asked about its members.
local lead, others, total = ARGV[10] or '', {}, nil
total = count(lead)
for i = 11, #ARGV do
  local n = count(ARGV[i])
  if n < total then
    others[#others + 1] = lead
    lead, total = ARGV[i], n
  else
    others[#others + 1] = ARGV[i]
  end
end

-- The buckets that the set has used, as runs, in the direction of reading; a cursor begins at its own.
local used = redis.call('HGET', space .. 'meta', 'buckets:' .. set) or ''
local at = cursor ~= '' and math.min(tonumber(string.sub(cursor, 1, 7)), 4102) or nil
local lowest, highest = tonumber(string.sub(least, 1, 7)) or 0, tonumber(string.sub(ending, 1, 7)) or 4102
lowest = math.min(lowest, 4102)
local visit = {}
for low, high in string.gmatch(used, '(%d+)-(%d+)') do
  for b = tonumber(low), tonumber(high) do
    local wanted = b >= lowest and b <= highest
    if wanted and (not at or (up and b >= at) or (not up and b <= at)) then visit[#visit + 1] = b end
  end
end

-- A member begins with its score, so that a score alone is a bound among members.
local bottom, top = '-', '+'
if least ~= '' then bottom = '[' .. least end
if ending ~= '' then top = '(' .. ending end
local first, last, command = top, bottom, 'ZREVRANGEBYLEX'
if up then first, last, command = bottom, top, 'ZRANGEBYLEX' end
-- A cursor of another range must not lead out of this one.
local inside = (least == '' or cursor >= least) and (ending == '' or cursor < ending)
if at and inside then first = '(' .. cursor end
if at and not inside and up == (ending ~= '' and cursor >= ending) then visit = {} end
local found, next, seen = {}, '', 0
for v = 1, #visit do
  if total == 0 or next ~= '' then break end
  local key = space .. 'z:' .. set .. ':' .. visit[up and v or #visit + 1 - v] .. ':'
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

-- verge-request.js and verge-response.js for HAProxy.
local function rewrite(txn)
  local kind, name = txn.sf:path():match("^/fn/v%d+/([a-z]+)/([a-z0-9]+)$")
  if kind == "obj" or kind == "nc" then txn.http:req_set_path("/" .. kind .. "/" .. name) end
  local kept = {}
  for part in (txn.sf:query() or ""):gmatch("[^&]+") do
    if part:sub(1, 4) ~= "utm_" then kept[#kept + 1] = part end
  end
  table.sort(kept)
  txn.http:req_set_query(table.concat(kept, "&"))
  txn.http:req_set_header("x-rewritten", "1")
end

local function mark(txn)
  txn.http:res_set_header("x-answered-by", "haproxy")
end

core.register_action("rewrite", { "http-req" }, rewrite)
core.register_action("mark", { "http-res" }, mark)

-- verge-request.js and verge-response.js for nginx's Lua.
local M = {}

function M.rewrite()
  local path = ngx.re.sub(ngx.var.uri, [[^/fn/v\d+/(obj|nc)/([a-z0-9]+)$]], "/$1/$2", "jo")
  local kept = {}
  for part in string.gmatch(ngx.var.args or "", "[^&]+") do
    if string.sub(part, 1, 4) ~= "utm_" then kept[#kept + 1] = part end
  end
  table.sort(kept)
  ngx.req.set_uri(path)
  ngx.req.set_uri_args(table.concat(kept, "&"))
  ngx.req.set_header("x-rewritten", "1")
end

function M.mark()
  ngx.header["x-answered-by"] = "lua"
end

return M

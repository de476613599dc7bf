// Runs when the edge is about to ask the origin: on a miss, not on a cache hit.
#include "edge.h"

static edge_response healthy(void) {
  edge_response response = {.status = 200, .status_description = edge_copy("OK")};
  edge_set_header(&response.headers, "content-type", edge_copy("text/plain"));
  edge_set_header(&response.headers, "cache-control", edge_copy("no-store"));
  response.has_body = true;
  response.body = edge_copy("ok\n");
  return response;
}

const char *origin_request(const edge_config *config, edge_request *request, edge_action *action) {
  (void)config;
  // A response in place of the request: the origin is not asked, and the response is stored as the origin's would be.
  if (edge_equal(request->uri, "/healthz")) {
    action->kind = EDGE_RESPOND;
    action->respond = healthy();
    return NULL;
  }
  // Many origins give no index of a folder. What the cache is asked for stays the folder's own address.
  if (edge_ends_with(request->uri, "/")) {
    edge_set_header(&request->headers, "x-original-uri", request->uri);
    request->uri = edge_join(request->uri, edge_copy("index.html"));
    edge_log(edge_join(edge_copy("asking for "), request->uri));
  }
  return NULL;
}

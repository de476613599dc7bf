// Runs when the origin answered, before the answer is stored: also for errors, not on a cache hit.
#include "edge.h"

static const char NOT_FOUND[] = "<!doctype html>\n<title>Not found</title>\n<p>There is nothing here.\n";

const char *origin_response(const edge_config *config, const edge_request *request,
                            edge_response *response) {
  (void)config;
  edge_set_header(&response->headers, "strict-transport-security", edge_copy("max-age=31536000"));
  // The origin's body is not shown, but can be replaced. Its length is then another one.
  if (response->status == 404) {
    edge_set_header(&response->headers, "content-type", edge_copy("text/html; charset=utf-8"));
    edge_remove_header(&response->headers, "content-length");
    response->has_body = true;
    response->body = edge_copy(NOT_FOUND);
    edge_log(edge_join(edge_copy("not found: "), request->uri));
  }
  return NULL;
}

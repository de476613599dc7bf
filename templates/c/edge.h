// What the edge gives a function and takes from it, in C: the records of verge's wit/edge.wit, laid out as the
// component model's canonical ABI has them. Memory that edge_text makes, and all that the edge gives, lasts for the call;
// the next one begins with new memory.
#ifndef EDGE_H
#define EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// UTF-8 without an end mark; or bytes.
typedef struct {
  char *at;
  size_t length;
} edge_text;

// Names arrive in lower case.
typedef struct {
  edge_text name, value;
} edge_header;

typedef struct {
  edge_header *at;
  size_t length;
} edge_headers;

enum { EDGE_ORIGIN_REQUEST, EDGE_ORIGIN_RESPONSE };

typedef struct {
  edge_text distribution_domain_name, distribution_id;
  uint8_t event_type;
  edge_text request_id;
} edge_config;

enum { EDGE_HTTP, EDGE_HTTPS };

typedef struct {
  edge_text domain_name;
  uint16_t port;
  uint8_t protocol;
  edge_text path;
  edge_headers custom_headers;
  // Seconds.
  uint16_t read_timeout, keepalive_timeout;
  struct {
    edge_text *at;
    size_t length;
  } ssl_protocols;
} edge_origin;

typedef struct {
  edge_text client_ip, method, uri, querystring;
  edge_headers headers;
  edge_origin origin;
} edge_request;

typedef struct {
  uint16_t status;
  edge_text status_description;
  edge_headers headers;
  // The body that is sent in place of the origin's.
  bool has_body;
  edge_text body;
} edge_response;

enum { EDGE_FORWARD, EDGE_RESPOND };

// What becomes of a request.
typedef struct {
  uint8_t kind;
  union {
    edge_request forward;
    edge_response respond;
  };
} edge_action;

// A copy of a text of C.
edge_text edge_copy(const char *text);
// Two texts, one after the other.
edge_text edge_join(edge_text first, edge_text second);
bool edge_equal(edge_text text, const char *other);
bool edge_ends_with(edge_text text, const char *end);

// Removes every line of this name.
void edge_remove_header(edge_headers *headers, const char *name);
// Sets the value of a name; its other lines are removed.
void edge_set_header(edge_headers *headers, const char *name, edge_text value);

// A line of the function's log.
void edge_log(edge_text line);

// What a function defines, one of them. They return NULL, or why the request has to fail with 503. A request is forwarded
// with its changes unless `action` says otherwise.
const char *origin_request(const edge_config *config, edge_request *request, edge_action *action);
const char *origin_response(const edge_config *config, const edge_request *request,
                            edge_response *response);

#endif

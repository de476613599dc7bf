// The canonical ABI between the edge and origin_request of function.c.
#include "edge.h"

// A result: its value, or the text of an error.
typedef struct {
  uint8_t is_error;
  union {
    edge_action action;
    edge_text error;
  };
} result;

// So many parameters are passed in memory.
typedef struct {
  edge_config config;
  edge_request request;
} parameters;

__attribute__((export_name("verge:edge/origin-request@0.1.0#handle"))) result *handle(
    parameters *given) {
  static result returned;
  returned.action.kind = EDGE_FORWARD;
  const char *error = origin_request(&given->config, &given->request, &returned.action);
  if (error != NULL) {
    returned.is_error = true;
    returned.error = edge_copy(error);
  } else if (returned.action.kind == EDGE_FORWARD) {
    returned.action.forward = given->request;
  }
  return &returned;
}

// The canonical ABI between the edge and origin_response of function.c.
#include "edge.h"

// A result: its value, or the text of an error.
typedef struct {
  uint8_t is_error;
  union {
    edge_response response;
    edge_text error;
  };
} result;

// So many parameters are passed in memory.
typedef struct {
  edge_config config;
  edge_request request;
  edge_response response;
} parameters;

__attribute__((export_name("verge:edge/origin-response@0.1.0#handle"))) result *handle(
    parameters *given) {
  static result returned;
  const char *error = origin_response(&given->config, &given->request, &given->response);
  if (error != NULL) {
    returned.is_error = true;
    returned.error = edge_copy(error);
  } else {
    returned.response = given->response;
  }
  return &returned;
}

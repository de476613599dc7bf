// Signs each request on its way to the origin, so that the origin can refuse what did not pass the
// edge.
//
// The key is the origin's custom header x-signing-key; it is taken out here and never travels. No C
// library is linked: freestanding/ has the little that is needed. The bindings are made from
// wit/edge.wit when the function is built.

#include "origin_request_function.h"

#include <stdlib.h>
#include <string.h>

typedef origin_request_function_string_t text;
typedef origin_request_function_list_u8_t bytes;
typedef verge_edge_types_header_t header;
typedef verge_edge_types_list_header_t headers;

#define TEXT(literal) ((text){(uint8_t *)(literal), sizeof(literal) - 1})

static const text KEY_HEADER = TEXT("x-signing-key");
static const text ID_HEADER = TEXT("x-signed-id");
static const text SIGNATURE_HEADER = TEXT("x-signature");

static bool same(text a, text b) {
  if (a.len != b.len) return false;
  for (size_t i = 0; i < a.len; i++) {
    if (a.ptr[i] != b.ptr[i]) return false;
  }
  return true;
}

static void *allocate(size_t length) {
  void *block = realloc(NULL, length);
  if (block == NULL) abort();
  return block;
}

// Takes every line of a name out of a list; yields the last value, or no text.
static text take(headers *list, text name) {
  text value = {NULL, 0};
  size_t kept = 0;
  for (size_t i = 0; i < list->len; i++) {
    if (same(list->ptr[i].name, name)) {
      value = list->ptr[i].value;
    } else {
      list->ptr[kept++] = list->ptr[i];
    }
  }
  list->len = kept;
  return value;
}

// The text that is signed: parts, each followed by a line feed. No part can have one, so no two
// requests look alike.
static bytes join(const text *parts, size_t count) {
  size_t length = count;
  for (size_t i = 0; i < count; i++) length += parts[i].len;
  bytes joined = {allocate(length), 0};
  for (size_t i = 0; i < count; i++) {
    memcpy(joined.ptr + joined.len, parts[i].ptr, parts[i].len);
    joined.len += parts[i].len;
    joined.ptr[joined.len++] = '\n';
  }
  return joined;
}

static text hexadecimal(bytes digest) {
  static const char digits[] = "0123456789abcdef";
  text spelled = {allocate(2 * digest.len), 2 * digest.len};
  for (size_t i = 0; i < digest.len; i++) {
    spelled.ptr[2 * i] = (uint8_t)digits[digest.ptr[i] >> 4];
    spelled.ptr[2 * i + 1] = (uint8_t)digits[digest.ptr[i] & 15];
  }
  return spelled;
}

// The list with two lines more.
static headers with(headers list, header first, header second) {
  header *lines = allocate((list.len + 2) * sizeof(header));
  memcpy(lines, list.ptr, list.len * sizeof(header));
  lines[list.len] = first;
  lines[list.len + 1] = second;
  return (headers){lines, list.len + 2};
}

bool exports_verge_edge_origin_request_handle(
    exports_verge_edge_origin_request_config_t *config,
    exports_verge_edge_origin_request_request_t *request,
    exports_verge_edge_origin_request_request_action_t *action, text *error) {
  text key = take(&request->origin.custom_headers, KEY_HEADER);
  if (key.len == 0) {
    *error = TEXT("the origin has no custom header x-signing-key to sign with");
    return false;
  }
  // What a viewer sent under these names is no signature of ours.
  take(&request->headers, ID_HEADER);
  take(&request->headers, SIGNATURE_HEADER);

  text parts[] = {request->method, request->uri, request->querystring, config->request_id};
  bytes message = join(parts, sizeof(parts) / sizeof(parts[0]));
  bytes secret = {key.ptr, key.len};
  bytes digest;
  verge_edge_crypto_hmac_sha256(&secret, &message, &digest);

  request->headers = with(request->headers, (header){ID_HEADER, config->request_id},
                          (header){SIGNATURE_HEADER, hexadecimal(digest)});
  action->tag = VERGE_EDGE_TYPES_REQUEST_ACTION_FORWARD;
  action->val.forward = *request;
  return true;
}

// The canonical ABI between the edge and the functions of edge.h.
#include "edge.h"

#include <stdlib.h>
#include <string.h>

__attribute__((import_module("verge:edge/log@0.1.0"), import_name("write"))) void log_write(
    const char *at, size_t length);

static void *allocate(size_t length) {
  void *at = malloc(length ? length : 1);
  if (at == NULL) abort();
  return at;
}

// The edge asks for the memory of what it gives.
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_length,
                                                                size_t align, size_t length) {
  (void)old_length, (void)align;
  void *at = realloc(old, length ? length : 1);
  if (at == NULL) abort();
  return at;
}

edge_text edge_copy(const char *text) {
  edge_text copy = {allocate(strlen(text)), strlen(text)};
  memcpy(copy.at, text, copy.length);
  return copy;
}

edge_text edge_join(edge_text first, edge_text second) {
  edge_text joined = {allocate(first.length + second.length), first.length + second.length};
  memcpy(joined.at, first.at, first.length);
  memcpy(joined.at + first.length, second.at, second.length);
  return joined;
}

bool edge_equal(edge_text text, const char *other) {
  return text.length == strlen(other) && memcmp(text.at, other, text.length) == 0;
}

bool edge_ends_with(edge_text text, const char *end) {
  size_t length = strlen(end);
  return text.length >= length && memcmp(text.at + text.length - length, end, length) == 0;
}

void edge_remove_header(edge_headers *headers, const char *name) {
  size_t kept = 0;
  for (size_t i = 0; i < headers->length; i++) {
    if (!edge_equal(headers->at[i].name, name)) headers->at[kept++] = headers->at[i];
  }
  headers->length = kept;
}

void edge_set_header(edge_headers *headers, const char *name, edge_text value) {
  edge_remove_header(headers, name);
  edge_header *lines = allocate((headers->length + 1) * sizeof(edge_header));
  if (headers->length > 0) memcpy(lines, headers->at, headers->length * sizeof(edge_header));
  lines[headers->length] = (edge_header){edge_copy(name), value};
  *headers = (edge_headers){lines, headers->length + 1};
}

void edge_log(edge_text line) { log_write(line.at, line.length); }

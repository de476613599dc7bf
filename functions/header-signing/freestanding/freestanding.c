// Memory without a C library. An instance lives for one call and is then thrown away whole, so
// memory is handed out by a pointer that only goes up, and giving it back does nothing.

#include <stdlib.h>
#include <string.h>

#include <stdint.h>

// Where the linker put the end of everything static.
extern unsigned char __heap_base;

enum { PAGE_BYTES = 65536, ALIGNMENT = 8 };

_Noreturn void abort(void) { __builtin_trap(); }

void free(void *block) { (void)block; }

static void *allocate(size_t bytes) {
  static uintptr_t top;
  if (top == 0) top = ((uintptr_t)&__heap_base + ALIGNMENT - 1) & -(uintptr_t)ALIGNMENT;
  uintptr_t end = __builtin_wasm_memory_size(0) * (uintptr_t)PAGE_BYTES;
  size_t rounded = (bytes + ALIGNMENT - 1) & -(size_t)ALIGNMENT;
  if (rounded < bytes) return NULL;
  if (rounded > end - top) {
    size_t pages = (rounded - (end - top) + PAGE_BYTES - 1) / PAGE_BYTES;
    if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) return NULL;
  }
  void *block = (void *)top;
  top += rounded;
  return block;
}

void *realloc(void *block, size_t bytes) {
  void *moved = allocate(bytes);
  // How long the old block was is not kept; what lies after it in memory is copied along and does
  // no harm.
  if (moved != NULL && block != NULL) memcpy(moved, block, bytes);
  return moved;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  unsigned char *target = to;
  const unsigned char *source = from;
  for (size_t i = 0; i < bytes; i++) target[i] = source[i];
  return to;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

// The few functions of the C library that the generated bindings call; freestanding.c has them.

#pragma once

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
size_t strlen(const char *text);

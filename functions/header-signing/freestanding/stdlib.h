// The few functions of the C library that the generated bindings call; freestanding.c has them.

#pragma once

#include <stddef.h>

_Noreturn void abort(void);
void free(void *block);
void *realloc(void *block, size_t bytes);

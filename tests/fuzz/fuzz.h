/*
 * What every fuzz target gives libFuzzer: see mk/fuzz.mk. A target is tests/fuzz/fuzz_NAME.c, its
 * seeds are the files of tests/fuzz/corpus/NAME, its words (optional) tests/fuzz/NAME.dict.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Tries one input. Returns 0; what must not be ends the process (must, or a sanitizer). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() would be silent with NDEBUG. */
#define must(condition) ((condition) ? (void)0 : abort())

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What libFuzzer calls, and what it offers to a mutator.
 */
#ifndef _RAMSTER_LIBFUZZER_H
#define _RAMSTER_LIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#endif /* _RAMSTER_LIBFUZZER_H */

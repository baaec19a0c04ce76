// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers, a state for each thread; and time.
 */
#include <time.h>
#include "file_oracle.h"

uint64_t seed;
__thread uint64_t rnd_state;

uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

unsigned long rnd(unsigned long below)
{
	rnd_state += 0x9e3779b97f4a7c15ULL;
	return mix(rnd_state) % below;
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

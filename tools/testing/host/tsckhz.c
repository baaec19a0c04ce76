// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the frequency of this machine's time stamp counter in kHz.
 *
 * QEMU without KVM shows guests the counter of the machine it runs on, but our
 * guests have nothing to calibrate it against (no ACPI, so neither HPET nor PM
 * timer) and would fall back to a clock of 4 ms.  tsc_early_khz= tells them.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int main(void)
{
	struct timespec wait = { .tv_nsec = 200 * 1000 * 1000 };
	uint64_t t0, t1, c0, c1;

	t0 = now_ns();
	c0 = __rdtsc();
	nanosleep(&wait, NULL);
	t1 = now_ns();
	c1 = __rdtsc();
	printf("%.0f\n", (c1 - c0) * 1e6 / (t1 - t0));
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark's program: its workloads, and the floor that they are compared
 * with.  Figures go to standard output, a line each:
 *
 *	metric WORKLOAD NAME VALUE UNIT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench.h"

struct settings set = {
	.mb = 64,
	.fill = 45,
	.faults = 2000,
	.mix = 6000,
	.ask = 64,
	.answer = 2048,
	.seed = 1,
};

void die(const char *fmt, ...)
{
	va_list ap;

	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void metric(const char *load, const char *name, const char *unit, const char *fmt, ...)
{
	va_list ap;

	printf("metric %s %s ", load, name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" %s\n", unit);
	fflush(stdout);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

uint64_t mix64(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185ULL;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44dULL;
	return x ^ x >> 33;
}

uint64_t next_random(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ULL;
	return mix64(*state);
}

/* Books are kept apart from what is measured, and are never swapped. */
void *locked(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED || mlock(p, size))
		die("cannot lock %zu bytes: %s", size, strerror(errno));
	return p;
}

static void usage(void)
{
	fputs("usage: bench COMMAND [options]\n"
	      "  swap     fill, faults, scans and a mix over swapped memory\n"
	      "  held     fill a swap area, and say what its index takes\n"
	      "  sort     sort records that do not fit\n"
	      "  make     write the file that \"file\" reads\n"
	      "  file     read a file that does not fit, in order and at random\n"
	      "  floor    TCP alone: ping-pong and stream\n"
	      "  peer     the other end of \"floor\", and of the others' statistics\n"
	      "  nbd ADDRESS PORT NAME DEVICE | nbd -d DEVICE\n"
	      "options:\n"
	      "  --peer ADDRESS   of the machine where \"peer\" runs\n"
	      "  --cgroup DIR     control group that this is in\n"
	      "  --remote NAME    \"ramster\": pages must have left before they are read\n"
	      "  --file FILE      of \"make\" and \"file\"\n"
	      "  --mb N           working set\n"
	      "  --fill N         per cent of a page that do not compress\n"
	      "  --faults N, --mix N   how many\n"
	      "  --ask N, --answer N   bytes of the ping-pong beside the faults\n"
	      "  --seed N         other contents\n", stderr);
	exit(2);
}

static unsigned int number(const char *name, const char *text)
{
	char *end;
	unsigned long n;

	if (!text)
		die("%s needs a number", name);
	n = strtoul(text, &end, 10);
	if (!*text || *end || n > 1000000)
		die("%s: %s is no number", name, text);
	return n;
}

static const struct {
	const char *name;
	unsigned int *to;
} numbers[] = {
	{ "--mb", &set.mb },
	{ "--fill", &set.fill },
	{ "--faults", &set.faults },
	{ "--mix", &set.mix },
	{ "--ask", &set.ask },
	{ "--answer", &set.answer },
	{ "--seed", &set.seed },
};

static const struct {
	const char *name;
	const char **to;
} words[] = {
	{ "--peer", &set.peer },
	{ "--cgroup", &set.cgroup },
	{ "--remote", &set.remote },
	{ "--file", &set.file },
};

static bool take_option(const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!strcmp(name, numbers[i].name)) {
			*numbers[i].to = number(name, value);
			return true;
		}
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(name, words[i].name)) {
			if (!value)
				die("%s needs a value", name);
			*words[i].to = value;
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "nbd"))
		return nbd_main(argv + 2);
	for (argv += argc > 1 ? 2 : 1; *argv; argv += 2)
		if (!take_option(argv[0], argv[1]))
			usage();
	if (!set.mb)
		die("--mb: a working set of nothing");
	if (!strcmp(what, "swap"))
		return swap_main();
	if (!strcmp(what, "held"))
		return held_main();
	if (!strcmp(what, "sort"))
		return sort_main();
	if (!strcmp(what, "make") || !strcmp(what, "file"))
		return file_main(what[0] == 'm');
	if (!strcmp(what, "floor"))
		return floor_main();
	if (!strcmp(what, "peer"))
		return peer_main();
	usage();
}

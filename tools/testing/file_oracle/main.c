// SPDX-License-Identifier: GPL-2.0
/*
 * Does a file hold what was written to it, when its pages go through cleancache?
 *
 * A file is made of cells of 512 bytes.  Each says in every word which file and
 * which cell it is, and in which generation it was written.  A model in memory
 * knows what each cell must be.  The tests write and read the file by all ways
 * that there are, under a memory limit that it does not fit into, and compare
 * byte by byte.  An older generation that comes back is told apart from garbage.
 *
 *   file_oracle [options] DIR TEST...
 *
 *   -d DEV    the block device below DIR: for its counters, and to mount it again
 *   -t TYPE   the file system's type
 *   -m MB     memory limit, by a control group of its own (6); 0: none
 *   -n MB     size of the file (9)
 *   -s SECS   time for the tests that go on for as long as they are told to (15)
 *   -a BYTES  alignment of direct I/O (512)
 *   -r SEED
 *   -H        cleancache must have had hits: fail a test that wants them without
 *
 *   file_oracle -M FILE [-n MB]    make a file for the test "readonly", and end
 *
 * Output, a line a test: "ok NAME" or "not ok NAME: why"; and what was counted.
 *
 * The other files: chance.c, kernel.c, model.c, file.c and operations.c are what
 * the tests use; random.c, reading.c, race.c and offline.c are the tests.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "file_oracle.h"

const char *dir, *dev, *type;
unsigned long limit_mb = 6, file_mb = 9, alignment = 512;
unsigned int seconds = 15;
bool want_hits;

/* Why a test failed. */
static char *reason;

void fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!*reason)
		vsnprintf(reason, PAGE, fmt, args);
	va_end(args);
	_exit(1);
}

static const struct test {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "reread", test_reread },
	{ "random", test_random },
	{ "overwrite", test_overwrite },
	{ "parallel", test_parallel },
	{ "readers", test_readers },
	{ "race_direct", test_race_direct },
	{ "race_punch", test_race_punch },
	{ "offline", test_offline },
	{ "readonly", test_readonly },
};

static const char * const counters[] = {
	"puts", "failed_puts", "succ_gets", "failed_gets", "invalidates",
	"invalidated_objects", "large_puts", "large_gets", "gated",
};

#define NR_COUNTERS	(sizeof(counters) / sizeof(counters[0]))

static bool run_test(const struct test *test)
{
	long before[NR_COUNTERS], disk = disk_pages();
	double begin = now();
	unsigned int i;
	int status;
	pid_t pid;

	for (i = 0; i < NR_COUNTERS; i++)
		before[i] = counter(counters[i]);
	*reason = 0;
	pid = fork();
	must(pid >= 0);
	if (!pid) {
		enter_cgroup();
		rnd_state = mix(seed);
		test->run();
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	printf("# %s took %.1f s: disk_pages %ld", test->name, now() - begin,
	       disk_pages() - disk);
	for (i = 0; i < NR_COUNTERS; i++)
		printf(" %s %ld", counters[i], counter(counters[i]) - before[i]);
	printf("\n");
	if (WIFSIGNALED(status))
		snprintf(reason, PAGE, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) && !*reason)
		snprintf(reason, PAGE, "status %d", WEXITSTATUS(status));
	if (*reason)
		printf("not ok %s: %s\n", test->name, reason);
	else
		printf("ok %s\n", test->name);
	fflush(stdout);
	return !*reason;
}

static bool run_named(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (!strcmp(tests[i].name, name))
			return run_test(&tests[i]);
	printf("not ok %s: no such test\n", name);
	return false;
}

int main(int argc, char **argv)
{
	const char *make = NULL;
	bool good = true;
	int opt;

	seed = time(NULL);
	while ((opt = getopt(argc, argv, "d:t:m:n:s:a:r:HM:")) != -1) {
		switch (opt) {
		case 'd':
			dev = optarg;
			break;
		case 't':
			type = optarg;
			break;
		case 'm':
			limit_mb = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			file_mb = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'a':
			alignment = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'H':
			want_hits = true;
			break;
		case 'M':
			make = optarg;
			break;
		default:
			return 2;
		}
	}
	reason = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(reason != MAP_FAILED);
	if (make) {
		make_file(make);
		return 0;
	}
	if (argc - optind < 2) {
		fprintf(stderr, "usage: see tools/testing/file_oracle/main.c\n");
		return 2;
	}
	dir = argv[optind++];
	printf("# seed %lu\n", (unsigned long)seed);
	fflush(stdout);
	for (; optind < argc; optind++)
		good &= run_named(argv[optind]);
	return !good;
}

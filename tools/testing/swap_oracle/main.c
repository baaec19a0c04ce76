// SPDX-License-Identifier: GPL-2.0
/*
 * Does memory that went through swap come back as it was?
 *
 * Each page that a test writes says in every word which page it is, and which
 * generation of it.  The tests push pages out, bring them back by all ways that
 * there are, change them on the way, and verify.  An older generation that
 * comes back is told apart from garbage.
 *
 * The tests are for a guest whose kernel has the backend frontswap_torture; its
 * parameters are set as each test needs them.  With another backend the tests
 * that cannot do without it are skipped, and the others take what comes.
 *
 * Each test runs in a process of its own, and must have made the backend work:
 * one that had no page stored has not passed.  Output, a line a test:
 *
 *   ok NAME
 *   ok NAME # SKIP why
 *   not ok NAME: why
 *
 * The other files: process.c, kernel.c, region.c and chance.c are what the tests
 * use; contents.c, loading.c, lost.c, zswap.c, area.c, large.c and pressure.c are
 * the tests.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include "swap_oracle.h"

const char *device = "/dev/vda";
unsigned long region_pages = 4096;
unsigned int seconds = 4;
static unsigned int timeout = 400;
/* The device takes large folios as they are; that none came is a failure then. */
bool takes_large;

/* Whether frontswap_torture was the backend when this program was started. */
static bool registered;

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(name)	{ #name, test_##name }

static const struct test tests[] = {
	TEST(anon),
	TEST(shmem),
	TEST(deferred),
	TEST(exclusive),
	TEST(overwrite),
	TEST(zeroes),
	TEST(mixed),
	TEST(mixed_shmem),
	TEST(fork),
	TEST(fork_storm),
	TEST(willneed),
	TEST(free_while_loading),
	TEST(exit_while_loading),
	TEST(punch_while_loading),
	TEST(killable),
	TEST(lost),
	TEST(write_through),
	TEST(zswap_toggle),
	TEST(zswap_stale),
	TEST(zswap_stale_zeroes),
	TEST(swapoff),
	TEST(swapoff_lost),
	TEST(unregister_refused),
	TEST(init_fails),
	TEST(register_race),
	TEST(large_folios),
	TEST(huge_folios),
	TEST(memcg),
	TEST(memcg_no_writeback),
	TEST(pressure),
};

#define NR_TESTS	(sizeof(tests) / sizeof(tests[0]))

/* The process of a test. */
static void run_child(const struct test *test)
{
	long stores = counter("stores");
	long errors = get_number(TORTURE, "contract_errors");

	setpgid(0, 0);
	random_state = 1;
	plain_backend();
	test->run();
	if (counter("stores") == stores && test->run != test_init_fails)
		fail("the backend was given nothing");
	if (get_number(TORTURE, "contract_errors") != errors)
		fail("the backend found fault with its calls, see the log");
	_exit(0);
}

/* Wait for a process, but not for ever. */
static int wait_timeout(pid_t pid, int *status)
{
	double end = now() + timeout;

	while (waitpid(pid, status, WNOHANG) != pid) {
		if (now() > end) {
			kill(-pid, SIGKILL);
			waitpid(pid, status, 0);
			return -1;
		}
		sleep_ms(20);
	}
	kill(-pid, SIGKILL);
	return 0;
}

/* What a test that failed may have left. */
static void restore(void)
{
	if (swapon(device, 0) && errno != EBUSY)
		printf("# swapon: %s\n", strerror(errno));
	if (registered)
		try_register(true);
	plain_backend();
	set_number(ZSWAP, "enabled", 0);
	set_number(ZSWAP, "max_pool_percent", 20);
	set_file(THP "hugepages-64kB/", "enabled", "never");
	set_file(THP "hugepages-2048kB/", "enabled", "never");
	umount(CGROUPS);
}

static bool run_test(const struct test *test)
{
	double start = now();
	bool late;
	int status;
	pid_t pid;

	*reason = 0;
	pid = fork();
	if (!pid)
		run_child(test);
	late = wait_timeout(pid, &status);
	restore();

	if (late)
		printf("not ok %s: not finished after %u s\n", test->name,
		       timeout);
	else if (WIFSIGNALED(status))
		printf("not ok %s: signal %d\n", test->name, WTERMSIG(status));
	else if (WEXITSTATUS(status) == SKIPPED)
		printf("ok %s # SKIP %s\n", test->name, reason);
	else if (WEXITSTATUS(status))
		printf("not ok %s: %s\n", test->name, reason);
	else
		printf("ok %s\n", test->name);
	fprintf(stderr, "# %s: %.1f s\n", test->name, now() - start);
	return !late && WIFEXITED(status) && WEXITSTATUS(status) != FAILED;
}

static void usage(void)
{
	unsigned int i;

	printf("usage: swap_oracle [-l] [-d SWAP-DEVICE] [-n PAGES] ");
	printf("[-s SECONDS] [-t TIMEOUT] [TEST...]\n");
	printf("  -l  it is a failure if the device takes no large folios\n");
	printf("tests:");
	for (i = 0; i < NR_TESTS; i++)
		printf(" %s", tests[i].name);
	printf("\n");
	exit(2);
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool good = true;
	unsigned int i;
	int opt;

	while ((opt = getopt(argc, argv, "ld:n:s:t:h")) != -1) {
		switch (opt) {
		case 'l':
			takes_large = true;
			break;
		case 'd':
			device = optarg;
			break;
		case 'n':
			region_pages = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 't':
			timeout = strtoul(optarg, NULL, 0);
			break;
		default:
			usage();
		}
	}

	setvbuf(stdout, NULL, _IOLBF, 0);
	reason = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reason == MAP_FAILED || mlockall(MCL_CURRENT)) {
		perror("swap_oracle");
		return 2;
	}
	if (counter("held_pages") < 0) {
		printf("not ok swap_oracle: no frontswap in debugfs\n");
		return 1;
	}
	registered = have_torture();
	for (i = 0; i < NR_TESTS; i++)
		if (wanted(tests[i].name, argv + optind))
			good &= run_test(&tests[i]);
	return !good;
}

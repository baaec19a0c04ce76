// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of a test: how they begin, wait and end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <sys/wait.h>
#include "swap_oracle.h"

/* Why a test failed or was skipped.  Shared by all processes of a test. */
char *reason;

void finish(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!*reason)
		vsnprintf(reason, PAGE, fmt, args);
	va_end(args);
	_exit(status);
}

void wait_for_all(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, 0)) > 0) {
		if (WIFSIGNALED(status))
			fail("a process died of signal %d", WTERMSIG(status));
		if (WEXITSTATUS(status))
			_exit(WEXITSTATUS(status));
	}
}

pid_t start_child(void)
{
	pid_t pid = fork();

	must(pid >= 0);
	return pid;
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

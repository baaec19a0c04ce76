// SPDX-License-Identifier: GPL-2.0
/*
 * Files of the kernel: what it counts, and the knobs of those who get pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "swap_oracle.h"

int set_file(const char *dir, const char *name, const char *value)
{
	char path[256];
	ssize_t ret;
	int fd, err;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value));
	err = errno;
	close(fd);
	return ret < 0 ? -err : 0;
}

int set_number(const char *dir, const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return set_file(dir, name, text);
}

long get_number(const char *dir, const char *name)
{
	char path[256], text[64] = "";
	long value = -1;
	int fd;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) > 0)
		value = text[0] == 'Y' ? 1 : strtol(text, NULL, 0);
	close(fd);
	return value;
}

long counter(const char *name)
{
	return get_number(FRONTSWAP, name);
}

bool have_torture(void)
{
	return get_number(TORTURE, "register") == 1;
}

void need_torture(void)
{
	if (!have_torture())
		skip("frontswap_torture is not the backend");
}

void knob(const char *name, long value)
{
	int ret = set_number(TORTURE, name, value);

	if (ret && ret != -ENOENT)
		fail("%s=%ld: %s", name, value, strerror(-ret));
}

int try_register(bool on)
{
	return set_number(TORTURE, "register", on);
}

/* A backend that takes all, keeps all and answers at once. */
void plain_backend(void)
{
	knob("reject_percent", 0);
	knob("wt_percent", 0);
	knob("defer_percent", 0);
	knob("exclusive_percent", 0);
	knob("delay_ms", 0);
	knob("lose_percent", 0);
	knob("fail_percent", 0);
	knob("init_error", 0);
}

/* A number of /proc/vmstat. */
long vmstat(const char *name)
{
	char line[128], key[64];
	long value, found = -1;
	FILE *f = fopen("/proc/vmstat", "r");

	must(f);
	while (found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", key, &value) == 2 &&
		    !strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

void zswap_set(const char *name, long value)
{
	int ret = set_number(ZSWAP, name, value);

	if (ret)
		fail("zswap %s=%ld: %s", name, value, strerror(-ret));
}

void need_zswap(void)
{
	if (get_number(ZSWAP, "enabled") < 0)
		skip("no zswap");
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Tests under pressure: too little memory, or a control group at its limit.
 */
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "swap_oracle.h"

/* Take all of the memory that is free, except for so many pages. */
static void fill_memory(unsigned long leave)
{
	unsigned long nr = sysconf(_SC_AVPHYS_PAGES);
	char *p;

	if (nr <= leave)
		return;
	nr -= leave;
	/* if it can be: it is quicker */
	set_file(THP "hugepages-2048kB/", "enabled", "madvise");
	p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(p != MAP_FAILED);
	madvise(p, nr * PAGE, MADV_HUGEPAGE);
	must(!madvise(p, nr * PAGE, MADV_DONTFORK));
	must(!mlock(p, nr * PAGE));
}

/* More than there is, so that it is reclaim that swaps, from all sides. */
void test_pressure(void)
{
	unsigned long nr = 9216, page;
	struct region r;
	int i;

	fill_memory(nr * 2 / 3);
	r = get_region(nr, MAP_PRIVATE);
	knob("defer_percent", 50);
	knob("exclusive_percent", 50);
	knob("reject_percent", 5);
	write_all(&r);
	for (i = 0; i < 4; i++) {
		pid_t pid = start_child();

		if (pid)
			continue;
		random_state = i;
		for (page = 0; page < 300; page++)
			check_page(&r, below(nr));
		_exit(0);
	}
	wait_for_all();
	for (page = 0; page < 1000; page++)
		next_gen(&r, below(nr));
	check_all(&r);
}

#define GROUP	CGROUPS "test/"

static void make_group(void)
{
	mkdir("/tmp", 0755);
	mkdir(CGROUPS, 0755);
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL))
		skip("no cgroup2: %m");
	set_file(CGROUPS, "cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	if (set_number(GROUP, "memory.max", region_pages / 2 * PAGE))
		skip("no memory controller");
}

/* A process in the group uses more memory than that has. */
static void use_group(void)
{
	struct region r;

	if (!start_child()) {
		must(!set_number(GROUP, "cgroup.procs", getpid()));
		r = get_region(region_pages, MAP_PRIVATE);
		write_all(&r);
		random_steps(&r, now() + seconds, false);
		_exit(0);
	}
	wait_for_all();
}

static void remove_group(void)
{
	rmdir(GROUP);
	umount(CGROUPS);
}

/* A control group at its limit: reclaim by the process that faults. */
void test_memcg(void)
{
	make_group();
	knob("defer_percent", 50);
	knob("exclusive_percent", 50);
	knob("reject_percent", 5);
	use_group();
	remove_group();
}

/*
 * A control group that may not use the swap device, only zswap, and a backend
 * that wants each page written through: it must get none, or none could leave.
 */
void test_memcg_no_writeback(void)
{
	struct region r = get_region(64, MAP_PRIVATE);
	long stores, rejects, zswap;

	need_torture();
	need_zswap();
	make_group();
	zswap_set("enabled", 1);
	knob("wt_percent", 100);
	if (set_number(GROUP, "memory.zswap.writeback", 0))
		skip("no memory.zswap.writeback");

	/* Others may. */
	write_all(&r);
	page_out_most(&r);
	check_all(&r);

	stores = counter("stores");
	rejects = counter("rejects");
	zswap = vmstat("zswpout");
	use_group();
	if (counter("stores") != stores)
		fail("%ld pages were stored", counter("stores") - stores);
	if (counter("rejects") == rejects)
		fail("no pages were refused");
	if (vmstat("zswpout") == zswap)
		fail("zswap got no pages");
	remove_group();
}

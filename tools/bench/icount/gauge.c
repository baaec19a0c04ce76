// SPDX-License-Identifier: GPL-2.0
/*
 * The gauge of instructions, as seen from inside a guest of QEMU that runs with
 * -icount shift=0: there the time stamp counter counts the instructions that
 * were executed.  See ../icount.sh.
 *
 *	gauge clock		is that so?
 *	gauge swap ARM CONTENT PAGES ROUNDS [blind]
 *				swap pages out and in, in front of what is swapped
 *				to now; "blind": they come back with anything
 *	gauge send ARM CONTENT PAGES ROUNDS
 *				the same with ramster: they move to a peer in between,
 *				and come back from there
 *	gauge lzo CONTENT PAGES	the compressor with and without the crypto API
 *	gauge net ARM CONTENT PAGES ROUNDS
 *				swap to a disk that is at a peer; in a control group
 *				of its own, see RECLAIM
 *	gauge nbd-serve PORT MB	be a network block device
 *	gauge nbd-attach DEVICE ADDRESS PORT MB
 *				attach that one; stays in the background
 *	gauge nbd-detach DEVICE
 *
 * Prints lines "ARM CONTENT MEASURE ROUND VALUE", instructions for each page,
 * and "bad" lines.  Each page says which it is and when it was written, and is
 * compared in full when it came back.
 *
 * While others work for us this CPU is idle now and then, and the clock goes on
 * by itself.  So there the number of instructions is plugin.c's, and the value
 * printed is "@" and what we have executed ourselves while we waited, which has
 * to be subtracted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define PAGE		4096UL
#define MAGIC		0x72616d7374657221ULL
#define WARM_UP		2	/* rounds that do not count */
#define RESIDENT	4096	/* pages that are swapped out all the time */
#define MAX_TOLD	5

/*
 * A section is what is executed between these two instructions, which do nothing.
 * plugin.c is told where they are; there must be one of each.
 */
static void __attribute__((noinline, noclone)) mark_begin(void)
{
	asm volatile(".global section_mark_begin\nsection_mark_begin: nop" ::: "memory");
}

static void __attribute__((noinline, noclone)) mark_end(void)
{
	asm volatile(".global section_mark_end\nsection_mark_end: nop" ::: "memory");
}

static void __attribute__((noreturn)) die(const char *what)
{
	printf("bad: %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * time is instructions
 */

static inline uint64_t now(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high) :: "memory");
	return (uint64_t)high << 32 | low;
}

static uint64_t clock_cost;	/* of now() itself */

static void calibrate(void)
{
	uint64_t best = UINT64_MAX, t;
	int i;

	for (i = 0; i < 100; i++) {
		t = now();
		t = now() - t;
		if (t < best)
			best = t;
	}
	clock_cost = best;
}

/* Two instructions for each turn. */
static void turn(uint64_t turns)
{
	asm volatile("1: dec %0; jnz 1b" : "+r" (turns) :: "cc");
}

/*
 * pages
 */

static uint8_t *mem;
static size_t nr_pages;
static uint64_t generation;
static const char *arm, *content;
static unsigned int nr_bad;

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185ULL;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44dULL;
	return x ^ x >> 33;
}

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1dULL;
}

/* Words, some much more often than others, in no order. */
static void make_text(uint8_t *p, size_t at, uint64_t x)
{
	uint64_t r, letters;
	size_t word, len;

	while (at < PAGE) {
		r = next(&x);
		word = (r & 0x7f) * (r >> 8 & 0x7f) >> 7;
		letters = mix(word + 1);
		for (len = 4 + letters % 8; len && at < PAGE; len--) {
			letters = mix(letters);
			p[at++] = 'a' + letters % 26;
		}
		if (at < PAGE)
			p[at++] = ' ';
	}
}

/* Pseudo-random bytes up to some place, and one repeated byte to the end. */
static void make_random(uint8_t *p, size_t at, uint64_t x, unsigned int percent)
{
	size_t end = PAGE * percent / 100;
	uint64_t w;

	/* sizes of neighbours differ, by up to a tenth of a page each way */
	if (percent < 100)
		end += x % (PAGE * percent / 225 + 1) - PAGE * percent / 450;
	for (; at + 8 <= end; at += 8) {
		w = next(&x);
		memcpy(p + at, &w, 8);
	}
	memset(p + at, 'a' + x % 23, PAGE - at);
}

static void make_page(uint8_t *p, uint64_t page)
{
	uint64_t header[4] = { MAGIC, page, generation, ~page };
	/* not of the generation: compressing takes the same in each round */
	uint64_t x = mix(page + 1) | 1;

	if (!strcmp(content, "filled")) {
		/* nothing else fits in */
		memset(p, 1 + (page + generation) % 255, PAGE);
		return;
	}
	if (!strcmp(content, "zero")) {
		memset(p, 0, PAGE);
		return;
	}
	memcpy(p, header, sizeof(header));
	if (!strcmp(content, "text"))
		make_text(p, sizeof(header), x);
	else if (!strcmp(content, "half"))
		make_random(p, sizeof(header), x, 45);
	else if (!strcmp(content, "quarter"))
		make_random(p, sizeof(header), x, 20);
	else if (!strcmp(content, "random"))
		make_random(p, sizeof(header), x, 100);
	else
		die(content);
}

static void write_pages(void)
{
	uint8_t page[PAGE];
	size_t i;

	generation++;
	for (i = 0; i < nr_pages; i++) {
		make_page(page, i);
		memcpy(mem + i * PAGE, page, PAGE);
	}
}

static void check_pages(void)
{
	uint8_t page[PAGE];
	size_t i, at;

	for (i = 0; i < nr_pages; i++) {
		make_page(page, i);
		if (!memcmp(mem + i * PAGE, page, PAGE))
			continue;
		for (at = 0; mem[i * PAGE + at] == page[at]; at++)
			;
		if (nr_bad++ < MAX_TOLD)
			printf("bad: %s %s: page %zu differs at byte %zu\n",
			       arm, content, i, at);
	}
}

/* What pagemap says: mincore() takes the swap cache for memory. */
static size_t swapped(void)
{
	static int fd = -1;
	uint64_t entry[nr_pages];
	size_t i, n = 0;

	if (fd < 0)
		fd = open("/proc/self/pagemap", O_RDONLY);
	if (pread(fd, entry, sizeof(entry), (uintptr_t)mem / PAGE * 8) !=
	    (ssize_t)sizeof(entry))
		die("pagemap");
	for (i = 0; i < nr_pages; i++)
		n += entry[i] >> 62 & 1;
	return n;
}

static void expect_swapped(size_t want)
{
	size_t n = swapped();

	if (n != want && nr_bad++ < MAX_TOLD)
		printf("bad: %s %s: %zu pages of %zu are swapped out, not %zu\n",
		       arm, content, n, nr_pages, want);
}

/*
 * measures
 */

struct section {
	const char *name;
	uint64_t begin;
};

static struct section section_begin(const char *name)
{
	struct section s = { .name = name };

	mark_begin();
	s.begin = now();
	return s;
}

/* round: negative while it warms up. */
static void section_end(const struct section *s, int round)
{
	uint64_t spent = now() - s->begin - clock_cost;

	mark_end();
	printf("%s %s %s %s %d %.1f\n", round < 0 ? "warm" : "got", arm,
	       content, s->name, round, (double)spent / nr_pages);
}

/* How much what we swap to says that it holds: $KEPT is a file with a number. */
static double kept(void)
{
	const char *path = getenv("KEPT");
	unsigned long n = 0;
	FILE *f;

	if (!path || !*path)
		return 0;
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lu", &n) != 1)
		die(path);
	fclose(f);
	return n;
}

/* $KEPT counts in these. */
static double kept_unit(void)
{
	const char *unit = getenv("KEPT_UNIT");

	return unit ? atoi(unit) : 1;
}

static void page_out(int round)
{
	double before = kept();
	struct section s = section_begin("store");

	if (madvise(mem, nr_pages * PAGE, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	section_end(&s, round);
	expect_swapped(nr_pages);
	if (round >= 0)
		printf("got %s %s kept %d %.1f\n", arm, content, round,
		       (kept() - before) / kept_unit() * 100 / nr_pages);
}

/* A fault each; the loop itself is four instructions a page. */
static void read_pages(const char *name, int round)
{
	struct section s = section_begin(name);
	size_t i;

	for (i = 0; i < nr_pages; i++)
		*(volatile uint8_t *)(mem + i * PAGE);
	section_end(&s, round);
	expect_swapped(0);
}

static void swap_round(int round, bool blind)
{
	write_pages();
	page_out(round);
	read_pages("load", round);
	if (!blind)
		check_pages();
}

static void map_pages(size_t pages)
{
	nr_pages = pages;
	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		die("mmap");
	if (madvise(mem, pages * PAGE, MADV_NOHUGEPAGE))
		die("MADV_NOHUGEPAGE");
}

/*
 * Nobody's store is empty but for what is measured: other pages are there first,
 * and stay, so that what is made once for many pages is made.
 */
static void fill_store(void)
{
	map_pages(RESIDENT);
	write_pages();
	if (madvise(mem, nr_pages * PAGE, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	expect_swapped(nr_pages);
}

static int do_swap(size_t pages, int rounds, bool blind)
{
	int round;

	fill_store();
	map_pages(pages);
	for (round = -WARM_UP; round < rounds; round++)
		swap_round(round, blind);
	return nr_bad != 0;
}

/*
 * who has worked
 */

#define MAX_TASKS	512

struct task {
	pid_t pid;
	char name[32];
	uint64_t ns;
};

struct tasks {
	unsigned int n;
	struct task task[MAX_TASKS];
};

/* CPU time of another process; in nanoseconds, so in instructions. */
static uint64_t cpu_time(pid_t pid)
{
	clockid_t clock = ~(clockid_t)pid << 3 | 2;
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void task_name(struct task *t)
{
	char path[40];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", t->pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%31s", t->name) != 1)
		snprintf(t->name, sizeof(t->name), "?");
	if (f)
		fclose(f);
	/* one of many */
	if (!strncmp(t->name, "kworker", 7))
		t->name[7] = 0;
}

static void look_at_tasks(struct tasks *tasks)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	struct task *t;

	tasks->n = 0;
	while (dir && (d = readdir(dir)) && tasks->n < MAX_TASKS) {
		t = &tasks->task[tasks->n];
		t->pid = atoi(d->d_name);
		if (t->pid <= 0 || t->pid == getpid())
			continue;
		task_name(t);
		t->ns = cpu_time(t->pid);
		tasks->n++;
	}
	if (dir)
		closedir(dir);
}

static uint64_t spent_by(const struct tasks *tasks, pid_t pid)
{
	unsigned int i;

	for (i = 0; i < tasks->n; i++)
		if (tasks->task[i].pid == pid)
			return tasks->task[i].ns;
	return 0;
}

/* Those of one name together. */
static void report_tasks(struct tasks *before, struct tasks *after,
			 const char *measure, int round)
{
	struct task *t, *u;
	uint64_t sum;

	for (t = after->task; t < after->task + after->n; t++) {
		sum = 0;
		for (u = t; u < after->task + after->n; u++) {
			if (strcmp(t->name, u->name) || !u->pid)
				continue;
			sum += u->ns - spent_by(before, u->pid);
			if (u != t)
				u->pid = 0;
		}
		if (t->pid && sum / nr_pages)
			printf("%s %s %s %s:%s %d %.1f\n",
			       round < 0 ? "warm" : "got", arm, content, measure,
			       t->name, round, (double)sum / nr_pages);
	}
}

/*
 * pages that go to a peer
 */

#define RAMSTER		"/sys/kernel/mm/ramster/"
#define SLOTS_BATCH	64
#define PATIENCE	2000	/* looks at a number that should change */

static unsigned long read_number(const char *path)
{
	unsigned long n;
	FILE *f = fopen(path, "r");

	if (!f || fscanf(f, "%lu", &n) != 1)
		die(path);
	fclose(f);
	return n;
}

static void write_number(const char *path, int n)
{
	FILE *f = fopen(path, "w");

	if (!f || fprintf(f, "%d\n", n) < 0 || fclose(f))
		die(path);
}

static void wait_number(const char *path, unsigned long low, unsigned long high)
{
	unsigned long n;
	unsigned int i;

	for (i = 0; i < PATIENCE; i++) {
		n = read_number(path);
		if (n >= low && n <= high)
			return;
		usleep(1000);
	}
	printf("bad: %s is %lu, not %lu to %lu\n", path, n, low, high);
	exit(1);
}

static uint64_t own_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* A section in which others work: what we do while we wait does not count. */
struct others {
	const char *name;
	struct tasks before;
	uint64_t own;		/* CPU time of ours, at the beginning */
	uint64_t waited;	/* spent on asking whether they have finished */
};

static struct others others;

static void others_begin(const char *name)
{
	look_at_tasks(&others.before);
	others.waited = 0;
	others.name = name;
	others.own = own_time();
	mark_begin();
}

/* Asking whether the others have finished is not a part of their work. */
static void others_waited(uint64_t since)
{
	others.waited += own_time() - since;
}

static void others_end(int round)
{
	const char *word = round < 0 ? "warm" : "got";
	static struct tasks after;
	uint64_t own;

	mark_end();
	own = own_time() - others.own - others.waited;
	printf("%s %s %s %s %d @%lu\n", word, arm, content, others.name, round,
	       others.waited);
	look_at_tasks(&after);
	printf("%s %s %s %s:own %d %.1f\n", word, arm, content, others.name,
	       round, (double)own / nr_pages);
	report_tasks(&others.before, &after, others.name, round);
}

static void send_pages(int round)
{
	unsigned long away = read_number(RAMSTER "remote_pers_pages");
	uint64_t t;

	others_begin("send");
	write_number(RAMSTER "pers_remotify_enable", 1);
	t = own_time();
	wait_number(RAMSTER "remote_pers_pages", away + nr_pages,
		    away + nr_pages);
	others_waited(t);
	others_end(round);
	write_number(RAMSTER "pers_remotify_enable", 0);
	wait_number(RAMSTER "remote_sending", 0, 0);
}

static void fetch_pages(int round)
{
	size_t i;

	others_begin("fetch");
	for (i = 0; i < nr_pages; i++)
		*(volatile uint8_t *)(mem + i * PAGE);
	others_end(round);
	expect_swapped(0);
}

/* The copy that the peer has kept goes with the page. */
static void forget_pages(int round)
{
	unsigned long away = read_number(RAMSTER "remote_pers_pages");
	uint64_t t;

	others_begin("forget");
	if (madvise(mem, nr_pages * PAGE, MADV_DONTNEED))
		die("MADV_DONTNEED");
	t = own_time();
	/* The kernel frees slots by the batch, so some may be freed later. */
	wait_number(RAMSTER "remote_pers_pages", 0,
		    away - nr_pages + SLOTS_BATCH);
	wait_number(RAMSTER "remote_debts", 0, 0);
	others_waited(t);
	others_end(round);
}

static int do_send(size_t pages, int rounds)
{
	int round;

	fill_store();
	write_number(RAMSTER "pers_remotify_enable", 1);
	wait_number(RAMSTER "remote_pers_pages", RESIDENT, RESIDENT);
	write_number(RAMSTER "pers_remotify_enable", 0);
	map_pages(pages);
	for (round = -WARM_UP; round < rounds; round++) {
		write_pages();
		page_out(round);
		send_pages(round);
		fetch_pages(round);
		check_pages();
		forget_pages(round);
	}
	return nr_bad != 0;
}

/*
 * pages that go to a disk at a peer
 */

#define RECLAIM		"/sys/fs/cgroup/gauge/memory.reclaim"

static unsigned long under_writeback(void)
{
	unsigned long n = 0;
	char line[80];
	FILE *f = fopen("/proc/vmstat", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "nr_writeback %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* Such a disk takes its time; what is written is freed by a second look. */
static void page_out_slowly(int round)
{
	uint64_t t;

	others_begin("store");
	if (madvise(mem, nr_pages * PAGE, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	t = own_time();
	while (under_writeback())
		usleep(5000);
	others_waited(t);
	write_number(RECLAIM, nr_pages * PAGE);
	others_end(round);
	expect_swapped(nr_pages);
}

static int do_net(size_t pages, int rounds)
{
	int round;

	map_pages(pages);
	for (round = -WARM_UP; round < rounds; round++) {
		write_pages();
		page_out_slowly(round);
		fetch_pages(round);
		check_pages();
	}
	return nr_bad != 0;
}

/*
 * a network block device
 */

static bool get_all(int fd, void *buf, size_t len)
{
	return recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

static bool put_all(int fd, const void *buf, size_t len, int flags)
{
	return send(fd, buf, len, flags) == (ssize_t)len;
}

/* Returns false when the other side has gone. */
static bool nbd_request(int fd, char *disk, size_t size)
{
	struct nbd_request req;
	struct nbd_reply reply = { .magic = htonl(NBD_REPLY_MAGIC) };
	uint64_t from;
	uint32_t len, cmd;

	if (!get_all(fd, &req, sizeof(req)))
		return false;
	memcpy(reply.handle, req.handle, sizeof(reply.handle));
	from = be64toh(req.from);
	len = ntohl(req.len);
	cmd = ntohl(req.type) & 0xffff;
	if (cmd == NBD_CMD_DISC || len > size || from > size - len)
		return false;
	if (cmd == NBD_CMD_WRITE && !get_all(fd, disk + from, len))
		return false;
	if (cmd != NBD_CMD_READ)
		return put_all(fd, &reply, sizeof(reply), 0);
	return put_all(fd, &reply, sizeof(reply), MSG_MORE) &&
	       put_all(fd, disk + from, len, 0);
}

static void no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int nbd_serve(int port, size_t size)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	char *disk = calloc(1, size);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!disk || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 1) || daemon(1, 1))
		die("nbd-serve");
	/* what is swapped to must not be swapped */
	memset(disk, 0, size);
	mlockall(MCL_CURRENT);
	fd = accept(fd, NULL, NULL);
	no_delay(fd);
	while (nbd_request(fd, disk, size))
		;
	return 0;
}

static int nbd_attach(const char *device, const char *address, int port,
		      size_t size)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), nbd = open(device, O_RDWR);

	inet_pton(AF_INET, address, &addr.sin_addr);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die(address);
	no_delay(fd);
	if (nbd < 0 || ioctl(nbd, NBD_SET_BLKSIZE, PAGE) ||
	    ioctl(nbd, NBD_SET_SIZE_BLOCKS, size / PAGE) ||
	    ioctl(nbd, NBD_SET_SOCK, fd))
		die(device);
	if (daemon(1, 1))
		die("daemon");
	ioctl(nbd, NBD_DO_IT);
	return 0;
}

/*
 * what the crypto API costs
 */

/* One page: its compressed size, then what each way costs. */
static void lzo_page(unsigned int nr)
{
	static const char *const name[] = {
		"bytes", "lib-compress", "lib-compress-safe", "api-compress",
		"lib-decompress", "api-decompress",
	};
	const char *path = "/sys/kernel/debug/icount/lzo";
	uint8_t page[PAGE];
	unsigned int i;
	char line[100], *at = line;
	ssize_t n;
	int fd;

	make_page(page, nr);
	fd = open(path, O_RDWR);
	if (fd < 0 || write(fd, page, PAGE) != (ssize_t)PAGE)
		die(path);
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		die(path);
	line[n] = 0;
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		printf("got lzo %s %s %u %lu\n", content, name[i], nr,
		       strtoul(at, &at, 10));
}

static int do_lzo(void)
{
	unsigned int i;

	generation = 1;
	for (i = 0; i < nr_pages; i++)
		lzo_page(i);
	return 0;
}

/*
 * is an instruction a nanosecond?
 */

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Least of several: without a tick of the timer in it. */
static void clock_loop(uint64_t turns)
{
	uint64_t t, ns, tsc = UINT64_MAX, mono = UINT64_MAX;
	int i;

	for (i = 0; i < 20; i++) {
		t = now();
		turn(turns);
		t = now() - t - clock_cost;
		if (t < tsc)
			tsc = t;
		ns = monotonic();
		turn(turns);
		ns = monotonic() - ns;
		if (ns < mono)
			mono = ns;
	}
	printf("clock %lu %lu %lu\n", 2 * turns, tsc, mono);
}

static int do_clock(void)
{
	printf("clock read %lu\n", clock_cost);
	clock_loop(1000);
	clock_loop(100000);
	clock_loop(1000000);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	mlockall(MCL_CURRENT);
	calibrate();
	if (!strcmp(what, "clock"))
		return do_clock();
	if (!strcmp(what, "lzo") && argc == 4) {
		content = argv[2];
		nr_pages = strtoul(argv[3], NULL, 10);
		return do_lzo();
	}
	if (!strcmp(what, "swap") && argc >= 6) {
		arm = argv[2];
		content = argv[3];
		return do_swap(strtoul(argv[4], NULL, 10), atoi(argv[5]),
			       argc > 6);
	}
	if (!strcmp(what, "send") && argc == 6) {
		arm = argv[2];
		content = argv[3];
		return do_send(strtoul(argv[4], NULL, 10), atoi(argv[5]));
	}
	if (!strcmp(what, "net") && argc == 6) {
		arm = argv[2];
		content = argv[3];
		return do_net(strtoul(argv[4], NULL, 10), atoi(argv[5]));
	}
	if (!strcmp(what, "nbd-serve") && argc == 4)
		return nbd_serve(atoi(argv[2]), strtoul(argv[3], NULL, 10) << 20);
	if (!strcmp(what, "nbd-detach") && argc == 3)
		return ioctl(open(argv[2], O_RDWR), NBD_DISCONNECT) != 0;
	if (!strcmp(what, "nbd-attach") && argc == 6)
		return nbd_attach(argv[2], argv[3], atoi(argv[4]),
				  strtoul(argv[5], NULL, 10) << 20);
	fprintf(stderr, "gauge: what is %s?\n", what);
	return 2;
}

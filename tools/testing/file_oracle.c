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
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CELL		512UL
#define WORDS		(CELL / sizeof(uint64_t))
#define PAGE		4096UL
#define PAGE_CELLS	(PAGE / CELL)
#define BLOCK		PAGE
#define CHUNK		(128UL << 10)

#define CGROUP		"/sys/fs/cgroup/file_oracle/"
#define CLEANCACHE	"/sys/kernel/debug/cleancache/"

static const char *dir, *dev, *type;
static unsigned long limit_mb = 6, file_mb = 9, alignment = 512;
static unsigned int seconds = 15;
static bool want_hits;

/* Why a test failed. */
static char *reason;

static void __attribute__((format(printf, 1, 2), noreturn))
fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!*reason)
		vsnprintf(reason, PAGE, fmt, args);
	va_end(args);
	_exit(1);
}

#define must(what)	do { if (!(what)) fail(#what ": %m"); } while (0)

/* Random numbers, a state for each thread. */

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t seed;
static __thread uint64_t rnd_state;

static unsigned long rnd(unsigned long below)
{
	rnd_state += 0x9e3779b97f4a7c15ULL;
	return mix(rnd_state) % below;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Files of the kernel's. */

static int put_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static long counter(const char *name)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), CLEANCACHE "%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atol(text);
}

/* Pages read from the device so far. */
static long disk_pages(void)
{
	unsigned long reads, merged, sectors = 0;
	const char *name;
	char path[128];
	FILE *f;

	if (!dev)
		return 0;
	name = strrchr(dev, '/') + 1;
	snprintf(path, sizeof(path), "/sys/block/%s/stat", name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu %lu", &reads, &merged, &sectors) != 3)
		sectors = 0;
	fclose(f);
	return sectors / 8;
}

/* Have memory of this control group reclaimed. */
static void reclaim(unsigned long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", bytes);
	/* it may not find so much */
	put_text(CGROUP "memory.reclaim", text);
}

static void enter_cgroup(void)
{
	char text[32];

	if (!limit_mb)
		return;
	mkdir(CGROUP, 0755);
	snprintf(text, sizeof(text), "%lu", limit_mb << 20);
	if (put_text(CGROUP "memory.max", text))
		fail("cannot set the memory limit: %m");
	if (put_text(CGROUP "cgroup.procs", "0"))
		fail("cannot enter the control group: %m");
}

/* The model. */

/*
 * A cell that was never written, or was punched out, has generation 0 and is all
 * zeroes.  One that the end of the file went through has only its first bytes.
 * It keeps its number when it is moved.
 */
struct cell {
	uint32_t gen, nr;
	uint16_t keep, file;
};

static struct {
	char path[256];
	int fd, direct;
	unsigned long size, max;
	uint32_t gen;
	uint16_t file;
	struct cell *cells;
} m = { .fd = -1, .direct = -1 };

static void fill_cell(uint64_t *words, struct cell cell)
{
	uint64_t base = mix(cell.nr ^ (uint64_t)cell.gen << 32 ^
			    (uint64_t)cell.file << 56);
	unsigned int i;

	if (!cell.gen) {
		memset(words, 0, CELL);
		return;
	}
	words[0] = (uint64_t)cell.file << 32 | cell.gen;
	words[1] = cell.nr;
	for (i = 2; i < WORDS; i++)
		words[i] = base + i;
	if (cell.keep < CELL)
		memset((char *)words + cell.keep, 0, CELL - cell.keep);
}

/* Tell what is there from what should be. */
static void __attribute__((noreturn))
wrong_cell(const char *how, const uint64_t *got, unsigned long nr,
	   struct cell want)
{
	struct cell other = { got[0], got[1], CELL, got[0] >> 32 };
	uint64_t again[WORDS];

	fill_cell(again, other);
	if (other.gen && !memcmp(got, again, CELL / 2))
		fail("%s: cell %lu has generation %u of cell %u of file %u, not %u of %u of %u",
		     how, nr, other.gen, other.nr, other.file, want.gen,
		     want.nr, want.file);
	if (!got[0] && !got[1] && !got[WORDS - 1])
		fail("%s: cell %lu has generation 0, not %u", how, nr, want.gen);
	fail("%s: cell %lu, generation %u, is garbage: %016lx %016lx %016lx",
	     how, nr, want.gen, got[0], got[1], got[2]);
}

static void check_cell(const char *how, const void *data, unsigned long nr,
		       struct cell want, unsigned long len)
{
	uint64_t expected[WORDS], got[WORDS];

	fill_cell(expected, want);
	if (!memcmp(data, expected, len))
		return;
	memset(got, 0, sizeof(got));
	memcpy(got, data, len);
	wrong_cell(how, got, nr, want);
}

/* Compare what was read at @pos, the start of a cell. */
static void check(const char *how, const char *data, unsigned long pos,
		  unsigned long len)
{
	unsigned long done, n;

	for (done = 0; done < len; done += n) {
		n = len - done < CELL ? len - done : CELL;
		check_cell(how, data + done, (pos + done) / CELL,
			   m.cells[(pos + done) / CELL], n);
	}
}

/* The model of a write; fills in what is to be written. */
static void model_write(char *data, unsigned long pos, unsigned long len,
			uint32_t gen)
{
	unsigned long nr;

	for (nr = pos / CELL; nr < (pos + len) / CELL; nr++) {
		m.cells[nr] = (struct cell){ gen, nr, CELL, m.file };
		fill_cell((uint64_t *)(data + nr * CELL - pos), m.cells[nr]);
	}
}

static void model_zero(unsigned long pos, unsigned long len)
{
	memset(&m.cells[pos / CELL], 0, len / CELL * sizeof(struct cell));
}

/* The end of the file: what is behind it is zeroes if it comes back. */
static void model_truncate(unsigned long size)
{
	unsigned long first = (size + CELL - 1) / CELL;
	struct cell *last = &m.cells[size / CELL];

	memset(&m.cells[first], 0, (m.max / CELL - first) * sizeof(struct cell));
	if (size % CELL && last->keep > size % CELL)
		last->keep = size % CELL;
	m.size = size;
}

/* A generation that nobody has used. */
static uint32_t next_gen(void)
{
	return __atomic_add_fetch(&m.gen, 1, __ATOMIC_RELAXED);
}

/* Files. */

static void open_file(int flags)
{
	m.fd = open(m.path, O_RDWR | flags, 0644);
	if (m.fd < 0)
		fail("%s: %m", m.path);
	m.direct = open(m.path, O_RDWR | O_DIRECT);
	if (m.direct < 0)
		fail("%s, direct: %m", m.path);
}

static void close_file(void)
{
	close(m.fd);
	close(m.direct);
}

/* A buffer for each thread. */
static char *new_buffer(void)
{
	char *data = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(data != MAP_FAILED);
	return data;
}

static void write_file(char *data, unsigned long size)
{
	unsigned long pos;
	uint32_t gen = next_gen();

	for (pos = 0; pos < size; pos += CHUNK) {
		model_write(data, pos, CHUNK, gen);
		must(pwrite(m.fd, data, CHUNK, pos) == CHUNK);
	}
	m.size = size;
	must(!fsync(m.fd));
}

static void read_range(const char *how, int fd, char *data, unsigned long pos,
		       unsigned long len)
{
	ssize_t got = pread(fd, data, len, pos);

	if (got < 0)
		fail("%s at %lu: %m", how, pos);
	if (pos + len <= m.size && (unsigned long)got != len)
		fail("%s at %lu: %zd bytes of %lu", how, pos, got, len);
	check(how, data, pos, got);
}

static void read_file(const char *how, char *data)
{
	unsigned long pos, len;

	for (pos = 0; pos < m.size; pos += CHUNK) {
		len = m.size - pos < CHUNK ? m.size - pos : CHUNK;
		read_range(how, m.fd, data, pos, len);
	}
}

/* A file of this test's, empty. */
static char *new_file(const char *name)
{
	snprintf(m.path, sizeof(m.path), "%s/%s", dir, name);
	unlink(m.path);
	m.max = file_mb << 20;
	m.size = 0;
	m.file++;
	m.cells = calloc(m.max / CELL + 1, sizeof(struct cell));
	must(m.cells);
	open_file(O_CREAT | O_TRUNC);
	return new_buffer();
}

static void remount(void)
{
	close_file();
	if (umount(dir))
		fail("umount: %m");
	if (mount(dev, dir, type, 0, NULL))
		fail("mount: %m");
	open_file(0);
}

/* Random operations: a range for each thread, in which nobody else writes. */

struct range {
	pthread_t thread;
	unsigned long start, end;
	unsigned int nr;
	bool alone;
	double until;
	unsigned long ops;
};

enum op {
	READ, READ_DIRECT, READ_MAP, READ_AHEAD, WRITE, WRITE_DIRECT, WRITE_MAP,
	PUNCH, ZERO, SYNC, DONTNEED, RECLAIM,
	/* These are for one who is alone. */
	SHRINK, GROW, COLLAPSE, INSERT, DROP_CACHES, REMOUNT, RECREATE,
	NR_OPS
};

static const struct {
	const char *name;
	unsigned int weight;
} ops[NR_OPS] = {
	[READ] = { "read", 300 }, [READ_DIRECT] = { "direct read", 60 },
	[READ_MAP] = { "mapped read", 120 }, [READ_AHEAD] = { "read after readahead", 60 },
	[WRITE] = { "write", 160 }, [WRITE_DIRECT] = { "direct write", 80 },
	[WRITE_MAP] = { "mapped write", 80 }, [PUNCH] = { "punch hole", 40 },
	[ZERO] = { "zero range", 30 }, [SYNC] = { "fsync", 20 },
	[DONTNEED] = { "fadvise", 30 }, [RECLAIM] = { "reclaim", 100 },
	[SHRINK] = { "shrink", 20 }, [GROW] = { "grow", 20 },
	[COLLAPSE] = { "collapse range", 20 }, [INSERT] = { "insert range", 20 },
	[DROP_CACHES] = { "drop_caches", 3 }, [REMOUNT] = { "remount", 3 },
	[RECREATE] = { "unlink and create", 2 },
};

static unsigned long op_count[NR_OPS];
static bool op_missing[NR_OPS];

static enum op draw_op(bool alone)
{
	enum op last = alone ? NR_OPS : SHRINK, op;
	unsigned int sum = 0;
	unsigned long at;

	for (op = 0; op < last; op++)
		sum += ops[op].weight;
	at = rnd(sum);
	for (op = 0; at >= ops[op].weight; op++)
		at -= ops[op].weight;
	return op;
}

/* A part of the range, with both ends where @align allows. */
static void draw_part(struct range *r, unsigned long align, unsigned long *pos,
		      unsigned long *len)
{
	unsigned long units = (r->end - r->start) / align;
	unsigned long most = CHUNK / align;
	unsigned long first = rnd(units);

	/* many small ones, some as large as it gets */
	if (rnd(4))
		most = most / 8 ? most / 8 : 1;
	*len = 1 + rnd(most);
	if (*len > units - first)
		*len = units - first;
	*pos = r->start + first * align;
	*len *= align;
}

static void *map_part(enum op op, unsigned long pos, unsigned long len,
		      unsigned long *skip)
{
	int prot = op == WRITE_MAP ? PROT_READ | PROT_WRITE : PROT_READ;
	void *map;

	*skip = pos % PAGE;
	map = mmap(NULL, len + *skip, prot, MAP_SHARED, m.fd, pos - *skip);
	must(map != MAP_FAILED);
	return map;
}

static void do_mapped(enum op op, char *data, unsigned long pos,
		      unsigned long len)
{
	unsigned long skip;
	char *map;

	if (pos >= m.size)
		return;
	if (pos + len > m.size)
		len = (m.size - pos) / CELL * CELL;
	if (!len)
		return;
	map = map_part(op, pos, len, &skip);
	if (op == WRITE_MAP) {
		model_write(data, pos, len, next_gen());
		memcpy(map + skip, data, len);
	} else {
		memcpy(data, map + skip, len);
		check(ops[op].name, data, pos, len);
	}
	munmap(map, len + skip);
}

/* Returns false if the file system does not know how to. */
static bool do_fallocate(int mode, unsigned long pos, unsigned long len)
{
	if (!fallocate(m.fd, mode, pos, len))
		return true;
	if (errno != EOPNOTSUPP)
		fail("fallocate %#x at %lu, %lu bytes: %m", mode, pos, len);
	return false;
}

static void grow_to(unsigned long size)
{
	if (size > m.size)
		m.size = size;
}

static void do_write(enum op op, char *data, unsigned long pos,
		     unsigned long len)
{
	int fd = op == WRITE_DIRECT ? m.direct : m.fd;

	model_write(data, pos, len, next_gen());
	if (pwrite(fd, data, len, pos) != (ssize_t)len)
		fail("%s at %lu, %lu bytes: %m", ops[op].name, pos, len);
	grow_to(pos + len);
}

static void do_truncate(enum op op)
{
	unsigned long size = op == SHRINK ? rnd(m.size + 1) :
			     m.size + rnd(m.max - m.size + 1);

	/* mostly not much, or there would be nothing left to look at */
	if (op == SHRINK && rnd(4))
		size = m.size - rnd(m.size / 16 + 1);
	/* pieces can be taken out of whole blocks only */
	if (rnd(2))
		size -= size % BLOCK;
	must(!ftruncate(m.fd, size));
	model_truncate(size);
}

/* Take a piece out of the file, or put one in: what is behind it moves. */
static bool do_shift(enum op op)
{
	unsigned long len = BLOCK * (1 + rnd(16));
	struct cell *cells = m.cells;
	unsigned long pos, rest;

	if (m.size < 64 * BLOCK || m.size % BLOCK ||
	    (op == INSERT && m.size + len > m.max))
		return true;
	pos = rnd((m.size - len) / BLOCK) * BLOCK;
	if (!do_fallocate(op == COLLAPSE ? FALLOC_FL_COLLAPSE_RANGE :
			  FALLOC_FL_INSERT_RANGE, pos, len))
		return false;
	if (op == COLLAPSE) {
		rest = m.size - pos - len;
		memmove(&cells[pos / CELL], &cells[(pos + len) / CELL],
			rest / CELL * sizeof(*cells));
		model_truncate(m.size - len);
	} else {
		rest = m.size - pos;
		memmove(&cells[(pos + len) / CELL], &cells[pos / CELL],
			rest / CELL * sizeof(*cells));
		model_zero(pos, len);
		m.size += len;
	}
	return true;
}

static void recreate(char *data)
{
	close_file();
	must(!unlink(m.path));
	m.file++;
	memset(m.cells, 0, m.max / CELL * sizeof(struct cell));
	open_file(O_CREAT | O_EXCL);
	write_file(data, m.max / 2);
}

/* Returns false if this file system cannot do that. */
static bool do_op(enum op op, struct range *r, char *data)
{
	unsigned long pos, len;

	draw_part(r, op == READ_DIRECT || op == WRITE_DIRECT ? alignment : CELL,
		  &pos, &len);
	switch (op) {
	case READ_AHEAD:
	case READ:
		if (op == READ_AHEAD)
			posix_fadvise(m.fd, pos, len, POSIX_FADV_WILLNEED);
		read_range(ops[op].name, m.fd, data, pos, len);
		break;
	case READ_DIRECT:
		read_range(ops[op].name, m.direct, data, pos, len);
		break;
	case READ_MAP:
	case WRITE_MAP:
		do_mapped(op, data, pos, len);
		break;
	case WRITE:
	case WRITE_DIRECT:
		do_write(op, data, pos, len);
		break;
	case PUNCH:
	case ZERO:
		if (!do_fallocate((op == PUNCH ? FALLOC_FL_PUNCH_HOLE :
				   FALLOC_FL_ZERO_RANGE) |
				  FALLOC_FL_KEEP_SIZE, pos, len))
			return false;
		model_zero(pos, len);
		break;
	case SYNC:
		must(!fsync(m.fd));
		break;
	case DONTNEED:
		/* what is dirty would stay */
		must(!fsync(m.fd));
		posix_fadvise(m.fd, pos, len, POSIX_FADV_DONTNEED);
		break;
	case RECLAIM:
		reclaim(len * 8);
		break;
	case SHRINK:
	case GROW:
		do_truncate(op);
		break;
	case COLLAPSE:
	case INSERT:
		return do_shift(op);
	case DROP_CACHES:
		must(!fsync(m.fd));
		put_text("/proc/sys/vm/drop_caches", "3");
		break;
	case REMOUNT:
		if (!dev)
			return false;
		remount();
		break;
	case RECREATE:
		recreate(data);
		break;
	default:
		break;
	}
	return true;
}

static void *random_ops(void *arg)
{
	struct range *r = arg;
	char *data = new_buffer();
	enum op op;

	rnd_state = mix(seed + 1000 * m.file + r->nr);
	while (now() < r->until) {
		op = draw_op(r->alone);
		if (op_missing[op])
			continue;
		if (!do_op(op, r, data))
			op_missing[op] = true;
		__atomic_add_fetch(&op_count[op], 1, __ATOMIC_RELAXED);
		r->ops++;
	}
	munmap(data, CHUNK);
	return NULL;
}

static void print_ops(void)
{
	enum op op;

	printf("# operations:");
	for (op = 0; op < NR_OPS; op++)
		if (op_count[op])
			printf(" %s %lu%s,", ops[op].name, op_count[op],
			       op_missing[op] ? " (cannot)" : "");
	printf("\n");
	fflush(stdout);
}

/* The tests.  Each in a process and with a file of its own. */

/* Written once, read again and again: the disk is read less than that. */
static void test_reread(void)
{
	char *data = new_file("reread");
	long pages, disk, hits;
	unsigned int pass;

	write_file(data, m.max);
	/* all of it has to be read once before it is worth anything */
	read_file("first read", data);
	for (pass = 2; pass < 5; pass++) {
		disk = disk_pages();
		hits = counter("succ_gets");
		read_file("read again", data);
		pages = m.size / PAGE;
		disk = disk_pages() - disk;
		hits = counter("succ_gets") - hits;
		printf("# pass %u: %ld pages, %ld read from the disk, %ld got\n",
		       pass, pages, disk, hits);
	}
	fflush(stdout);
	/*
	 * Without cleancache, reading in order what does not fit into memory
	 * reads all of it each time. So what was got was not read.
	 */
	if (want_hits && hits < pages / 8)
		fail("%ld hits in %ld pages", hits, pages);
	if (want_hits && dev && disk > pages - hits * 3 / 4)
		fail("%ld pages read from the disk, though %ld of %ld were got",
		     disk, hits, pages);
}

/* One process, and whatever one can do to a file. */
static void test_random(void)
{
	char *data = new_file("random");
	struct range r = { .end = m.max, .alone = true };

	write_file(data, m.max * 7 / 8);
	r.until = now() + seconds;
	random_ops(&r);
	print_ops();
	read_file("last read", data);
	must(!fsync(m.fd));
	put_text("/proc/sys/vm/drop_caches", "3");
	read_file("read from the disk", data);
}

#define THREADS	4

/* Several at a time, each in its part of one file. */
static void test_parallel(void)
{
	char *data = new_file("parallel");
	struct range r[THREADS] = { 0 };
	unsigned int i;

	write_file(data, m.max);
	for (i = 0; i < THREADS; i++) {
		r[i].nr = i + 1;
		r[i].start = m.max / THREADS * i;
		r[i].end = m.max / THREADS * (i + 1);
		r[i].until = now() + seconds;
		must(!pthread_create(&r[i].thread, NULL, random_ops, &r[i]));
	}
	for (i = 0; i < THREADS; i++)
		must(!pthread_join(r[i].thread, NULL));
	print_ops();
	read_file("last read", data);
}

/* Several processes read all of a file, in order and mapped, here and there. */
static void readers(double until)
{
	struct range all = { .end = m.size / CHUNK * CHUNK };
	unsigned int i;
	int status, bad = 0;

	for (i = 0; i < THREADS; i++) {
		char *data;

		if (fork())
			continue;
		data = new_buffer();
		rnd_state = mix(seed + i);
		while (now() < until) {
			if (i % 2)
				read_file("read", data);
			else
				do_op(rnd(2) ? READ : READ_MAP, &all, data);
		}
		_exit(0);
	}
	for (i = 0; i < THREADS; i++) {
		must(wait(&status) > 0);
		bad |= status;
	}
	if (bad)
		fail("a reader has failed");
}

static void test_readers(void)
{
	char *data = new_file("readers");

	write_file(data, m.max);
	readers(now() + seconds);
}

/*
 * Readers and reclaim go on all the time, in a part of a file that is being
 * changed behind the page cache.  When that is over, nobody must see how it was.
 */
static struct {
	unsigned long pos, len;
	/* what is being changed */
	volatile unsigned long at;
	volatile bool stop;
	unsigned long rounds;
} race;

static void *race_reader(void *arg)
{
	char *data = new_buffer(), *map;
	unsigned long n = 64 << 10, i;

	rnd_state = mix(seed + (unsigned long)arg);
	map = mmap(NULL, race.len, PROT_READ, MAP_SHARED, m.fd, race.pos);
	must(map != MAP_FAILED);
	while (!race.stop) {
		unsigned long off = rnd(2) ? race.at : rnd(race.len / n) * n;

		/* what they read may be old or new */
		if (rnd(4)) {
			must(pread(m.fd, data, n, race.pos + off) >= 0);
			continue;
		}
		for (i = 0; i < n; i += PAGE)
			*(volatile char *)data = map[off + i];
		madvise(map, race.len, MADV_DONTNEED);
	}
	return NULL;
}

static void *race_reclaim(void *arg)
{
	(void)arg;
	while (!race.stop)
		reclaim(race.len);
	return NULL;
}

static void race_round(bool punch, char *data)
{
	unsigned long pos;
	uint32_t gen = next_gen();

	for (pos = race.pos; pos < race.pos + race.len; pos += CHUNK) {
		race.at = pos - race.pos;
		model_write(data, pos, CHUNK, gen);
		must(pwrite(punch ? m.fd : m.direct, data, CHUNK, pos) == CHUNK);
		if (!punch)
			read_range("after a direct write", m.fd, data, pos,
				   CHUNK);
	}
	if (!punch)
		return;
	must(!fsync(m.fd));
	for (pos = race.pos; pos < race.pos + race.len; pos += CHUNK) {
		race.at = pos - race.pos;
		must(do_fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  pos, CHUNK));
		model_zero(pos, CHUNK);
		read_range("after a punch", m.fd, data, pos, CHUNK);
	}
}

static void run_race(const char *name, bool punch)
{
	char *data = new_file(name);
	pthread_t threads[4];
	double until;
	unsigned long i;

	m.max = 2 << 20;
	write_file(data, m.max);
	race.pos = 0;
	race.len = m.max;
	for (i = 0; i < 3; i++)
		must(!pthread_create(&threads[i], NULL, race_reader, (void *)i));
	must(!pthread_create(&threads[3], NULL, race_reclaim, NULL));
	until = now() + seconds;
	for (race.rounds = 0; now() < until; race.rounds++)
		race_round(punch, data);
	race.stop = true;
	for (i = 0; i < 4; i++)
		must(!pthread_join(threads[i], NULL));
	read_file("last read", data);
	printf("# %lu rounds\n", race.rounds);
	fflush(stdout);
}

static void test_race_direct(void)
{
	run_race("race_direct", false);
}

static void test_race_punch(void)
{
	run_race("race_punch", true);
}

/* Where on the device the file is. */
static struct fiemap *file_extents(void)
{
	struct fiemap *map;
	unsigned int nr = 256;

	map = calloc(1, sizeof(*map) + nr * sizeof(map->fm_extents[0]));
	must(map);
	map->fm_length = m.size;
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = nr;
	must(!ioctl(m.fd, FS_IOC_FIEMAP, map));
	must(map->fm_mapped_extents && map->fm_mapped_extents < nr);
	return map;
}

/* A file that is changed on the device while nothing is mounted. */
static void test_offline(void)
{
	char *data = new_file("offline");
	struct fiemap *map;
	unsigned int i;
	uint32_t gen;
	int disk;

	if (!dev)
		fail("needs a device");
	m.max = 4 << 20;
	write_file(data, m.max);
	read_file("first read", data);
	reclaim(m.max);
	map = file_extents();
	gen = next_gen();
	close_file();
	must(!umount(dir));
	disk = open(dev, O_RDWR);
	must(disk >= 0);
	for (i = 0; i < map->fm_mapped_extents; i++) {
		struct fiemap_extent *e = &map->fm_extents[i];
		unsigned long done, n;

		must(!(e->fe_flags & (FIEMAP_EXTENT_UNKNOWN |
				      FIEMAP_EXTENT_DELALLOC |
				      FIEMAP_EXTENT_ENCODED)));
		/* there may be room behind the end */
		if (e->fe_logical + e->fe_length > m.size)
			e->fe_length = m.size - e->fe_logical;
		for (done = 0; done < e->fe_length; done += n) {
			n = e->fe_length - done < CHUNK ? e->fe_length - done :
			    CHUNK;
			model_write(data, e->fe_logical + done, n, gen);
			must(pwrite(disk, data, n, e->fe_physical + done) ==
			     (ssize_t)n);
		}
	}
	must(!fsync(disk));
	close(disk);
	must(!mount(dev, dir, type, 0, NULL));
	open_file(0);
	read_file("after it was changed on the device", data);
}

/* A file of generation 1 that somebody else has made. */
static void model_made_file(void)
{
	unsigned long nr;

	m.max = m.size;
	m.file = 1;
	m.cells = calloc(m.max / CELL + 1, sizeof(struct cell));
	must(m.cells);
	for (nr = 0; nr < m.max / CELL; nr++)
		m.cells[nr] = (struct cell){ 1, nr, CELL, 1 };
}

/* File systems that cannot be written to. */
static void test_readonly(void)
{
	char *data = new_buffer();
	long hits = counter("succ_gets"), disk = disk_pages();
	struct stat st;

	snprintf(m.path, sizeof(m.path), "%s/file", dir);
	m.fd = open(m.path, O_RDONLY);
	must(m.fd >= 0);
	must(!fstat(m.fd, &st));
	m.size = st.st_size;
	model_made_file();
	read_file("first read", data);
	read_file("second read", data);
	printf("# %lu pages, read twice: %ld read from the disk, %ld got\n",
	       m.size / PAGE, disk_pages() - disk,
	       counter("succ_gets") - hits);
	fflush(stdout);
	readers(now() + seconds);
	if (want_hits && counter("succ_gets") - hits < (long)(m.size / PAGE / 8))
		fail("only %ld hits", counter("succ_gets") - hits);
}

static void make_file(const char *path)
{
	char *data = new_buffer();

	m.fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(m.fd >= 0);
	m.size = file_mb << 20;
	model_made_file();
	m.gen = 0;
	write_file(data, m.size);
}

static const struct test {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "reread", test_reread },
	{ "random", test_random },
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
		fprintf(stderr, "usage: see %s.c\n", argv[0]);
		return 2;
	}
	dir = argv[optind++];
	printf("# seed %lu\n", (unsigned long)seed);
	fflush(stdout);
	for (; optind < argc; optind++)
		good &= run_named(argv[optind]);
	return !good;
}

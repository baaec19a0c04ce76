/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of file_oracle share; see main.c.
 */
#ifndef _RAMSTER_FILE_ORACLE_H
#define _RAMSTER_FILE_ORACLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define CELL		512UL
#define PAGE		4096UL
#define CHUNK		(128UL << 10)

#define THREADS		4

#define must(what)	do { if (!(what)) fail(#what ": %m"); } while (0)

/*
 * A cell that was never written, or was punched out, has generation 0 and is all
 * zeroes.  One that the end of the file went through has only its first bytes.
 * It keeps its number when it is moved.
 */
struct cell {
	uint32_t gen, nr;
	uint16_t keep, file;
};

struct model {
	char path[256];
	int fd, direct;
	unsigned long size, max;
	uint32_t gen;
	uint16_t file;
	struct cell *cells;
};

/* Of random operations: a part of the file in which nobody else writes. */
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

/* main.c: what the command line says */
extern const char *dir, *dev, *type;
extern unsigned long limit_mb, file_mb, alignment;
extern unsigned int seconds;
extern bool want_hits;

void fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* chance.c */
extern uint64_t seed;
extern __thread uint64_t rnd_state;

uint64_t mix(uint64_t x);
unsigned long rnd(unsigned long below);
double now(void);

/* kernel.c */
int put_text(const char *file, const char *text);
long counter(const char *name);
long disk_pages(void);
void reclaim(unsigned long bytes);
void enter_cgroup(void);

/* model.c */
extern struct model m;

void check(const char *how, const char *data, unsigned long pos,
	   unsigned long len);
void model_write(char *data, unsigned long pos, unsigned long len,
		 uint32_t gen);
void model_zero(unsigned long pos, unsigned long len);
void model_truncate(unsigned long size);
uint32_t next_gen(void);

/* file.c */
void open_file(int flags);
void close_file(void);
char *new_buffer(void);
void write_file(char *data, unsigned long size);
void read_range(const char *how, int fd, char *data, unsigned long pos,
		unsigned long len);
void read_file(const char *how, char *data);
char *new_file(const char *name);
void remount(void);

/* operations.c */
bool do_fallocate(int mode, unsigned long pos, unsigned long len);
bool do_op(enum op op, struct range *r, char *data);
void *random_ops(void *arg);
void print_ops(void);

/* The tests.  Each in a process and with a file of its own. */

/* random.c */
void test_random(void);
void test_overwrite(void);
void test_parallel(void);

/* reading.c */
void test_reread(void);
void test_readers(void);
void test_readonly(void);
void make_file(const char *path);

/* race.c */
void test_race_direct(void);
void test_race_punch(void);

/* offline.c */
void test_offline(void);

#endif /* _RAMSTER_FILE_ORACLE_H */

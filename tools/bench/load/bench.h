/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark's program share; see main.c.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE		4096UL
#define PEER_PORT	7700	/* main.c's "peer" listens there */

/* main.c: settings from the command line, with defaults. */
struct settings {
	const char *peer;	/* address of the server, NULL: none */
	const char *cgroup;	/* directory of our control group, or NULL */
	const char *remote;	/* "ramster": pages have to leave this machine */
	const char *file;	/* that "file" reads */
	unsigned int mb;	/* working set */
	unsigned int fill;	/* per cent of a page that do not compress */
	unsigned int faults;	/* random ones */
	unsigned int mix;	/* touches of the mix */
	unsigned int ask, answer;	/* bytes of a fault's request and reply */
	unsigned int seed;
};

extern struct settings set;

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...);
void __attribute__((format(printf, 4, 5)))
metric(const char *load, const char *name, const char *unit, const char *fmt, ...);
uint64_t now_ns(void);
uint64_t mix64(uint64_t x);
uint64_t next_random(uint64_t *state);
void *locked(size_t size);

/* page.c: what pages hold. */
void page_make(void *p, uint64_t page, uint64_t gen);
bool page_glance(const void *p, uint64_t page, uint64_t gen);
bool page_right(const void *p, uint64_t page, uint64_t gen);

/* latency.c: how long single things took. */
struct latencies {
	uint32_t *ns;
	size_t nr, room;
};

void latency_init(struct latencies *l, size_t room);
void latency_add(struct latencies *l, uint64_t ns);
void latency_report(struct latencies *l, const char *load);

/* sysfile.c: numbers in the kernel's files. */
long long file_number(const char *path);
long long file_word(const char *path, const char *name);
bool file_write(const char *path, const char *text);
uint64_t free_bytes(void);
uint64_t idle_ns(void);
long long disk_written(void);

/* peer.c: the server of the floor and of statistics. */
enum peer_op { PEER_PING = 1, PEER_SINK, PEER_STATE };

struct peer_hello {
	uint32_t op, ask, answer, reserved;
};

struct peer_state {
	uint64_t now_ns, idle_ns, free_bytes;
};

struct peer_sunk {
	uint64_t bytes, ns;
};

int peer_main(void);
bool read_all(int fd, void *p, size_t n);
bool write_all(int fd, const void *p, size_t n);

/* floor.c: what TCP alone takes. */
int peer_connect(enum peer_op op, unsigned int ask, unsigned int answer);
void floor_ping(struct latencies *l, unsigned int rounds);
void floor_ping_end(void);
double floor_bulk(unsigned int ms);
int floor_main(void);

/* phase.c: what happened from here to there. */
struct phase {
	const char *name;
	uint64_t ns, tx, rx, major;
	struct peer_state peer;
};

void phase_begin(struct phase *p, const char *name);
void phase_end(struct phase *p, size_t pages);
void peer_state(struct peer_state *s);

/* settle.c: until all pages are out. */
void settle(uint8_t *mem, size_t pages);
void page_cluster(unsigned int n);
void remotify(bool on);
double remotify_drain(uint64_t *bytes, uint64_t *wire, uint64_t *pages);
void report_index(const char *load);
unsigned int compressed_bytes(void);
long long remote_gets(void);

/* The workloads. */
int swap_main(void);
int held_main(void);
int sort_main(void);
int file_main(bool make);
int nbd_main(char **argv);

#endif /* _BENCH_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of swap_oracle share; see main.c.
 */
#ifndef _RAMSTER_SWAP_ORACLE_H
#define _RAMSTER_SWAP_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE		4096UL

#define TORTURE		"/sys/module/frontswap_torture/parameters/"
#define FRONTSWAP	"/sys/kernel/debug/frontswap/"
#define ZSWAP		"/sys/module/zswap/parameters/"
#define ZSWAP_DEBUG	"/sys/kernel/debug/zswap/"
#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define CGROUPS		"/tmp/swap_oracle/"

/* What a test ends with, besides 0. */
enum { FAILED = 1, SKIPPED = 2 };

#define fail(...)	finish(FAILED, __VA_ARGS__)
#define skip(...)	finish(SKIPPED, __VA_ARGS__)
#define must(what)	do { if (!(what)) fail(#what ": %m"); } while (0)

struct region {
	char *mem;
	unsigned long nr;
	uint32_t *gen;	/* of each page; 0 is a page of zeroes */
};

/* main.c: what the command line says */
extern const char *device;
extern unsigned long region_pages;
extern unsigned int seconds;
extern bool takes_large;

/* process.c */
extern char *reason;

void finish(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));
void wait_for_all(void);
pid_t start_child(void);
double now(void);
void sleep_ms(unsigned int ms);

/* kernel.c */
int set_file(const char *dir, const char *name, const char *value);
int set_number(const char *dir, const char *name, long value);
long get_number(const char *dir, const char *name);
long counter(const char *name);
bool have_torture(void);
void need_torture(void);
void knob(const char *name, long value);
int try_register(bool on);
void plain_backend(void);
long vmstat(const char *name);
void zswap_set(const char *name, long value);
void need_zswap(void);

/* region.c */
void *get_locked(size_t size);
struct region get_region(unsigned long nr, int flags);
void put_region(struct region *r);
uint64_t *page_at(struct region *r, unsigned long page);
void write_page(struct region *r, unsigned long page, uint32_t gen);
void next_gen(struct region *r, unsigned long page);
void write_all(struct region *r);
void check_page(struct region *r, unsigned long page);
void check_all(struct region *r);
void touch_all(struct region *r);
void page_out_range(struct region *r, unsigned long page, unsigned long nr);
void page_out(struct region *r);
bool is_swapped(uint64_t entry);
void read_pagemap(struct region *r, uint64_t *entries);
void page_out_most(struct region *r);

/* chance.c */
extern _Thread_local uint64_t random_state;

/* It is called for every word that is written or verified. */
static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 33;
	return x;
}

unsigned long below(unsigned long n);
void random_step(struct region *r);
void random_steps(struct region *r, double end, bool knobs);

/* lost.c */
unsigned long check_or_sigbus(struct region *r);

/* The tests.  Each in a process of its own. */

/* contents.c */
void test_anon(void);
void test_shmem(void);
void test_deferred(void);
void test_exclusive(void);
void test_overwrite(void);
void test_zeroes(void);
void test_mixed(void);
void test_mixed_shmem(void);

/* loading.c */
void test_fork(void);
void test_fork_storm(void);
void test_willneed(void);
void test_free_while_loading(void);
void test_exit_while_loading(void);
void test_punch_while_loading(void);
void test_killable(void);

/* lost.c */
void test_lost(void);
void test_write_through(void);

/* zswap.c */
void test_zswap_toggle(void);
void test_zswap_stale(void);
void test_zswap_stale_zeroes(void);

/* area.c */
void test_swapoff(void);
void test_swapoff_lost(void);
void test_unregister_refused(void);
void test_init_fails(void);
void test_register_race(void);

/* large.c */
void test_large_folios(void);
void test_huge_folios(void);

/* pressure.c */
void test_pressure(void);
void test_memcg(void);
void test_memcg_no_writeback(void);

#endif /* _RAMSTER_SWAP_ORACLE_H */

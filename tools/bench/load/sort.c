// SPDX-License-Identifier: GPL-2.0
/*
 * Sorting records that do not fit into RAM, in place: a program that knows
 * nothing of all this.  The order and the records are verified in the end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define SHORT	16	/* records that are sorted by insertion */

/* Half of it follows from the key and does not compress. */
struct record {
	uint64_t key, index, random[2];
	uint8_t text[32];
};

static void make(struct record *r, uint64_t index)
{
	r->key = mix64(set.seed ^ mix64(index + 1));
	r->index = index;
	r->random[0] = mix64(r->key + 1);
	r->random[1] = mix64(r->key + 2);
	memset(r->text, 'a' + index % 23, sizeof(r->text));
}

static void swap(struct record *a, struct record *b)
{
	struct record t = *a;

	*a = *b;
	*b = t;
}

static void insertion(struct record *r, size_t n)
{
	struct record t;
	size_t i, j;

	for (i = 1; i < n; i++) {
		t = r[i];
		for (j = i; j && r[j - 1].key > t.key; j--)
			r[j] = r[j - 1];
		r[j] = t;
	}
}

/* Hoare's partition about the middle one of three. */
static size_t split(struct record *r, size_t n)
{
	size_t i = 0, j = n - 1;
	uint64_t pivot;

	if (r[0].key > r[n / 2].key)
		swap(&r[0], &r[n / 2]);
	if (r[n / 2].key > r[n - 1].key)
		swap(&r[n / 2], &r[n - 1]);
	if (r[0].key > r[n / 2].key)
		swap(&r[0], &r[n / 2]);
	pivot = r[n / 2].key;
	for (;;) {
		while (r[i].key < pivot)
			i++;
		while (r[j].key > pivot)
			j--;
		if (i >= j)
			return j + 1;
		swap(&r[i++], &r[j--]);
	}
}

static void sort(struct record *r, size_t n)
{
	size_t left;

	while (n > SHORT) {
		left = split(r, n);
		if (left < n - left) {
			sort(r, left);
			r += left;
			n -= left;
		} else {
			sort(r + left, n - left);
			n = left;
		}
	}
	insertion(r, n);
}

static size_t count_bad(const struct record *r, size_t n)
{
	uint64_t sum = 0, want = 0;
	struct record whole;
	size_t i, bad = 0;

	for (i = 0; i < n; i++) {
		make(&whole, r[i].index);
		if ((i && r[i - 1].key > r[i].key) ||
		    memcmp(&whole, &r[i], sizeof(whole)))
			bad++;
		/* each index once, in whatever order */
		sum += mix64(r[i].index + 1);
		want += mix64(i + 1);
	}
	return sum == want ? bad : bad + 1;
}

/* How often the group found nothing that could be freed at once. */
static long long group_ooms(void)
{
	char path[256];

	if (!set.cgroup)
		return 0;
	snprintf(path, sizeof(path), "%s/memory.events", set.cgroup);
	return file_word(path, "oom");
}

int sort_main(void)
{
	size_t size = set.mb << 20, n = size / sizeof(struct record), i, bad;
	struct record *r = mmap(NULL, size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long long ooms = group_ooms();
	struct phase run;

	if (r == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	madvise(r, size, MADV_NOHUGEPAGE);
	phase_begin(&run, "sort");
	for (i = 0; i < n; i++)
		make(&r[i], i);
	sort(r, n);
	phase_end(&run, size / PAGE);
	metric("sort", "no_room", "n", "%lld", group_ooms() - ooms);
	bad = count_bad(r, n);
	metric("sort", "bad", "records", "%zu", bad);
	return bad != 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Latencies of single things, and what there is to say of all of them.
 */
#include <stdlib.h>

#include "bench.h"

void latency_init(struct latencies *l, size_t room)
{
	l->ns = locked(room * sizeof(*l->ns));
	l->room = room;
	l->nr = 0;
}

void latency_add(struct latencies *l, uint64_t ns)
{
	if (l->nr < l->room)
		l->ns[l->nr++] = ns > UINT32_MAX ? UINT32_MAX : ns;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* per_mille of them took no longer than that */
static double quantile(const struct latencies *l, unsigned int per_mille)
{
	return l->ns[(l->nr - 1) * per_mille / 1000] / 1000.0;
}

void latency_report(struct latencies *l, const char *load)
{
	double sum = 0;
	size_t i;

	if (!l->nr)
		return;
	qsort(l->ns, l->nr, sizeof(*l->ns), by_value);
	for (i = 0; i < l->nr; i++)
		sum += l->ns[i] / 1000.0;
	metric(load, "p50", "us", "%.1f", quantile(l, 500));
	metric(load, "p99", "us", "%.1f", quantile(l, 990));
	metric(load, "p999", "us", "%.1f", quantile(l, 999));
	metric(load, "mean", "us", "%.1f", sum / l->nr);
	metric(load, "count", "n", "%zu", l->nr);
}

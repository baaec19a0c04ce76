// SPDX-License-Identifier: GPL-2.0
/*
 * What happened while a workload ran: here, on the wire, and at the server.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "bench.h"

#define NET	"/sys/class/net/eth0/statistics/"

void peer_state(struct peer_state *s)
{
	static int fd = -1;

	if (fd < 0)
		fd = peer_connect(PEER_STATE, 0, 0);
	if (!write_all(fd, "s", 1) || !read_all(fd, s, sizeof(*s)))
		die("the peer does not say how it is");
}

static uint64_t major_faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_majflt;
}

void phase_begin(struct phase *p, const char *name)
{
	p->name = name;
	peer_state(&p->peer);
	p->tx = file_number(NET "tx_bytes");
	p->rx = file_number(NET "rx_bytes");
	p->major = major_faults();
	p->ns = now_ns();
}

/* pages: how many went over, or would have if they went. */
void phase_end(struct phase *p, size_t pages)
{
	uint64_t ns = now_ns() - p->ns, busy, wall;
	struct peer_state s;

	metric(p->name, "secs", "s", "%.3f", ns / 1e9);
	metric(p->name, "rate", "pages/s", "%.0f", pages * 1e9 / ns);
	metric(p->name, "major", "n", "%llu",
	       (unsigned long long)(major_faults() - p->major));
	metric(p->name, "wire_tx", "B/page", "%.1f",
	       (double)(file_number(NET "tx_bytes") - p->tx) / pages);
	metric(p->name, "wire_rx", "B/page", "%.1f",
	       (double)(file_number(NET "rx_bytes") - p->rx) / pages);
	peer_state(&s);
	wall = s.now_ns - p->peer.now_ns;
	busy = s.idle_ns - p->peer.idle_ns;
	busy = busy < wall ? wall - busy : 0;
	metric(p->name, "server_cpu", "us/page", "%.1f", busy / 1e3 / pages);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What TCP between two ordinary programs takes: the floor under everything that
 * goes over the network.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define CHUNK	(64 * 1024)

static int pinger = -1;

int peer_connect(enum peer_op op, unsigned int ask, unsigned int answer)
{
	struct peer_hello h = { op, ask, answer, 0 };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(PEER_PORT),
	};
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (!set.peer || !inet_aton(set.peer, &to.sin_addr))
		die("--peer: %s is no address", set.peer ? set.peer : "nothing");
	if (connect(s, (void *)&to, sizeof(to)))
		die("no connection with the peer: %s", strerror(errno));
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!write_all(s, &h, sizeof(h)))
		die("the peer does not listen");
	return s;
}

void floor_ping(struct latencies *l, unsigned int rounds)
{
	static char ask[CHUNK], answer[CHUNK];
	uint64_t t;

	if (set.ask > CHUNK || set.answer > CHUNK)
		die("pings are no longer than %d bytes", CHUNK);
	if (pinger < 0)
		pinger = peer_connect(PEER_PING, set.ask, set.answer);
	while (rounds--) {
		t = now_ns();
		if (!write_all(pinger, ask, set.ask) ||
		    !read_all(pinger, answer, set.answer))
			die("the peer does not answer");
		latency_add(l, now_ns() - t);
	}
}

void floor_ping_end(void)
{
	close(pinger);
	pinger = -1;
}

/* Bytes a second, as the receiver saw it. */
double floor_bulk(unsigned int ms)
{
	static char chunk[CHUNK];
	uint64_t end = now_ns() + ms * 1000000ULL;
	int s = peer_connect(PEER_SINK, 0, 0);
	struct peer_sunk sunk;

	while (now_ns() < end)
		if (!write_all(s, chunk, sizeof(chunk)))
			die("the peer takes no stream");
	shutdown(s, SHUT_WR);
	if (!read_all(s, &sunk, sizeof(sunk)) || !sunk.ns)
		die("the peer does not say what it got");
	close(s);
	return sunk.bytes * 1e9 / sunk.ns;
}

int floor_main(void)
{
	struct latencies l;

	latency_init(&l, set.faults);
	floor_ping(&l, set.faults);
	floor_ping_end();
	latency_report(&l, "ping");
	metric("stream", "rate", "MB/s", "%.2f", floor_bulk(1000) / 1e6);
	return 0;
}

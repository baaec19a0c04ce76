// SPDX-License-Identifier: GPL-2.0
/*
 * The other end: answers pings, swallows a stream, says how this machine is.  A
 * connection begins with a struct peer_hello and has a process of its own.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define BUFFER	(256 * 1024)

bool read_all(int fd, void *p, size_t n)
{
	ssize_t got;

	for (; n; p = (char *)p + got, n -= got) {
		got = read(fd, p, n);
		if (got <= 0)
			return false;
	}
	return true;
}

bool write_all(int fd, const void *p, size_t n)
{
	ssize_t put;

	for (; n; p = (const char *)p + put, n -= put) {
		put = write(fd, p, n);
		if (put <= 0)
			return false;
	}
	return true;
}

static void answer_pings(int fd, const struct peer_hello *h)
{
	static char in[BUFFER], out[BUFFER];

	if (h->ask > BUFFER || h->answer > BUFFER)
		return;
	memset(out, 'p', h->answer);
	while (read_all(fd, in, h->ask) && write_all(fd, out, h->answer))
		;
}

static void swallow(int fd)
{
	static char in[BUFFER];
	struct peer_sunk sunk = { 0, 0 };
	uint64_t begin = now_ns();
	ssize_t n;

	while ((n = read(fd, in, sizeof(in))) > 0)
		sunk.bytes += n;
	sunk.ns = now_ns() - begin;
	write_all(fd, &sunk, sizeof(sunk));
}

static void say_state(int fd)
{
	struct peer_state s;
	char any;

	while (read_all(fd, &any, 1)) {
		s.now_ns = now_ns();
		s.idle_ns = idle_ns();
		s.free_bytes = free_bytes();
		if (!write_all(fd, &s, sizeof(s)))
			break;
	}
}

static void serve(int fd)
{
	struct peer_hello h;
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!read_all(fd, &h, sizeof(h)))
		return;
	if (h.op == PEER_PING)
		answer_pings(fd, &h);
	else if (h.op == PEER_SINK)
		swallow(fd);
	else if (h.op == PEER_STATE)
		say_state(fd);
}

int peer_main(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(PEER_PORT),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1, fd;

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall: %s", strerror(errno));
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (void *)&at, sizeof(at)) || listen(s, 16))
		die("cannot listen at port %d: %s", PEER_PORT, strerror(errno));
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	while ((fd = accept(s, NULL, NULL)) >= 0) {
		if (!fork()) {
			close(s);
			serve(fd);
			_exit(0);
		}
		close(fd);
	}
	die("accept: %s", strerror(errno));
}

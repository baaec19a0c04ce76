// SPDX-License-Identifier: GPL-2.0
/*
 * A peer that keeps no rule of the protocol.
 *
 *	hostile [-n NODE] [-p PEER] FROM TO PORT [CASE...]
 *
 * Connects from address FROM, as node NODE (2), to node PEER (0) at address TO,
 * once for each case: shakes hands (or not), sends what no node would, and sees
 * what becomes of it.  In the end it comes as a new instance of NODE, so that
 * nothing of it is left at the peer.
 *
 * A case is named after what it sends, and says which rule of r2wire.h that
 * breaks.  What follows must be just what the case expects:
 *
 *	BAD	the connection is closed, without any reply; the peer counts
 *		it as a bad frame
 *	CLOSED	the same, but it is not counted: a handshake that does not
 *		suit, or a connection that ended by itself
 *	ALIVE	the reply says no, and a PING after it is answered
 *
 * Prints a line "closed CASE" or "answered CASE" for each, "not so CASE: ..."
 * where it was different, and in the end "breaches N", the number of bad frames.
 * Status 1 if anything was different.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "hostile.h"

static char **wanted;
static int breaches, failures;

int is_wanted(const char *name)
{
	char **w;

	for (w = wanted; *w; w++)
		if (!strcmp(*w, name))
			return 1;
	return wanted == w;	/* none was named */
}

void verdict(const char *name, const char *rule, enum outcome outcome,
	     int err)
{
	if (err) {
		printf("not so %s (%s): %s\n", name, rule, trouble);
		failures++;
	} else {
		printf("%s %s (%s)\n", outcome == ALIVE ? "answered" : "closed",
		       name, rule);
		breaches += outcome == BAD;
	}
	fflush(stdout);
	trouble[0] = 0;
}

static int arguments(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:p:")) != -1) {
		switch (c) {
		case 'n':
			me.node = atoi(optarg);
			break;
		case 'p':
			me.peer = atoi(optarg);
			break;
		default:
			return -1;
		}
	}
	if (argc - optind < 3)
		return -1;
	me.from.sin_family = AF_INET;
	me.to.sin_family = AF_INET;
	me.to.sin_port = htons(atoi(argv[optind + 2]));
	if (inet_pton(AF_INET, argv[optind], &me.from.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[optind + 1], &me.to.sin_addr) != 1)
		return -1;
	wanted = argv + optind + 3;
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	if (arguments(argc, argv)) {
		fprintf(stderr, "usage: see tools/testing/hostile/main.c\n");
		return 2;
	}
	me.instance = time(NULL) ^ (__u64)getpid() << 32;
	if (learn()) {
		printf("not so at the beginning: %s\n", trouble);
		return 1;
	}
	run_headers();
	run_fields();
	run_talks();

	/* Whatever was put before belongs to a node that is no more. */
	me.instance++;
	fd = greet();
	if (fd < 0) {
		printf("not so at the end: %s\n", trouble);
		failures++;
	} else {
		close(fd);
	}
	printf("breaches %d\n", breaches);
	return failures ? 1 : 0;
}

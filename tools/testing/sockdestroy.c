// SPDX-License-Identifier: GPL-2.0
/*
 * Resets TCP connections from outside, as a router or an administrator would:
 * SOCK_DESTROY for each established connection of this network namespace whose
 * local or remote port is the one given.  Kernel sockets are reached as well.
 *
 *	sockdestroy PORT
 *
 * Prints how many it reset; status 1 when there was none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_ESTABLISHED	1
#define MAX_FOUND	256

struct request {
	struct nlmsghdr nlh;
	struct inet_diag_req_v2 req;
};

static struct request found[MAX_FOUND];
static int nr_found;

static int request(int nl, struct request *r, int type, int flags)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	r->nlh.nlmsg_len = sizeof(*r);
	r->nlh.nlmsg_type = type;
	r->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	if (sendto(nl, r, sizeof(*r), 0, (void *)&kernel, sizeof(kernel)) < 0) {
		perror("netlink send");
		return -1;
	}
	return 0;
}

static void consider(const struct inet_diag_msg *m, int family, in_port_t port)
{
	struct request *r = &found[nr_found];

	if (m->id.idiag_sport != port && m->id.idiag_dport != port)
		return;
	if (nr_found == MAX_FOUND)
		return;
	nr_found++;
	r->req.sdiag_family = family;
	r->req.sdiag_protocol = IPPROTO_TCP;
	r->req.idiag_states = 1 << TCP_ESTABLISHED;
	r->req.id = m->id;
}

static int dump(int nl, int family, in_port_t port)
{
	struct request r = {
		.req.sdiag_family = family,
		.req.sdiag_protocol = IPPROTO_TCP,
		.req.idiag_states = 1 << TCP_ESTABLISHED,
	};
	static char buf[65536];
	struct nlmsghdr *h;
	ssize_t n;

	if (request(nl, &r, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP))
		return -1;
	for (;;) {
		n = recv(nl, buf, sizeof(buf), 0);
		if (n <= 0) {
			perror("netlink receive");
			return -1;
		}
		for (h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return 0;	/* family not built in */
			consider(NLMSG_DATA(h), family, port);
		}
	}
}

static int destroy(int nl, struct request *r)
{
	char buf[1024];
	struct nlmsghdr *h = (void *)buf;
	struct nlmsgerr *err;
	ssize_t n;

	if (request(nl, r, SOCK_DESTROY, NLM_F_ACK))
		return -1;
	n = recv(nl, buf, sizeof(buf), 0);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*err)) ||
	    h->nlmsg_type != NLMSG_ERROR)
		return -1;
	err = NLMSG_DATA(h);
	if (err->error == -ENOENT)
		return 1;		/* its other end took it along */
	if (err->error) {
		fprintf(stderr, "sockdestroy: %s\n", strerror(-err->error));
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int nl, i, ret, nr = 0, bad = 0;
	in_port_t port;

	if (argc != 2) {
		fprintf(stderr, "usage: sockdestroy PORT\n");
		return 2;
	}
	port = htons(atoi(argv[1]));
	nl = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
	if (nl < 0) {
		perror("netlink socket");
		return 2;
	}
	if (dump(nl, AF_INET, port) || dump(nl, AF_INET6, port))
		return 2;
	for (i = 0; i < nr_found; i++) {
		ret = destroy(nl, &found[i]);
		if (ret == 0)
			nr++;
		else if (ret < 0)
			bad++;
	}
	printf("reset %d\n", nr);
	close(nl);
	return nr && !bad ? 0 : 1;
}

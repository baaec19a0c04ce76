// SPDX-License-Identifier: GPL-2.0
/*
 * Makes what a network device sends late, or loses it: sch_netem, for guests that
 * have no tc.
 *
 *	netem DEV loss PERCENT
 *	netem DEV delay MS [JITTER_MS]
 *	netem DEV off
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_PACKETS	1000

struct request {
	struct nlmsghdr nlh;
	struct tcmsg tc;
	char attrs[256];
};

static struct rtattr *add(struct request *r, int type, const void *data,
			  size_t len)
{
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(r->nlh.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->nlh.nlmsg_len = NLMSG_ALIGN(r->nlh.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

/* Returns 0 or a negative errno. */
static int ask(int nl, struct request *r)
{
	char buf[1024];
	struct nlmsghdr *h = (void *)buf;
	struct nlmsgerr *err = NLMSG_DATA(h);
	ssize_t n;

	if (send(nl, r, r->nlh.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(nl, buf, sizeof(buf), 0);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*err)) ||
	    h->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return err->error;
}

static void set_up(struct request *r, double loss, int64_t latency,
		   int64_t jitter)
{
	struct tc_netem_qopt opt = {
		.limit = QUEUE_PACKETS,
		.loss = loss / 100 * UINT32_MAX,
	};
	struct rtattr *options;

	add(r, TCA_KIND, "netem", sizeof("netem"));
	options = add(r, TCA_OPTIONS, &opt, sizeof(opt));
	add(r, TCA_NETEM_LATENCY64, &latency, sizeof(latency));
	add(r, TCA_NETEM_JITTER64, &jitter, sizeof(jitter));
	options->rta_len = (char *)r + r->nlh.nlmsg_len - (char *)options;
}

static int usage(void)
{
	fputs("usage: netem DEV loss PERCENT | delay MS [JITTER_MS] | off\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct request r = {
		.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
		.nlh.nlmsg_type = RTM_NEWQDISC,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
				   NLM_F_REPLACE,
		.tc.tcm_parent = TC_H_ROOT,
	};
	int nl, err;

	if (argc < 3)
		return usage();
	r.tc.tcm_ifindex = if_nametoindex(argv[1]);
	if (!strcmp(argv[2], "off") && argc == 3) {
		r.nlh.nlmsg_type = RTM_DELQDISC;
		r.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	} else if (!strcmp(argv[2], "loss") && argc == 4) {
		set_up(&r, atof(argv[3]), 0, 0);
	} else if (!strcmp(argv[2], "delay") && argc >= 4 && argc <= 5) {
		set_up(&r, 0, atof(argv[3]) * 1e6,
		       argc == 5 ? atof(argv[4]) * 1e6 : 0);
	} else {
		return usage();
	}
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	err = nl < 0 ? -errno : ask(nl, &r);
	if (err)
		fprintf(stderr, "netem %s: %s\n", argv[1], strerror(-err));
	close(nl);
	return err ? 1 : 0;
}

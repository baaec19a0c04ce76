// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of nodemanager_rules.c: every rule, and the errno that scripts of the
 * original know it by.
 */
#include <kunit/test.h>
#include <linux/configfs.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include "../ramster.h"
#include "nodemanager_private.h"

/* A cluster of three directories in which nothing was written yet. */
struct rules_world {
	struct list_head nodes;
	struct r2nm_entry entry[3];
	const char *why;
};

static int rules_init(struct kunit *test)
{
	struct rules_world *world;
	unsigned int i;

	world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	if (!world)
		return -ENOMEM;
	INIT_LIST_HEAD(&world->nodes);
	for (i = 0; i < ARRAY_SIZE(world->entry); i++)
		list_add_tail(&world->entry[i].list, &world->nodes);
	test->priv = world;
	return 0;
}

/* A refusal must say why; a success must not. */
static int told(struct kunit *test, int err)
{
	struct rules_world *world = test->priv;

	KUNIT_EXPECT_EQ(test, !!err, !!world->why);
	world->why = NULL;
	return err;
}

static int set_port(struct kunit *test, unsigned int i, const char *text)
{
	struct rules_world *world = test->priv;

	return told(test, r2nm_check_port(&world->entry[i], text,
					  &world->entry[i].port, &world->why));
}

static int set_ipv4(struct kunit *test, unsigned int i, const char *text)
{
	struct rules_world *world = test->priv;
	struct sockaddr_storage addr;
	int err;

	err = told(test, r2nm_check_ipv4(&world->nodes, &world->entry[i], text,
					 &addr, &world->why));
	if (!err)
		world->entry[i].addr = addr;
	return err;
}

static int set_ipv6(struct kunit *test, unsigned int i, const char *text)
{
	struct rules_world *world = test->priv;
	struct sockaddr_storage addr;
	int err;

	err = told(test, r2nm_check_ipv6(&init_net, &world->nodes,
					 &world->entry[i], text, &addr,
					 &world->why));
	if (!err)
		world->entry[i].addr = addr;
	return err;
}

static int set_num(struct kunit *test, unsigned int i, const char *text)
{
	struct rules_world *world = test->priv;
	struct r2nm_entry *entry = &world->entry[i];
	int err;

	err = told(test, r2nm_check_num(&world->nodes, entry, text,
					&entry->num, &world->why));
	if (!err)
		entry->num_set = true;
	return err;
}

static int set_local(struct kunit *test, unsigned int i, const char *text)
{
	struct rules_world *world = test->priv;
	struct r2nm_entry *entry = &world->entry[i];
	int err;

	err = told(test, r2nm_check_local(&world->nodes, entry, text,
					  &entry->local, &world->why));
	if (!err)
		entry->local_set = true;
	return err;
}

static void set_all(struct kunit *test, unsigned int i, const char *addr,
		    const char *num)
{
	KUNIT_ASSERT_EQ(test, set_port(test, i, "7777\n"), 0);
	KUNIT_ASSERT_EQ(test, set_ipv4(test, i, addr), 0);
	KUNIT_ASSERT_EQ(test, set_num(test, i, num), 0);
}

/* The order that works, and what comes out of it. */
static void rules_order(struct kunit *test)
{
	struct rules_world *world = test->priv;
	struct sockaddr_storage addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;

	KUNIT_EXPECT_EQ(test, set_num(test, 0, "3"), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_local(test, 0, "1"), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_ipv4(test, 0, "10.1.2.3\n"), 0);
	KUNIT_EXPECT_EQ(test, set_num(test, 0, "3"), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_port(test, 0, "7777\n"), 0);
	KUNIT_EXPECT_EQ(test, set_local(test, 0, "1"), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_num(test, 0, "3\n"), 0);
	KUNIT_EXPECT_EQ(test, set_local(test, 0, "1\n"), 0);

	r2nm_entry_addr(&world->entry[0], &addr);
	KUNIT_EXPECT_EQ(test, in->sin_family, AF_INET);
	KUNIT_EXPECT_EQ(test, ntohs(in->sin_port), 7777);
	KUNIT_EXPECT_EQ(test, ntohl(in->sin_addr.s_addr), 0x0a010203);
	KUNIT_EXPECT_EQ(test, world->entry[0].num, 3);
	KUNIT_EXPECT_TRUE(test, world->entry[0].local);
}

/* What was written once stays; what was refused may be tried again. */
static void rules_write_once(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, set_port(test, 0, "0"), -EINVAL);
	set_all(test, 0, "10.0.0.1", "0");
	KUNIT_EXPECT_EQ(test, set_port(test, 0, "7777"), -EBUSY);
	KUNIT_EXPECT_EQ(test, set_ipv4(test, 0, "10.0.0.1"), -EBUSY);
	KUNIT_EXPECT_EQ(test, set_ipv6(test, 0, "fd00::1"), -EBUSY);
	KUNIT_EXPECT_EQ(test, set_num(test, 0, "0"), -EBUSY);
	/* Even 0 uses the one chance up. */
	KUNIT_EXPECT_EQ(test, set_local(test, 0, "0"), 0);
	KUNIT_EXPECT_EQ(test, set_local(test, 0, "1"), -EBUSY);

	KUNIT_EXPECT_EQ(test, set_ipv6(test, 1, "fd00::1"), 0);
	KUNIT_EXPECT_EQ(test, set_ipv4(test, 1, "10.0.0.2"), -EBUSY);
}

static void rules_duplicates(struct kunit *test)
{
	set_all(test, 0, "10.0.0.1", "7");
	KUNIT_EXPECT_EQ(test, set_ipv4(test, 1, "10.0.0.1"), -EEXIST);
	KUNIT_EXPECT_EQ(test, set_ipv4(test, 1, "10.0.0.2"), 0);
	KUNIT_EXPECT_EQ(test, set_port(test, 1, "7777"), 0);
	KUNIT_EXPECT_EQ(test, set_num(test, 1, "7"), -EEXIST);
	/* A number that was not written counts for nothing. */
	KUNIT_EXPECT_EQ(test, set_num(test, 1, "0"), 0);
	KUNIT_EXPECT_EQ(test, set_local(test, 0, "1"), 0);
	KUNIT_EXPECT_EQ(test, set_local(test, 1, "1"), -EBUSY);
	KUNIT_EXPECT_EQ(test, set_local(test, 1, "0"), 0);

	KUNIT_EXPECT_EQ(test, set_ipv6(test, 2, "fd00::1"), 0);
}

static void rules_ipv6_duplicate(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, set_ipv6(test, 0, "fd00:0:0::1\n"), 0);
	KUNIT_EXPECT_EQ(test, set_ipv6(test, 1, "FD00::0001"), -EEXIST);
	KUNIT_EXPECT_EQ(test, set_ipv6(test, 1, "fd00::2"), 0);
}

struct rules_case {
	const char *text;
	int err;
};

static const struct rules_case port_cases[] = {
	{ "1", 0 }, { "65534\n", 0 },
	{ "0", -EINVAL }, { "65535", -ERANGE },
	{ "99999999999999999999999", -ERANGE },
	{ "", -EINVAL }, { "\n", -EINVAL }, { "x", -EINVAL },
	{ "-1", -EINVAL }, { "0x10", -EINVAL }, { "7777 ", -EINVAL },
	{ "77 77", -EINVAL }, { "7777x", -EINVAL },
};

static void rules_ports(struct kunit *test)
{
	struct rules_world *world = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(port_cases); i++) {
		world->entry[0].port = 0;
		KUNIT_EXPECT_EQ_MSG(test, set_port(test, 0, port_cases[i].text),
				    port_cases[i].err, "port %s",
				    port_cases[i].text);
	}
}

static const struct rules_case num_cases[] = {
	{ "0", 0 }, { "254\n", 0 }, { "255", -ERANGE }, { "256", -ERANGE },
	{ "4294967296", -ERANGE }, { "18446744073709551616", -ERANGE },
	{ "-1", -EINVAL }, { "", -EINVAL }, { "one", -EINVAL },
};

static void rules_nums(struct kunit *test)
{
	struct rules_world *world = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, set_port(test, 0, "1"), 0);
	KUNIT_ASSERT_EQ(test, set_ipv4(test, 0, "10.0.0.1"), 0);
	for (i = 0; i < ARRAY_SIZE(num_cases); i++) {
		world->entry[0].num_set = false;
		KUNIT_EXPECT_EQ_MSG(test, set_num(test, 0, num_cases[i].text),
				    num_cases[i].err, "num %s",
				    num_cases[i].text);
	}
}

static const struct rules_case ipv4_cases[] = {
	{ "1.2.3.4", 0 }, { "1.2.3.4\n", 0 }, { "223.255.255.255", 0 },
	{ "127.0.0.1", 0 }, { "255.255.255.254", 0 },
	{ "256.2.3.4", -ERANGE }, { "1.2.3.256", -ERANGE },
	{ "1.2.3.99999999999", -ERANGE },
	{ "", -EINVAL }, { "\n", -EINVAL }, { "1.2.3", -EINVAL },
	{ "1.2.3.", -EINVAL }, { "1.2.3.4.5", -EINVAL },
	{ "1.2.3.4 ", -EINVAL }, { " 1.2.3.4", -EINVAL },
	{ "1.2.3.4\n\n", -EINVAL }, { "1.2.3.4x", -EINVAL },
	{ "1..3.4", -EINVAL }, { "1.2.3.-4", -EINVAL },
	{ "1.2.3.0004", -EINVAL }, { "::1", -EINVAL }, { "host", -EINVAL },
	{ "0.0.0.0", -EINVAL },
	{ "224.0.0.1", -EINVAL }, { "239.255.255.255", -EINVAL },
	{ "255.255.255.255", -EINVAL },
};

static void rules_ipv4(struct kunit *test)
{
	struct rules_world *world = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ipv4_cases); i++) {
		memset(&world->entry[0].addr, 0, sizeof(world->entry[0].addr));
		KUNIT_EXPECT_EQ_MSG(test, set_ipv4(test, 0, ipv4_cases[i].text),
				    ipv4_cases[i].err, "address %s",
				    ipv4_cases[i].text);
	}
}

static const struct rules_case ipv6_cases[] = {
	{ "::1\n", 0 }, { "fd00::1", 0 }, { "2001:db8:1:2:3:4:5:6", 0 },
	{ "fe80::1", -EINVAL }, { "fe80::1%lo", 0 },
	{ "fe80::1%no-such-device0", -EINVAL },
	{ "", -EINVAL }, { "::", -EINVAL }, { "ff02::1", -EINVAL },
	{ "::ffff:10.0.0.1", -EINVAL }, { "1.2.3.4", -EINVAL },
	{ "fd00::1 x", -EINVAL }, { "fd00:::1", -EINVAL },
	{ "fd00::12345", -EINVAL },
	{ "2001:db8:1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:0:1:2:3:4:5:6:7:8:9",
	  -EINVAL },
};

static void rules_ipv6(struct kunit *test)
{
	struct rules_world *world = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ipv6_cases); i++) {
		memset(&world->entry[0].addr, 0, sizeof(world->entry[0].addr));
		KUNIT_EXPECT_EQ_MSG(test, set_ipv6(test, 0, ipv6_cases[i].text),
				    ipv6_cases[i].err, "address %s",
				    ipv6_cases[i].text);
	}
}

static int set_setting(struct kunit *test, u32 *settings,
		       enum r2nm_setting which, const char *text,
		       bool connected)
{
	struct rules_world *world = test->priv;

	return told(test, r2nm_check_setting(settings, which, text, connected,
					     &settings[which], &world->why));
}

static const struct rules_case ms_cases[] = {
	{ "1", 0 }, { "4294967294\n", 0 }, { "0", -EINVAL },
	{ "4294967295", -ERANGE }, { "99999999999999999999", -ERANGE },
	{ "", -EINVAL }, { "2s", -EINVAL }, { "-1", -EINVAL },
};

static void rules_settings(struct kunit *test)
{
	u32 settings[R2NM_NR_SETTINGS] = { 30000, 2000, 31, 2000, 10000, 100 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ms_cases); i++) {
		KUNIT_EXPECT_EQ(test, set_setting(test, settings,
						  R2NM_RECONNECT_DELAY,
						  ms_cases[i].text, true),
				ms_cases[i].err);
		KUNIT_EXPECT_EQ(test, set_setting(test, settings,
						  R2NM_GET_TIMEOUT,
						  ms_cases[i].text, true),
				ms_cases[i].err);
	}
	/* To lend nothing is fine; to lend more than there is, is not. */
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_CAPACITY, "0",
					  true), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_CAPACITY,
					  "4294967294", true), -ERANGE);
	/* Who is away may stay away for ever. */
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_CLIENT_GRACE,
					  "0", true), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_CLIENT_GRACE,
					  "4294967294", true), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_CLIENT_GRACE,
					  "4294967295", true), -ERANGE);
}

/* The idle timeout is larger than the keepalive delay, whichever is written. */
static void rules_timeouts(struct kunit *test)
{
	u32 settings[R2NM_NR_SETTINGS] = { 30000, 2000, 31, 2000, 10000, 100 };

	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_IDLE_TIMEOUT,
					  "2000", false), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_IDLE_TIMEOUT,
					  "2001", false), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_KEEPALIVE_DELAY,
					  "2001", false), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_KEEPALIVE_DELAY,
					  "1", false), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_IDLE_TIMEOUT,
					  "4294967295", false), -ERANGE);
	KUNIT_EXPECT_EQ(test, settings[R2NM_IDLE_TIMEOUT], 2001);

	/* While connected, only the value that it has. */
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_IDLE_TIMEOUT,
					  "2001", true), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_IDLE_TIMEOUT,
					  "2002", true), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_KEEPALIVE_DELAY,
					  "2", true), -EINVAL);
}

/* A threshold that would mean nothing is refused, and not in silence. */
static void rules_dead_threshold(struct kunit *test)
{
	static const struct rules_case cases[] = {
		{ "3\n", 0 }, { "2147484", 0 }, { "500", 0 },
		{ "2", -EINVAL }, { "1", -EINVAL }, { "0", -EINVAL },
		{ "-1", -EINVAL }, { "", -EINVAL }, { "x", -EINVAL },
		{ "2147485", -ERANGE }, { "4294967296", -ERANGE },
	};
	u32 settings[R2NM_NR_SETTINGS] = { 30000, 2000, 31, 2000, 10000, 100 };
	unsigned int i;

	KUNIT_EXPECT_EQ(test, r2nm_dead_time_ms(31), 60000);
	KUNIT_EXPECT_EQ(test, r2nm_dead_time_ms(3), 4000);
	KUNIT_EXPECT_EQ(test, r2nm_dead_time_ms(2147484), 4294966000);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, set_setting(test, settings,
						      R2NM_DEAD_THRESHOLD,
						      cases[i].text, false),
				    cases[i].err, "threshold %s",
				    cases[i].text);
	KUNIT_EXPECT_EQ(test, settings[R2NM_DEAD_THRESHOLD], 500);

	/* A node that is alive but idle must not be taken for a dead one. */
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_KEEPALIVE_DELAY,
					  "2001", false), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_DEAD_THRESHOLD,
					  "3", false), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_DEAD_THRESHOLD,
					  "4", false), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_KEEPALIVE_DELAY,
					  "3001", false), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_DEAD_THRESHOLD,
					  "500", false), 0);

	/* While connected, only the value that it has. */
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_DEAD_THRESHOLD,
					  "500", true), 0);
	KUNIT_EXPECT_EQ(test, set_setting(test, settings, R2NM_DEAD_THRESHOLD,
					  "501", true), -EINVAL);
}

struct word_case {
	const char *text;
	int err;
	bool value;
};

/* What has no effect is checked as it was by the original. */
static void rules_mode(struct kunit *test)
{
	static const struct word_case cases[] = {
		{ "local\n", 0, false }, { "global", 0, true },
		{ "LOCAL", 0, false }, { "Glo\n", 0, true }, { "l", 0, false },
		{ "", -EINVAL }, { "\n", -EINVAL }, { "x", -EINVAL },
		{ "locally", -EINVAL }, { "local x", -EINVAL },
		{ "local\n\n", -EINVAL }, { "lg", -EINVAL },
	};
	struct rules_world *world = test->priv;
	unsigned int i;
	bool value;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		value = !cases[i].value;
		KUNIT_EXPECT_EQ_MSG(test,
				    told(test, r2nm_check_mode(cases[i].text,
							       &value,
							       &world->why)),
				    cases[i].err, "mode %s", cases[i].text);
		KUNIT_EXPECT_EQ(test, value == cases[i].value, !cases[i].err);
	}
}

static void rules_fence(struct kunit *test)
{
	static const struct word_case cases[] = {
		{ "reset\n", 0, false }, { "panic", 0, true },
		{ "Panic\n", 0, true }, { "RESET", 0, false },
		{ "", -EINVAL }, { "\n", -EINVAL }, { "p", -EINVAL },
		{ "panics", -EINVAL }, { "panic now", -EINVAL },
		{ "off", -EINVAL },
	};
	struct rules_world *world = test->priv;
	unsigned int i;
	bool value;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		value = !cases[i].value;
		KUNIT_EXPECT_EQ_MSG(test,
				    told(test, r2nm_check_fence(cases[i].text,
								&value,
								&world->why)),
				    cases[i].err, "fence %s", cases[i].text);
		KUNIT_EXPECT_EQ(test, value == cases[i].value, !cases[i].err);
	}
}

static void rules_name(struct kunit *test)
{
	struct rules_world *world = test->priv;
	char name[R2_CLUSTER_NAME_LEN], text[R2_CLUSTER_NAME_LEN + 2];

	memset(name, 'x', sizeof(name));
	KUNIT_EXPECT_EQ(test, told(test, r2nm_check_name("lab-1\n", name,
							 &world->why)), 0);
	KUNIT_EXPECT_STREQ(test, name, "lab-1");
	KUNIT_EXPECT_NULL(test, memchr_inv(name + 5, 0, sizeof(name) - 5));
	KUNIT_EXPECT_EQ(test, told(test, r2nm_check_name("\n", name,
							 &world->why)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, told(test, r2nm_check_name("a b", name,
							 &world->why)),
			-EINVAL);

	memset(text, 'y', sizeof(text));
	text[R2_CLUSTER_NAME_LEN - 1] = '\n';
	text[R2_CLUSTER_NAME_LEN] = 0;
	KUNIT_EXPECT_EQ(test, told(test, r2nm_check_name(text, name,
							 &world->why)), 0);
	text[R2_CLUSTER_NAME_LEN - 1] = 'y';
	KUNIT_EXPECT_EQ(test, told(test, r2nm_check_name(text, name,
							 &world->why)),
			-ENAMETOOLONG);
	KUNIT_EXPECT_EQ(test, strlen(name), R2_CLUSTER_NAME_LEN - 1);
}

static const struct config_item_type other_type = {
	.ct_owner = THIS_MODULE,
};

static int other_register(struct configfs_subsystem *subsys, const char *name)
{
	memset(subsys, 0, sizeof(*subsys));
	config_group_init_type_name(&subsys->su_group, name, &other_type);
	mutex_init(&subsys->su_mutex);
	return configfs_register_subsystem(subsys);
}

/*
 * Checklist A12.  OCFS2 has a directory of its own in configfs, called cluster:
 * it and ours are there at the same time, which two of one name could not be.
 */
static void rules_beside_ocfs2(struct kunit *test)
{
	static struct configfs_subsystem other;
	static const struct r2nm_ops ops;

	if (IS_MODULE(CONFIG_RAMSTER) || zcache_ramster_enabled())
		kunit_skip(test, "the real one is there");
	KUNIT_ASSERT_EQ(test, r2nm_init(&ops), 0);
	KUNIT_EXPECT_EQ(test, other_register(&other, "cluster"), 0);
	configfs_unregister_subsystem(&other);
	KUNIT_EXPECT_EQ(test, other_register(&other, "ramster"), -EEXIST);
	r2nm_exit();
}

static struct kunit_case rules_cases[] = {
	KUNIT_CASE(rules_order),
	KUNIT_CASE(rules_write_once),
	KUNIT_CASE(rules_duplicates),
	KUNIT_CASE(rules_ipv6_duplicate),
	KUNIT_CASE(rules_ports),
	KUNIT_CASE(rules_nums),
	KUNIT_CASE(rules_ipv4),
	KUNIT_CASE(rules_ipv6),
	KUNIT_CASE(rules_settings),
	KUNIT_CASE(rules_timeouts),
	KUNIT_CASE(rules_dead_threshold),
	KUNIT_CASE(rules_mode),
	KUNIT_CASE(rules_fence),
	KUNIT_CASE(rules_name),
	KUNIT_CASE(rules_beside_ocfs2),
	{}
};

static struct kunit_suite rules_suite = {
	.name = "r2nm_rules",
	.init = rules_init,
	.test_cases = rules_cases,
};

kunit_test_suite(rules_suite);

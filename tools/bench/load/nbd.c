// SPDX-License-Identifier: GPL-2.0
/*
 * Joins a network block device: the part of nbd-client that is needed, static.
 * The process that did so stays in the kernel until the device is let go.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define NBD_OPTS	0x49484156454f5054ULL	/* "IHAVEOPT" */
#define NBD_HELLO	0x4e42444d41474943ULL	/* "NBDMAGIC" */
#define OPT_EXPORT_NAME	1
#define FIXED		1
#define NO_ZEROES	2
#define BLOCK		4096

static int dial(const char *address, const char *port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
	};
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (!inet_aton(address, &to.sin_addr))
		die("nbd: %s is no address", address);
	if (connect(s, (void *)&to, sizeof(to)))
		die("nbd: no connection with %s:%s: %s", address, port,
		    strerror(errno));
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return s;
}

/* Ask for an export by its name; its size, and its flags. */
static uint64_t negotiate(int s, const char *name, uint16_t *flags)
{
	struct {
		uint64_t magic, opts;
		uint16_t flags;
	} __attribute__((packed)) hello;
	struct {
		uint32_t flags;
		uint64_t opts;
		uint32_t option, len;
	} __attribute__((packed)) ask;
	struct {
		uint64_t size;
		uint16_t flags;
	} __attribute__((packed)) export;

	if (!read_all(s, &hello, sizeof(hello)) ||
	    be64toh(hello.magic) != NBD_HELLO || be64toh(hello.opts) != NBD_OPTS ||
	    !(ntohs(hello.flags) & NO_ZEROES))
		die("nbd: this is no server, or an old one");
	ask.flags = htonl(FIXED | NO_ZEROES);
	ask.opts = htobe64(NBD_OPTS);
	ask.option = htonl(OPT_EXPORT_NAME);
	ask.len = htonl(strlen(name));
	if (!write_all(s, &ask, sizeof(ask)) ||
	    !write_all(s, name, strlen(name)) ||
	    !read_all(s, &export, sizeof(export)))
		die("nbd: the server has no %s", name);
	*flags = ntohs(export.flags);
	return be64toh(export.size);
}

/* An ioctl that has to succeed. */
static void tell(int fd, unsigned long what, unsigned long arg)
{
	if (ioctl(fd, what, arg) < 0)
		die("nbd: ioctl %#lx: %s", what, strerror(errno));
}

static int join(const char *address, const char *port, const char *name,
		const char *device)
{
	int s = dial(address, port), fd = open(device, O_RDWR);
	uint16_t flags;
	uint64_t size = negotiate(s, name, &flags);

	if (fd < 0)
		die("nbd: %s: %s", device, strerror(errno));
	tell(fd, NBD_SET_BLKSIZE, BLOCK);
	tell(fd, NBD_SET_SIZE_BLOCKS, size / BLOCK);
	ioctl(fd, NBD_CLEAR_SOCK);
	tell(fd, NBD_SET_FLAGS, flags);
	tell(fd, NBD_SET_SOCK, s);
	if (fork())
		return 0;
	/* swap must not wait for a program that is swapped out */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall: %s", strerror(errno));
	setsid();
	ioctl(fd, NBD_DO_IT);
	ioctl(fd, NBD_CLEAR_SOCK);
	_exit(0);
}

static int leave(const char *device)
{
	int fd = open(device, O_RDWR);

	if (fd < 0)
		die("nbd: %s: %s", device, strerror(errno));
	tell(fd, NBD_DISCONNECT, 0);
	return 0;
}

int nbd_main(char **argv)
{
	size_t n;

	for (n = 0; argv[n]; n++)
		;
	if (n == 2 && !strcmp(argv[0], "-d"))
		return leave(argv[1]);
	if (n != 4)
		die("usage: bench nbd ADDRESS PORT NAME DEVICE, bench nbd -d DEVICE");
	return join(argv[0], argv[1], argv[2], argv[3]);
}

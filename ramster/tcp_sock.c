// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that carry swap pages.
 *
 * Memory may depend on what these sockets do, so none of them may wait for
 * memory that could come only from them: no allocation may recurse into I/O,
 * the reserve may be used, and every call is made under memalloc_noreclaim.
 * The last is done here, so that no caller can forget it.
 */
#define pr_fmt(fmt) "ramster: " fmt

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>
#include "tcp_private.h"

/*
 * Classes of our own for lockdep: to it, all sockets of the kernel are alike,
 * and what some do with their lock held (allocate) would be held against ours.
 */
static struct lock_class_key r2tcp_sk_key[2];
static struct lock_class_key r2tcp_slock_key[2];

static int r2tcp_addr_len(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					     sizeof(struct sockaddr_in);
}

static bool r2tcp_same_in6(const struct sockaddr_in6 *a,
			   const struct sockaddr_in6 *b)
{
	return ipv6_addr_equal(&a->sin6_addr, &b->sin6_addr) &&
	       a->sin6_scope_id == b->sin6_scope_id;
}

/**
 * r2tcp_same_address() - compare two addresses, without their ports
 * @a: one
 * @b: the other
 *
 * Return: whether both are the same IPv4 or IPv6 address.
 */
bool r2tcp_same_address(const struct sockaddr_storage *a,
			const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	switch (a->ss_family) {
	case AF_INET:
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	case AF_INET6:
		return r2tcp_same_in6((const struct sockaddr_in6 *)a,
				      (const struct sockaddr_in6 *)b);
	default:
		return false;
	}
}

static int r2tcp_sock_bind(struct socket *sock,
			   const struct sockaddr_storage *addr)
{
	return kernel_bind(sock, (struct sockaddr *)addr, r2tcp_addr_len(addr));
}

/**
 * r2tcp_sock_listen() - make a listening socket
 * @net: network namespace
 * @addr: address and port
 * @sock: the socket
 *
 * It is an ordinary socket: what comes in before a connection is accepted may
 * be lost for want of memory, and will be sent again.
 *
 * Return: 0 or a negative errno.  Context: may sleep.
 */
int r2tcp_sock_listen(struct net *net, const struct sockaddr_storage *addr,
		      struct socket **sock)
{
	int err;

	err = sock_create_kern(net, addr->ss_family, SOCK_STREAM, IPPROTO_TCP,
			       sock);
	if (err)
		return err;
	/* Connections of a former life must not keep us from listening. */
	sock_set_reuseaddr((*sock)->sk);
	err = r2tcp_sock_bind(*sock, addr);
	if (!err)
		err = kernel_listen(*sock, R2_MAX_NODES);
	if (err)
		sock_release(*sock);
	return err;
}

/**
 * r2tcp_sock_create() - make a socket that is going to connect
 * @net: network namespace
 * @from: address to connect from; the port is left to the kernel
 * @sock: the socket
 *
 * Return: 0 or a negative errno.  Context: may sleep.
 */
int r2tcp_sock_create(struct net *net, const struct sockaddr_storage *from,
		      struct socket **sock)
{
	struct sockaddr_storage any_port = *from;
	unsigned int flags = memalloc_noreclaim_save();
	int err;

	if (any_port.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&any_port)->sin6_port = 0;
	else
		((struct sockaddr_in *)&any_port)->sin_port = 0;

	err = sock_create_kern(net, any_port.ss_family, SOCK_STREAM,
			       IPPROTO_TCP, sock);
	if (!err) {
		err = r2tcp_sock_bind(*sock, &any_port);
		if (err)
			sock_release(*sock);
	}
	memalloc_noreclaim_restore(flags);
	return err;
}

/**
 * r2tcp_sock_connect() - connect
 * @sock: socket from r2tcp_sock_create()
 * @to: address and port
 * @timeout_ms: to give up after
 *
 * Return: 0 or a negative errno; -EINPROGRESS if the time is over.
 * Context: sleeps until connected; r2tcp_sock_shut() ends that.
 */
int r2tcp_sock_connect(struct socket *sock, const struct sockaddr_storage *to,
		       unsigned int timeout_ms)
{
	unsigned int flags = memalloc_noreclaim_save();
	long timeo = sock->sk->sk_sndtimeo;
	int err;

	/* To the socket, connecting is sending. */
	WRITE_ONCE(sock->sk->sk_sndtimeo, msecs_to_jiffies(timeout_ms));
	err = kernel_connect(sock, (struct sockaddr *)to, r2tcp_addr_len(to),
			     0);
	WRITE_ONCE(sock->sk->sk_sndtimeo, timeo);
	memalloc_noreclaim_restore(flags);
	return err;
}

/*
 * An accepted socket already receives, so its locks cannot be initialised
 * again; but their class can be changed by who holds them. Another CPU may be
 * waiting for the lock meanwhile, and must not find a key with another name than
 * that of the key's class: so the names stay what they are for all sockets of
 * the kernel.
 */
static void r2tcp_sock_classify(struct sock *sk)
{
	int v6 = sk->sk_family == AF_INET6;

	/* Lockdep must not be left with classes of a module that is gone. */
	sk_owner_set(sk, THIS_MODULE);

	lock_sock(sk);
	spin_lock_bh(&sk->sk_lock.slock);
	lock_set_class(&sk->sk_lock.slock.dep_map,
		       sk->sk_lock.slock.dep_map.name,
		       &r2tcp_slock_key[v6], 0, _THIS_IP_);
	spin_unlock_bh(&sk->sk_lock.slock);
	lock_set_class(&sk->sk_lock.dep_map, sk->sk_lock.dep_map.name,
		       &r2tcp_sk_key[v6], 0, _THIS_IP_);
	release_sock(sk);
}

/**
 * r2tcp_sock_tune() - make a socket fit to carry swap pages
 * @sock: a new socket of this node; not called twice
 * @timeout_ms: how long data may wait to be acknowledged, or to be sent
 *
 * Context: may sleep.  r2tcp_sock_close() undoes what has to be undone.
 */
void r2tcp_sock_tune(struct socket *sock, unsigned int timeout_ms)
{
	unsigned int flags = memalloc_noreclaim_save();
	struct sock *sk = sock->sk;

	r2tcp_sock_classify(sk);
	sk->sk_allocation = GFP_NOIO;
	/*
	 * The page fragment of the task may be in use by a socket call further
	 * up the stack, if this one comes from reclaim.
	 */
	sk->sk_use_task_frag = false;
	sk_set_memalloc(sk);
	tcp_sock_set_nodelay(sk);
	/* Closing resets: nothing lingers that would still need timers. */
	sock_no_linger(sk);
	/*
	 * What the sender has handed over cannot be overtaken any more.  So let
	 * it wait while more than this is there that TCP has not sent once.
	 */
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, R2TCP_NOTSENT);
	tcp_sock_set_user_timeout(sk, min_t(unsigned int, timeout_ms, INT_MAX));
	WRITE_ONCE(sk->sk_sndtimeo, msecs_to_jiffies(timeout_ms));
	memalloc_noreclaim_restore(flags);
}

/**
 * r2tcp_sock_set_rcvtimeo() - limit how long receiving may wait
 * @sock: the socket
 * @timeout_ms: the limit; 0 for none
 */
void r2tcp_sock_set_rcvtimeo(struct socket *sock, unsigned int timeout_ms)
{
	WRITE_ONCE(sock->sk->sk_rcvtimeo,
		   timeout_ms ? msecs_to_jiffies(timeout_ms) :
				MAX_SCHEDULE_TIMEOUT);
}

/**
 * r2tcp_sock_shut() - end whatever anybody waits for at a socket
 * @sock: the socket; the caller makes sure that it is not released meanwhile
 *
 * Sending and connecting fail from now on; receiving ends after what has
 * already come in.  Context: sleeps shortly.
 */
void r2tcp_sock_shut(struct socket *sock)
{
	unsigned int flags = memalloc_noreclaim_save();

	kernel_sock_shutdown(sock, SHUT_RDWR);
	memalloc_noreclaim_restore(flags);
}

/**
 * r2tcp_sock_close() - release a socket
 * @sock: the socket, in any state; nobody else may be using it
 */
void r2tcp_sock_close(struct socket *sock)
{
	unsigned int flags = memalloc_noreclaim_save();
	bool memalloc = sock_flag(sock->sk, SOCK_MEMALLOC);

	sock_release(sock);
	/*
	 * Half of sk_clear_memalloc().  All of it, before the release, would
	 * leave packets from the reserve in the backlog of a socket that is no
	 * longer allowed them, which stops the kernel.
	 */
	if (memalloc)
		static_branch_dec(&memalloc_socks_key);
	memalloc_noreclaim_restore(flags);
}

/**
 * r2tcp_sock_send() - send some bytes
 * @sock: the socket; only one task may be sending
 * @vec: the bytes
 * @nr: number of elements of @vec
 * @len: bytes in all of them
 * @wait: while the socket is full, wait until it takes something
 *
 * Return: number of bytes that were taken, from the first on; without @wait,
 * -EAGAIN if the socket is full; or another negative errno, after which the
 * socket is useless.
 * Context: with @wait, sleeps while the socket is full; r2tcp_sock_shut() ends
 * that.
 */
int r2tcp_sock_send(struct socket *sock, struct kvec *vec, unsigned int nr,
		    size_t len, bool wait)
{
	struct msghdr msg = {
		.msg_flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT),
	};
	unsigned int flags = memalloc_noreclaim_save();
	int n;

	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, vec, nr, len);
	n = sock_sendmsg(sock, &msg);
	memalloc_noreclaim_restore(flags);
	return n;
}

/**
 * r2tcp_sock_recv() - receive some bytes
 * @sock: the socket; only one task may be receiving
 * @buf: where to
 * @len: how many at most; not 0
 * @wait: until something comes
 *
 * Return: number of bytes, at least 1; without @wait, -EAGAIN if there is
 * nothing; or -ECONNRESET at the end of the stream, or another negative errno.
 * Context: with @wait, sleeps until something comes; r2tcp_sock_shut() ends that.
 */
int r2tcp_sock_recv(struct socket *sock, void *buf, unsigned int len, bool wait)
{
	struct msghdr msg = {
		.msg_flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT),
	};
	unsigned int flags = memalloc_noreclaim_save();
	struct kvec vec = { .iov_base = buf, .iov_len = len };
	int n;

	n = kernel_recvmsg(sock, &msg, &vec, 1, len, msg.msg_flags);
	memalloc_noreclaim_restore(flags);
	return n ?: -ECONNRESET;
}

/**
 * r2tcp_sock_ended() - whether nothing will come any more
 * @sock: the socket
 *
 * Return: true if the stream has ended, by whatever, or is about to; there may be
 * something left to be received.
 */
bool r2tcp_sock_ended(struct socket *sock)
{
	return (READ_ONCE(sock->sk->sk_shutdown) & RCV_SHUTDOWN) ||
	       READ_ONCE(sock->sk->sk_err);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations: a range for each thread, in which nobody else writes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include "file_oracle.h"

#define BLOCK		PAGE

static const struct {
	const char *name;
	unsigned int weight;
} ops[NR_OPS] = {
	[READ] = { "read", 300 }, [READ_DIRECT] = { "direct read", 60 },
	[READ_MAP] = { "mapped read", 120 }, [READ_AHEAD] = { "read after readahead", 60 },
	[WRITE] = { "write", 160 }, [WRITE_DIRECT] = { "direct write", 80 },
	[WRITE_MAP] = { "mapped write", 80 }, [PUNCH] = { "punch hole", 40 },
	[ZERO] = { "zero range", 30 }, [SYNC] = { "fsync", 20 },
	[DONTNEED] = { "fadvise", 30 }, [RECLAIM] = { "reclaim", 100 },
	[SHRINK] = { "shrink", 20 }, [GROW] = { "grow", 20 },
	[COLLAPSE] = { "collapse range", 20 }, [INSERT] = { "insert range", 20 },
	[DROP_CACHES] = { "drop_caches", 3 }, [REMOUNT] = { "remount", 3 },
	[RECREATE] = { "unlink and create", 2 },
};

static unsigned long op_count[NR_OPS];
static bool op_missing[NR_OPS];

static enum op draw_op(bool alone)
{
	enum op last = alone ? NR_OPS : SHRINK, op;
	unsigned int sum = 0;
	unsigned long at;

	for (op = 0; op < last; op++)
		sum += ops[op].weight;
	at = rnd(sum);
	for (op = 0; at >= ops[op].weight; op++)
		at -= ops[op].weight;
	return op;
}

/* A part of the range, with both ends where @align allows. */
static void draw_part(struct range *r, unsigned long align, unsigned long *pos,
		      unsigned long *len)
{
	unsigned long units = (r->end - r->start) / align;
	unsigned long most = CHUNK / align;
	unsigned long first = rnd(units);

	/* many small ones, some as large as it gets */
	if (rnd(4))
		most = most / 8 ? most / 8 : 1;
	*len = 1 + rnd(most);
	if (*len > units - first)
		*len = units - first;
	*pos = r->start + first * align;
	*len *= align;
}

static void *map_part(enum op op, unsigned long pos, unsigned long len,
		      unsigned long *skip)
{
	int prot = op == WRITE_MAP ? PROT_READ | PROT_WRITE : PROT_READ;
	void *map;

	*skip = pos % PAGE;
	map = mmap(NULL, len + *skip, prot, MAP_SHARED, m.fd, pos - *skip);
	must(map != MAP_FAILED);
	return map;
}

static void do_mapped(enum op op, char *data, unsigned long pos,
		      unsigned long len)
{
	unsigned long skip;
	char *map;

	if (pos >= m.size)
		return;
	if (pos + len > m.size)
		len = (m.size - pos) / CELL * CELL;
	if (!len)
		return;
	map = map_part(op, pos, len, &skip);
	if (op == WRITE_MAP) {
		model_write(data, pos, len, next_gen());
		memcpy(map + skip, data, len);
	} else {
		memcpy(data, map + skip, len);
		check(ops[op].name, data, pos, len);
	}
	munmap(map, len + skip);
}

/* Returns false if the file system does not know how to. */
bool do_fallocate(int mode, unsigned long pos, unsigned long len)
{
	if (!fallocate(m.fd, mode, pos, len))
		return true;
	if (errno != EOPNOTSUPP)
		fail("fallocate %#x at %lu, %lu bytes: %m", mode, pos, len);
	return false;
}

static void grow_to(unsigned long size)
{
	if (size > m.size)
		m.size = size;
}

static void do_write(enum op op, char *data, unsigned long pos,
		     unsigned long len)
{
	int fd = op == WRITE_DIRECT ? m.direct : m.fd;

	model_write(data, pos, len, next_gen());
	if (pwrite(fd, data, len, pos) != (ssize_t)len)
		fail("%s at %lu, %lu bytes: %m", ops[op].name, pos, len);
	grow_to(pos + len);
}

static void do_truncate(enum op op)
{
	unsigned long size = op == SHRINK ? rnd(m.size + 1) :
			     m.size + rnd(m.max - m.size + 1);

	/* mostly not much, or there would be nothing left to look at */
	if (op == SHRINK && rnd(4))
		size = m.size - rnd(m.size / 16 + 1);
	/* pieces can be taken out of whole blocks only */
	if (rnd(2))
		size -= size % BLOCK;
	must(!ftruncate(m.fd, size));
	model_truncate(size);
}

/* Take a piece out of the file, or put one in: what is behind it moves. */
static bool do_shift(enum op op)
{
	unsigned long len = BLOCK * (1 + rnd(16));
	struct cell *cells = m.cells;
	unsigned long pos, rest;

	if (m.size < 64 * BLOCK || m.size % BLOCK ||
	    (op == INSERT && m.size + len > m.max))
		return true;
	pos = rnd((m.size - len) / BLOCK) * BLOCK;
	if (!do_fallocate(op == COLLAPSE ? FALLOC_FL_COLLAPSE_RANGE :
			  FALLOC_FL_INSERT_RANGE, pos, len))
		return false;
	if (op == COLLAPSE) {
		rest = m.size - pos - len;
		memmove(&cells[pos / CELL], &cells[(pos + len) / CELL],
			rest / CELL * sizeof(*cells));
		model_truncate(m.size - len);
	} else {
		rest = m.size - pos;
		memmove(&cells[(pos + len) / CELL], &cells[pos / CELL],
			rest / CELL * sizeof(*cells));
		model_zero(pos, len);
		m.size += len;
	}
	return true;
}

static void recreate(char *data)
{
	close_file();
	must(!unlink(m.path));
	m.file++;
	memset(m.cells, 0, m.max / CELL * sizeof(struct cell));
	open_file(O_CREAT | O_EXCL);
	write_file(data, m.max / 2);
}

/* Returns false if this file system cannot do that. */
bool do_op(enum op op, struct range *r, char *data)
{
	unsigned long pos, len;

	draw_part(r, op == READ_DIRECT || op == WRITE_DIRECT ? alignment : CELL,
		  &pos, &len);
	switch (op) {
	case READ_AHEAD:
	case READ:
		if (op == READ_AHEAD)
			posix_fadvise(m.fd, pos, len, POSIX_FADV_WILLNEED);
		read_range(ops[op].name, m.fd, data, pos, len);
		break;
	case READ_DIRECT:
		read_range(ops[op].name, m.direct, data, pos, len);
		break;
	case READ_MAP:
	case WRITE_MAP:
		do_mapped(op, data, pos, len);
		break;
	case WRITE:
	case WRITE_DIRECT:
		do_write(op, data, pos, len);
		break;
	case PUNCH:
	case ZERO:
		if (!do_fallocate((op == PUNCH ? FALLOC_FL_PUNCH_HOLE :
				   FALLOC_FL_ZERO_RANGE) |
				  FALLOC_FL_KEEP_SIZE, pos, len))
			return false;
		model_zero(pos, len);
		break;
	case SYNC:
		must(!fsync(m.fd));
		break;
	case DONTNEED:
		/* what is dirty would stay */
		must(!fsync(m.fd));
		posix_fadvise(m.fd, pos, len, POSIX_FADV_DONTNEED);
		break;
	case RECLAIM:
		reclaim(len * 8);
		break;
	case SHRINK:
	case GROW:
		do_truncate(op);
		break;
	case COLLAPSE:
	case INSERT:
		return do_shift(op);
	case DROP_CACHES:
		must(!fsync(m.fd));
		put_text("/proc/sys/vm/drop_caches", "3");
		break;
	case REMOUNT:
		if (!dev)
			return false;
		remount();
		break;
	case RECREATE:
		recreate(data);
		break;
	default:
		break;
	}
	return true;
}

void *random_ops(void *arg)
{
	struct range *r = arg;
	char *data = new_buffer();
	enum op op;

	rnd_state = mix(seed + 1000 * m.file + r->nr);
	while (now() < r->until) {
		op = draw_op(r->alone);
		if (op_missing[op])
			continue;
		if (!do_op(op, r, data))
			op_missing[op] = true;
		__atomic_add_fetch(&op_count[op], 1, __ATOMIC_RELAXED);
		r->ops++;
	}
	munmap(data, CHUNK);
	return NULL;
}

void print_ops(void)
{
	enum op op;

	printf("# operations:");
	for (op = 0; op < NR_OPS; op++)
		if (op_count[op])
			printf(" %s %lu%s,", ops[op].name, op_count[op],
			       op_missing[op] ? " (cannot)" : "");
	printf("\n");
	fflush(stdout);
}

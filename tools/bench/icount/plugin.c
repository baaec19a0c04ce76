// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU that counts where a guest's instructions go.
 *
 *	-plugin plugin.so,begin=ADDR,end=ADDR,out=FILE
 *
 * A section begins and ends with the instruction at these addresses, which are
 * the gauge's own: no other program of the guest has anything there.  For each
 * section FILE gets
 *
 *	section NUMBER INSTRUCTIONS
 *	block ADDRESS INSTRUCTIONS TIMES
 *	call ADDRESS TIMES INSTRUCTIONS		with all that it called
 *	edge CALLER ADDRESS TIMES INSTRUCTIONS	the same, by who called it
 *
 * Blocks are exact, but for those that a fault leaves half way.  What calls cost
 * is found by following call and ret on one stack of ours; tasks that switch in
 * the midst of a section make that part guesswork.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu.h"

EXPORT int qemu_plugin_version = PLUGIN_VERSION;

/* A piece of code that is executed from its beginning, or a function called. */
struct block {
	struct block *next;	/* of the same hash */
	uint64_t addr;
	uint64_t n;		/* instructions */
	uint64_t times;		/* in this section, as a block */
	uint64_t calls;		/* the same, as a function */
	uint64_t spent;		/* by it and what it called */
	unsigned int active;	/* frames on the stack: recursion counts once */
};

#define HASH_SIZE	65536
static struct block *hash[HASH_SIZE];

static struct block *block_get(uint64_t addr, uint64_t n)
{
	struct block **head = &hash[(addr ^ addr >> 16) % HASH_SIZE];
	struct block *b;

	for (b = *head; b; b = b->next)
		if (b->addr == addr && b->n == n)
			return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->addr = addr;
	b->n = n;
	b->next = *head;
	*head = b;
	return b;
}

/* One function calls another. */
struct edge {
	struct edge *next;	/* of the same hash */
	struct block *from;
	struct block *to;
	uint64_t calls;
	uint64_t spent;
};

static struct edge *edges[HASH_SIZE];

static struct edge *edge_get(struct block *from, struct block *to)
{
	struct edge **head, *e;

	head = &edges[(from->addr * 31 + to->addr) % HASH_SIZE];
	for (e = *head; e; e = e->next)
		if (e->from == from && e->to == to)
			return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		abort();
	e->from = from;
	e->to = to;
	e->next = *head;
	*head = e;
	return e;
}

/*
 * sections
 */

static uint64_t begin_addr, end_addr;
static bool counting;
static unsigned int nr_sections;
static uint64_t total;		/* instructions of this section */
static FILE *out;

/*
 * the stack
 */

struct frame {
	struct block *function;
	struct edge *edge;	/* from who called it, if that is known */
	uint64_t back;		/* where it returns to */
	uint64_t since;		/* total, when it was called */
};

#define DEPTH		512
static struct frame stack[DEPTH];
static unsigned int depth;
static uint64_t called_from;	/* the next block is called; returns to this */
static bool returned;		/* the next block is returned to */

static void push(struct block *b)
{
	struct edge *e = NULL;

	if (depth == DEPTH)
		depth = 0;	/* lost count long ago */
	if (depth)
		e = edge_get(stack[depth - 1].function, b);
	stack[depth++] = (struct frame){ b, e, called_from, total };
	if (e)
		e->calls++;
	b->calls++;
	b->active++;
}

static void pop(void)
{
	struct frame *f = &stack[--depth];

	if (f->edge)
		f->edge->spent += total - f->since;
	if (!--f->function->active)
		f->function->spent += total - f->since;
}

/* Whoever is not on top was left in some other way than by ret. */
static void return_to(uint64_t addr)
{
	unsigned int i = depth;

	while (i && stack[i - 1].back != addr)
		i--;
	if (i)
		while (depth >= i)
			pop();
}

static void on_call(unsigned int cpu, void *back)
{
	(void)cpu;
	called_from = (uintptr_t)back;
}

static void on_return(unsigned int cpu, void *unused)
{
	(void)cpu;
	(void)unused;
	returned = true;
}

static void on_block(unsigned int cpu, void *data)
{
	struct block *b = data;

	(void)cpu;
	if (!counting)
		return;
	if (called_from)
		push(b);
	else if (returned)
		return_to(b->addr);
	called_from = 0;
	returned = false;
	b->times++;
	total += b->n;
}

static void on_begin(unsigned int cpu, void *unused)
{
	(void)cpu;
	(void)unused;
	counting = true;
	total = 0;
	depth = 0;
	called_from = 0;
	returned = false;
}

static void report(struct block *b)
{
	if (b->times)
		fprintf(out, "block %lx %lu %lu\n", b->addr, b->n, b->times);
	if (b->calls)
		fprintf(out, "call %lx %lu %lu\n", b->addr, b->calls, b->spent);
	b->times = 0;
	b->calls = 0;
	b->spent = 0;
	b->active = 0;
}

static void report_edge(struct edge *e)
{
	if (e->calls)
		fprintf(out, "edge %lx %lx %lu %lu\n", e->from->addr,
			e->to->addr, e->calls, e->spent);
	e->calls = 0;
	e->spent = 0;
}

static void on_end(unsigned int cpu, void *unused)
{
	struct block *b;
	struct edge *e;
	unsigned int i;

	(void)cpu;
	(void)unused;
	while (depth)
		pop();
	counting = false;
	fprintf(out, "section %u %lu\n", nr_sections++, total);
	for (i = 0; i < HASH_SIZE; i++) {
		for (b = hash[i]; b; b = b->next)
			report(b);
		for (e = edges[i]; e; e = e->next)
			report_edge(e);
	}
	fflush(out);
}

/*
 * translation
 */

/* A call or a ret ends a block. */
static void follow(struct qemu_plugin_insn *insn)
{
	char *text = qemu_plugin_insn_disas(insn);
	uint64_t back;

	if (!text)
		return;
	back = qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn);
	if (!strncmp(text, "call", 4))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_call, NO_REGISTERS,
						       (void *)(uintptr_t)back);
	else if (!strncmp(text, "ret", 3))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_return,
						       NO_REGISTERS, NULL);
	free(text);
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t addr = qemu_plugin_tb_vaddr(tb), at;
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *insn = NULL;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NO_REGISTERS,
					     block_get(addr, n));
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		at = qemu_plugin_insn_vaddr(insn);
		if (at == begin_addr)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin,
							       NO_REGISTERS, NULL);
		else if (at == end_addr)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end,
							       NO_REGISTERS, NULL);
	}
	/* only the kernel's calls are of interest */
	if (insn && addr >> 63)
		follow(insn);
}

static const char *value_of(const char *arg, const char *name)
{
	size_t len = strlen(name);

	return strncmp(arg, name, len) || arg[len] != '=' ? NULL : arg + len + 1;
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc,
			       char **argv)
{
	const char *v;
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		v = value_of(argv[i], "begin");
		if (v)
			begin_addr = strtoull(v, NULL, 16);
		v = value_of(argv[i], "end");
		if (v)
			end_addr = strtoull(v, NULL, 16);
		v = value_of(argv[i], "out");
		if (v)
			out = fopen(v, "w");
	}
	/* without these it is loaded to see whether it can be */
	if (begin_addr && end_addr && out)
		qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}

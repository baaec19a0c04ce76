// SPDX-License-Identifier: GPL-2.0
/*
 * The model: what each cell of the file must be.
 */
#include <string.h>
#include "file_oracle.h"

#define WORDS		(CELL / sizeof(uint64_t))

struct model m = { .fd = -1, .direct = -1 };

static void fill_cell(uint64_t *words, struct cell cell)
{
	uint64_t base = mix(cell.nr ^ (uint64_t)cell.gen << 32 ^
			    (uint64_t)cell.file << 56);
	unsigned int i;

	if (!cell.gen) {
		memset(words, 0, CELL);
		return;
	}
	words[0] = (uint64_t)cell.file << 32 | cell.gen;
	words[1] = cell.nr;
	for (i = 2; i < WORDS; i++)
		words[i] = base + i;
	if (cell.keep < CELL)
		memset((char *)words + cell.keep, 0, CELL - cell.keep);
}

/* Tell what is there from what should be. */
static void __attribute__((noreturn))
wrong_cell(const char *how, const uint64_t *got, unsigned long nr,
	   struct cell want)
{
	struct cell other = { got[0], got[1], CELL, got[0] >> 32 };
	uint64_t again[WORDS];

	fill_cell(again, other);
	if (other.gen && !memcmp(got, again, CELL / 2))
		fail("%s: cell %lu has generation %u of cell %u of file %u, not %u of %u of %u",
		     how, nr, other.gen, other.nr, other.file, want.gen,
		     want.nr, want.file);
	if (!got[0] && !got[1] && !got[WORDS - 1])
		fail("%s: cell %lu has generation 0, not %u", how, nr, want.gen);
	fail("%s: cell %lu, generation %u, is garbage: %016lx %016lx %016lx",
	     how, nr, want.gen, got[0], got[1], got[2]);
}

static void check_cell(const char *how, const void *data, unsigned long nr,
		       struct cell want, unsigned long len)
{
	uint64_t expected[WORDS], got[WORDS];

	fill_cell(expected, want);
	if (!memcmp(data, expected, len))
		return;
	memset(got, 0, sizeof(got));
	memcpy(got, data, len);
	wrong_cell(how, got, nr, want);
}

/* Compare what was read at @pos, the start of a cell. */
void check(const char *how, const char *data, unsigned long pos,
	   unsigned long len)
{
	unsigned long done, n;

	for (done = 0; done < len; done += n) {
		n = len - done < CELL ? len - done : CELL;
		check_cell(how, data + done, (pos + done) / CELL,
			   m.cells[(pos + done) / CELL], n);
	}
}

/* The model of a write; fills in what is to be written. */
void model_write(char *data, unsigned long pos, unsigned long len,
		 uint32_t gen)
{
	unsigned long nr;

	for (nr = pos / CELL; nr < (pos + len) / CELL; nr++) {
		m.cells[nr] = (struct cell){ gen, nr, CELL, m.file };
		fill_cell((uint64_t *)(data + nr * CELL - pos), m.cells[nr]);
	}
}

void model_zero(unsigned long pos, unsigned long len)
{
	memset(&m.cells[pos / CELL], 0, len / CELL * sizeof(struct cell));
}

/* The end of the file: what is behind it is zeroes if it comes back. */
void model_truncate(unsigned long size)
{
	unsigned long first = (size + CELL - 1) / CELL;
	struct cell *last = &m.cells[size / CELL];

	memset(&m.cells[first], 0, (m.max / CELL - first) * sizeof(struct cell));
	if (size % CELL && last->keep > size % CELL)
		last->keep = size % CELL;
	m.size = size;
}

/* A generation that nobody has used. */
uint32_t next_gen(void)
{
	return __atomic_add_fetch(&m.gen, 1, __ATOMIC_RELAXED);
}

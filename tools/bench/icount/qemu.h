/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What plugin.c uses of QEMU.  Debian has no package with QEMU's own header.
 * These functions have been the same since there are plugins; PLUGIN_VERSION is
 * found out by trying, see build_plugin() of ../icount.sh.
 */
#ifndef _ICOUNT_QEMU_H
#define _ICOUNT_QEMU_H

#include <stddef.h>
#include <stdint.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION	1
#endif
#define EXPORT		__attribute__((visibility("default")))
#define NO_REGISTERS	0	/* what a callback looks at */

struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void (*qemu_translated_fn)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_executed_fn)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, qemu_translated_fn cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  qemu_executed_fn cb, int flags,
					  void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    qemu_executed_fn cb, int flags,
					    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t nr);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
char *qemu_plugin_insn_disas(const struct qemu_plugin_insn *insn);

#endif /* _ICOUNT_QEMU_H */

# SPDX-License-Identifier: GPL-2.0
#
# In the kernel's build (drivers/staging/ramster) this is a Kbuild file; typed
# by a person it offers the targets that "make help" lists.

ifneq ($(KERNELRELEASE),)

# --- Kbuild ------------------------------------------------------------------

# Count the lines that are reached; see tools/coverage.sh.
ccflags-$(RAMSTER_COVERAGE) += -fprofile-arcs -ftest-coverage

obj-$(CONFIG_ZCACHE) += zcache.o
# The kernel's own macros include trace.h from here.
CFLAGS_zcache-trace.o := -I$(src)
zcache-y := zcache-main.o zcache-params.o zcache-swap.o zcache-file.o \
	    zcache-home.o zcache-page.o zcache-policy.o zcache-remote.o \
	    zcache-comp.o zcache-trace.o tmem.o tmem_flush.o tmem_home.o tmem_move.o \
	    tmem_pool.o tmem_take.o tmem_withdraw.o tmem_words.o zbud.o
zcache-$(CONFIG_ZCACHE_DEBUG) += zcache-debug.o
zcache-$(CONFIG_ZCACHE_KUNIT_TEST) += zbud_test.o tmem_test.o \
				      tmem_copies_test.o \
				      tmem_copies_debts_test.o \
				      tmem_copies_lone_test.o \
				      tmem_flush_test.o tmem_home_test.o \
				      tmem_move_test.o tmem_move_debts_test.o \
				      tmem_move_life_test.o \
				      tmem_life_servers_test.o tmem_race_test.o \
				      tmem_take_test.o tmem_threads_test.o \
				      tmem_wipe_test.o tmem_withdraw_test.o \
				      zcache-comp_test.o zcache-home_test.o \
				      zcache_test.o zcache-hooks_test.o

# After zcache: when both are built in, the order here is the order of start.
obj-$(CONFIG_RAMSTER) += ramster.o
ramster-y := $(addprefix ramster/,ramster.o homing.o placement.o remotify.o \
	       remotify_debts.o remotify_put.o recall.o repair.o \
	       fetch.o prefetch.o foreign.o heartbeat.o pressure.o selfshrink.o \
	       r2net.o r2wire.o \
	       tcp.o tcp_accept.o tcp_hello.o tcp_link.o \
	       tcp_peer.o tcp_recv.o tcp_req.o tcp_room.o tcp_send.o tcp_serve.o \
	       tcp_sock.o \
	       nodemanager.o nodemanager_node.o nodemanager_hb.o \
	       nodemanager_rules.o sysfs.o)
ramster-$(CONFIG_RAMSTER_DEBUG) += ramster/debug.o
ramster-$(CONFIG_RAMSTER_TORTURE) += $(addprefix ramster/,torture.o \
	       torture_debug.o torture_model.o torture_page.o)
ramster-$(CONFIG_RAMSTER_KUNIT_TEST) += $(addprefix ramster/,r2wire_test.o \
	       r2net_test.o tcp_testlib.o tcp_conn_test.o tcp_hello_test.o \
	       tcp_recv_test.o tcp_req_test.o tcp_room_test.o \
	       tcp_hostile_test.o heartbeat_test.o \
	       nodemanager_test.o foreign_test.o pressure_test.o \
	       placement_test.o remotify_test.o remotify_copies_test.o \
	       repair_test.o recall_test.o foreign_recall_test.o \
	       foreign_grace_test.o \
	       fetch_test.o fetch_copies_test.o prefetch_test.o \
	       selfshrink_test.o)
ifdef CONFIG_RAMSTER_TORTURE
ramster-$(CONFIG_RAMSTER_KUNIT_TEST) += ramster/torture_test.o
endif

obj-$(CONFIG_CLEANCACHE_TORTURE) += torture/cleancache_torture.o
obj-$(CONFIG_FRONTSWAP_TORTURE) += torture/frontswap_torture.o

else

# --- for people --------------------------------------------------------------

MODE ?= ramster
CONFIG ?= demo
SBINDIR ?= /usr/sbin
DOCDIR ?= /usr/share/doc/ramster
UNITDIR ?= /usr/lib/systemd/system

help:
	@echo 'make demo              two kernels, one short of RAM, one lending: build, boot,'
	@echo '                       swap over TCP, verify every byte (as root, on Debian)'
	@echo 'make demo MODE=zcache  the same work with the local compressed store alone'
	@echo 'make demo MODE=swap    the same work on plain swap'
	@echo 'make bench             ramster beside disk, zram, zswap, NBD and NVMe/TCP: ratios,'
	@echo '                       and what they use; 20 minutes, with QUICK=1 four'
	@echo 'make check             KUnit, clusters of kernels, static checks, fuzzing, a model'
	@echo 'make check PART=kunit|tools|fuzz|model|cluster|static'
	@echo 'make check TEST=NAME   one cluster test; tools/testing/run --list'
	@echo 'make fuzz              the protocol decoder against ten million inputs'
	@echo 'make model             all states of the life of a page; tools/model/run --help'
	@echo 'make coverage          lines that the unit tests reach, file by file'
	@echo 'make soak              clusters under random load, an hour each'
	@echo 'make soak MINUTES=N SEED=S'
	@echo 'make faults            500 faults of servers under a load, hours'
	@echo 'make faults CYCLES=N SEED=S COPIES=1|2'
	@echo 'make kernel            build the kernel only; CONFIG=demo|debug'
	@echo 'make install DESTDIR=  ramster.sh, the units for systemd and the documents, on'
	@echo '                       a machine that is to be a node'
	@echo 'make deps              install what all of this needs from Debian'
	@echo 'make clean-cache       remove kernels, builds and logs'
	@echo
	@echo 'environment: RAMSTER_CACHE=DIR (default /var/cache/ramster for root),'
	@echo '             KSRC=DIR a Linux 6.12 tree to use instead of the package'

deps:
	tools/deps.sh

kernel:
	tools/kernel.sh --config $(CONFIG)

demo:
	tools/demo.sh --mode $(MODE)

bench:
	tools/bench.sh $(if $(QUICK),--quick)

check:
	$(if $(KERNEL),KERNEL=$(KERNEL)) tools/check.sh $(if $(PART),--part $(PART)) $(TEST)

kunit static fuzz model:
	tools/check.sh --part $@

coverage:
	tools/coverage.sh

soak:
	tools/testing/soak $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(SEED),--seed $(SEED))

faults:
	tools/testing/faults $(if $(CYCLES),--cycles $(CYCLES)) \
		$(if $(SEED),--seed $(SEED)) $(if $(COPIES),--copies $(COPIES))

# What a machine needs beside its kernel to be a node.
install:
	install -D -m 755 tools/ramster.sh $(DESTDIR)$(SBINDIR)/ramster.sh
	install -d $(DESTDIR)/usr/lib/ramster $(DESTDIR)$(DOCDIR) $(DESTDIR)$(UNITDIR)
	install -m 644 tools/ramster/*.sh $(DESTDIR)/usr/lib/ramster
	install -m 644 tools/systemd/*.service $(DESTDIR)$(UNITDIR)
	install -D -m 644 tools/systemd/swap.conf $(DESTDIR)$(UNITDIR)/swap.d/ramster.conf
	install -m 644 README.md Documentation/*.rst Documentation/*.csv Documentation/*.inc $(DESTDIR)$(DOCDIR)
	install -d $(DESTDIR)$(DOCDIR)/ABI
	install -m 644 Documentation/ABI/* $(DESTDIR)$(DOCDIR)/ABI

clean-cache:
	tools/clean-cache.sh

.DEFAULT_GOAL := help
.PHONY: help deps kernel demo bench check kunit static fuzz model coverage soak faults install clean-cache

endif

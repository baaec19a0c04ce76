#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The benchmark's gauge without noise: not time, but instructions.
#
# One guest runs with QEMU's -icount shift=0: its clock goes forward by one
# nanosecond for each instruction that it executes, whatever else this machine
# does, so a difference of two readings of the time stamp counter is a number of
# instructions.  With that we count what it takes to store a page and to load it
# again, with ramster's compressed store and with those it is compared with.  A
# plugin of QEMU counts, too, by address; so we know where they go, and how many
# there are where the CPU is idle now and then and the clock jumps.
#
# What it is not: time.  A cache miss costs nothing here, and a division as much
# as a move.  A string instruction (rep movs) counts once for each step; so that
# these are steps of eight bytes, not of one, the guest's CPU is told that it has
# no fast byte strings (erms, fsrm), which every arm has the same benefit of.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh

ALL_CONTENTS=half,quarter,text,filled,random
ALL_PARTS=clock,lzo,swap,send,net

usage() {
	cat <<END
usage: tools/bench/icount.sh [options]

Counts the instructions of a stored page and of a local load: zcache beside zram
and zswap, with the same compressor (lzo); and of a page that is sent to another
machine and fetched from there, beside network block devices. Takes about three
minutes once there is a kernel. Prints tables and whether the bars are met; the
last line says where all figures are as CSV (arm,content,measure,value,unit).

  --contents LIST  what is in the pages ($ALL_CONTENTS):
                   half, quarter  bytes at random, then one byte repeated;
                          compress to about a half, a quarter
                   text   words, compress to about a half
                   filled one byte value   random  do not compress
  --parts LIST     of the measurement ($ALL_PARTS):
                   clock  is one nanosecond one instruction?
                   lzo    the compressor with and without the crypto API
                   swap   store and load: zram, zswap, zcache
                   send   two nodes of ramster, both in the one kernel
                   net    swap over NBD and NVMe/TCP in the same way
                   The last two take the first of the contents that compress.
  --pages N        of a round ($pages)
  --rounds N       that count, after two to warm up ($rounds)
  --csv FILE       where to write the figures
  --profile        show where the instructions go, by source file and function,
                   in place of the tables; of "swap" and half, unless parts and
                   contents are named
  --top N          so many lines of each of its tables ($top)
  --help
END
}

# number OPTION VALUE MIN MAX: dies unless it is one in that range.
number() {
	case $2 in
	''|*[!0-9]*|??????*)	die "$1: \"$2\" is not a number from $3 to $4" ;;
	esac
	if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
		die "$1: $2 is not a number from $3 to $4"
	fi
}

# subset OPTION LIST ALL: dies unless each of the list is one of all.
subset() {
	local word

	[ -n "$2" ] || die "$1: nothing is named; there are $3"
	for word in ${2//,/ }; do
		case ,$3, in
		*,"$word",*) ;;
		*) die "$1: there is no \"$word\"; there are $3" ;;
		esac
	done
}

pages=256 rounds=3 csv='' contents='' parts='' profile='' top=30
while [ $# -gt 0 ]; do
	case $1 in
	--help|-h)	usage; exit 0 ;;
	--profile)	profile=1 ;;
	--contents|--parts|--pages|--rounds|--csv|--top)
		[ $# -ge 2 ] || die "$1 needs a value"
		case $1 in
		--contents) subset "$1" "$2" $ALL_CONTENTS; contents=$2 ;;
		--parts) subset "$1" "$2" $ALL_PARTS; parts=$2 ;;
		--pages) number "$1" "$2" 16 4096; pages=$2 ;;
		--rounds) number "$1" "$2" 1 99; rounds=$2 ;;
		--top)	number "$1" "$2" 1 1000; top=$2 ;;
		--csv)	csv=$2 ;;
		esac
		shift ;;
	*)	usage >&2; die "what is $1?" ;;
	esac
	shift
done
if [ -n "$profile" ]; then
	parts=${parts:-swap} contents=${contents:-half}
fi
parts=${parts:-$ALL_PARTS} contents=${contents:-$ALL_CONTENTS}
[ -z "$csv" ] || : >>"$csv" || die "--csv: cannot write $csv"

here=tools/bench/icount
RUN=$RAMSTER_CACHE/logs/icount${profile:+-profile}
csv=${csv:-$RUN/icount.csv}
rm -rf "$RUN"
mkdir -p "$RUN"
WORK=$(mktemp -d /tmp/ramster-icount.XXXXXX)
QEMU=
clean_up() {
	[ -z "$QEMU" ] || kill -KILL "$QEMU" 2>/dev/null
	rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- what the guest needs --------------------------------------------------------

# build_module: against the kernel that will run; beside it, not in its tree.
build_module() {
	local lock=${BUILD%/*}.${BUILD##*/}.lock log=$RUN/module.log

	cp -r $here/module "$WORK/module" || die "no room in $WORK"
	exec 9>"$lock" || die "cannot write $lock"
	flock 9
	# a build of the image alone leaves out what modules are linked with
	{
		[ -e "$BUILD/scripts/module.lds" ] ||
			make -s -C "$BUILD" modules_prepare
		[ -e "$BUILD/Module.symvers" ] ||
			cp "$BUILD/vmlinux.symvers" "$BUILD/Module.symvers"
		make -s -C "$BUILD" M="$WORK/module" modules
	} >"$log" 2>&1 </dev/null || {
		tail -n 20 "$log" >&2
		die "the module for the guest did not build; see $log"
	}
	exec 9>&-
}

# build_gauge: at an address of its own, where the plugin can tell it from others.
build_gauge() {
	gcc -static -O2 -Wall -Wextra -pthread -Wl,-Ttext-segment=0x5c0de000 \
		-o "$WORK/gauge" $here/gauge.c || die "the gauge does not compile"
}

# pack: the tests' initramfs, and what is ours after it; the kernel unpacks both.
pack() {
	local initrd r=$WORK/root

	initrd=$(tools/testing/initramfs.sh) || die "no initramfs"
	mkdir -p "$r/bin"
	strip -o "$r/bin/gauge" "$WORK/gauge" || die "no gauge"
	strip -g -o "$r/icount.ko" "$WORK/module/icount.ko" || die "no module"
	install -m 755 $here/guest.sh "$r/icount-init" || die "no room in $WORK"
	{
		cat "$initrd" &&
		(cd "$r" && find . | sort | cpio -o -H newc -R 0:0 --quiet)
	} >"$WORK/initrd" || die "cannot pack the initramfs"
}

# build_plugin: its version has to be one that this QEMU takes; there is no
# header to ask.
build_plugin() {
	local v

	for v in 1 2 3 4 5 6; do
		gcc -shared -fPIC -O2 -Wall -Wextra -fvisibility=hidden \
			-DPLUGIN_VERSION=$v -o "$WORK/plugin.so" $here/plugin.c ||
			die "the plugin does not compile"
		! echo quit | qemu-system-x86_64 -M none -display none \
			-monitor stdio -plugin "$WORK/plugin.so" \
			>"$RUN/plugin.log" 2>&1 || return 0
	done
	cat "$RUN/plugin.log" >&2
	die "this QEMU takes no plugin, and so nothing can be counted"
}

# plugin_args: sets PLUGIN.
plugin_args() {
	local begin end

	begin=$(nm "$WORK/gauge" | sed -n 's/ . section_mark_begin$//p')
	end=$(nm "$WORK/gauge" | sed -n 's/ . section_mark_end$//p')
	PLUGIN=(-plugin "$WORK/plugin.so,begin=$begin,end=$end,out=$RUN/profile")
}

# --- the guest -------------------------------------------------------------------

start_guest() {
	local with_us=() args

	! setpriv --pdeathsig KILL true 2>/dev/null ||
		with_us=(setpriv --pdeathsig KILL)
	args="console=ttyS0 panic=-1 oops=panic no_timer_check"
	args+=" tsc=reliable tsc_early_khz=1000000 nbd.nbds_max=1"
	args+=" brd.rd_nr=2 brd.rd_size=65536 ramster noselfshrink"
	args+=" ramster.remotify_high_percent=100"
	args+=" rdinit=/icount-init icount.parts=$parts"
	args+=" icount.contents=$contents icount.pages=$pages"
	args+=" icount.rounds=$rounds"
	truncate -s 64M "$WORK/disk"
	"${with_us[@]}" qemu-system-x86_64 -machine pc -smp 1 -m 256 \
		-accel tcg,thread=single -icount shift=0,sleep=off \
		-cpu max,-erms,-fsrm -display none -no-reboot -nodefaults \
		-monitor none -serial "file:$RUN/console" \
		-serial "file:$RUN/results" \
		-drive "if=none,id=disk,format=raw,cache=unsafe,file=$WORK/disk" \
		-device nvme,drive=disk,serial=1 "${PLUGIN[@]}" \
		-kernel "$BUILD/arch/x86/boot/bzImage" -initrd "$WORK/initrd" \
		-append "$args" </dev/null >"$RUN/qemu" 2>&1 &
	QEMU=$!
}

# What is being measured, now and then; a terminal sees it at once.
progress() {
	local line

	line=$(sed -n 's/^doing //p' "$RUN/results" 2>/dev/null | tail -n 1)
	[ "$line" != "$last_seen" ] || return 0
	last_seen=$line
	if [ -t 2 ]; then
		printf '\r[%s] %-60s' "$(hms $SECONDS)" "${line:-booting}" >&2
	else
		say "${line:-booting}"
	fi
}

watch_guest() {
	local end=$((SECONDS + 900)) last_seen=- pause=10 status

	[ ! -t 2 ] || pause=2
	while kill -0 "$QEMU" 2>/dev/null; do
		timeout $pause tail --pid="$QEMU" -f /dev/null
		progress
		[ $SECONDS -lt $end ] || die "not done within 15 minutes; see $RUN"
	done
	[ ! -t 2 ] || echo >&2
	wait "$QEMU"
	status=$?
	QEMU=
	grep -qx 'end' "$RUN/results" || {
		tail -n 20 "$RUN/console" "$RUN/results" "$RUN/qemu" |
			sed 's/^/    /' >&2
		die "the guest ended early (QEMU: $status); all of it is in $RUN"
	}
	if grep -m 5 '^bad' "$RUN/results" >&2; then
		die "not all is right; see $RUN/results"
	fi
}

need_packages_for kernel qemu
image=$(tools/kernel.sh --config bench | tail -n 1) || die "no kernel"
BUILD=${image%/arch/x86/boot/bzImage}
build_module
build_gauge
pack
build_plugin
plugin_args
say "counting: $parts; $contents; $rounds rounds of $pages pages"
start_guest
watch_guest
if [ -n "$profile" ]; then
	python3 $here/profile.py "$RUN/profile" "$RUN/results" "$BUILD" "$pages" \
		"$top" "$csv" || exit 1
else
	python3 $here/report.py "$RUN/results" "$RUN/profile" "$pages" "$csv" ||
		exit 1
fi
say "all figures are in"
echo "$csv"

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What host-side tests are written with.  A test is a function of a file in
# tests/, run by tools/testing/run in a process of its own under "set -e":
#
#	# What this must never do, and why it might.
#	test_reads_survive_a_reset() {
#		boot server --mem 512 --ip 10.0.0.1
#		boot client --mem 256 --ip 10.0.0.2 --swap 512
#		on client 'cat /proc/swaps'
#		load=$(start client pageload --mb 300 --stdin)
#		tell client "$load" write
#		expect client "$load" 'stage write' 120
#		...
#		finish
#	}
#
# A test passes when its function ends with status 0, every guest is still well
# then, and none has said "not ok".  A guest is well as long as it runs and its
# console shows none of $SPLATS; each wait below checks, so that a panic ends
# the test at once and not after its timeout.
#
#	boot NAME [--mem MB] [--cpus N] [--ip ADDR] [--swap MB] [--nvme MB]
#	     [--iops N] [--disk MB] [--image FILE] [--append ARGS]
#	     [--kernel CONFIG]
#			start a guest and wait until it takes orders.  --swap: a
#			virtio disk /dev/vda, swapped on, with --iops no faster
#			than N requests a second (0: no limit); --nvme: the same, but
#			/dev/nvme0n1 (large folios); --disk: the next /dev/vdX, empty;
#			--image: the same, with what is in that file.
#			Several boots at once: boot_start (same arguments) for each,
#			then boot_wait NAME...
#	on NAME COMMAND...	run a shell command in the guest; its output and its
#			status are those of "on"
#	start NAME COMMAND...	the same in the background; prints a job's number
#	tell NAME JOB TEXT	a line for the job's standard input
#	expect NAME JOB REGEX [SECS]	wait for a line of its output; prints it
#	output NAME JOB		all it has written so far
#	wait_job NAME JOB [SECS]	until it ends; its status
#	kill_job NAME JOB [SIGNAL]
#	wait_mark NAME REGEX [SECS]	wait for a "mark" line
#	wait_on NAME SECS COMMAND...	repeat a command in the guest until it succeeds
#	counter NAME FILE	number in a file under /sys/kernel/debug, 0 if absent
#	put_file NAME PATH <FILE	copy a small file into the guest
#	kill_guest NAME		SIGKILL: as if power were cut
#	pause_guest NAME, resume_guest NAME	SIGSTOP, SIGCONT
#	cut_link NAME, join_link NAME	pull its network cable, plug it in
#	expect_splat NAME REGEX	this guest is meant to say that on its console
#	finish [NAME...]	all, or these guests: swap and node off, nothing
#			held (guest/final.sh); then stop them
#	note TEXT, fail TEXT
#
# every_checker, before a boot: look for leaked memory, and at the life of timers,
# work and the like, too.  That takes more than half of the time of a test, so it is
# for those that see everything come and go.
#
# default_marks, before a boot: pages are sent when RAM runs short, as on any
# machine. Else they are sent as soon as they are stored: most tests want to see
# that, and have more RAM than they need.
#
# Times are in seconds and are multiplied by $RAMSTER_SLOW, which the runner sets
# by how busy this machine is.

set -u -o pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

RAMSTER_SLOW=${RAMSTER_SLOW:-1}
# The kernel that guests run: tools/kernel/$KERNEL.config.
KERNEL=${KERNEL:-debug}
EVERY_CHECKER=${EVERY_CHECKER:-}
SEND_ALWAYS=1

SPLATS='BUG:|WARNING:|Oops|KASAN|UBSAN|Kernel panic|general protection fault'
SPLATS+='|INFO: task .* blocked for more|INFO: rcu_.* detected|soft lockup'
SPLATS+='|possible (circular|recursive|irq) |inconsistent lock state'
SPLATS+='|suspicious RCU usage|BUG |workqueue lockup|detected stalls'
SPLATS+='|unable to handle|Out of memory: Killed process [0-9]+ \(agent\)'
SPLATS+='|System is deadlocked on memory|INFO: possible|held lock freed'
SPLATS+='|ramster torture: (wrong|lost):'

declare -A PID=() ALLOWED=() FINISHED=() NUMBER=()

note() {
	printf '    %s\n' "$*" >&2
}

fail() {
	printf 'failed: %s\n' "$*" >&2
	exit 1
}

# --- set-up and cleaning up --------------------------------------------------

WITH_US=()
! setpriv --pdeathsig KILL true 2>/dev/null || WITH_US=(setpriv --pdeathsig KILL)

# use_kvm: /dev/kvm alone promises nothing, in a virtual machine or a container.
use_kvm() {
	grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && [ -w /dev/kvm ]
}

# harness_begin DIR: gets console logs, results and disks.
harness_begin() {
	RUN=$1
	SOCKETS=$(mktemp -d /tmp/ramster-test.XXXXXX)
	trap harness_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

harness_end() {
	local status=$? g

	set +e		# each of these may fail, and the rest is still wanted
	trap - EXIT INT TERM
	for g in "${!PID[@]}"; do
		kill -KILL "${PID[$g]}" 2>/dev/null
		wait "${PID[$g]}" 2>/dev/null
	done
	if [ -d "$RUN" ]; then
		# before the verdict, what this process did not look at yet
		for g in "${!PID[@]}"; do
			no_splat "$g" || status=1
			if [ -z "${FINISHED[$g]:-}" ] && [ $status = 0 ]; then
				echo "failed: $g was not finished" >&2
				status=1
			fi
			if grep -h '^not ok' "$RUN/$g.results" >&2; then
				status=1
			fi
		done
		rm -f "$RUN"/*.img
	fi
	rm -rf "$SOCKETS"
	exit $status
}

# --- guests ------------------------------------------------------------------

# network: one Ethernet segment for all guests of this test.  The runner put the
# test in a network namespace of its own if it could: then it is a bridge there,
# with one tap a guest.  Else two guests can be joined by a socket.
network() {
	[ -z "${NETWORK:-}" ] || return 0
	if [ -n "${RAMSTER_NETNS:-}" ] && [ -c /dev/net/tun ] &&
	   ip link add br0 type bridge 2>/dev/null; then
		ip link set lo up
		ip link set br0 up
		NETWORK=bridge
	else
		NETWORK=pair
	fi
	export NETWORK
}

boot_start() {
	local g=$1 mem=256 cpus=2 ip='' swap='' nvme='' append='' kernel=$KERNEL
	local iops=''
	local disks=() args=() n dir image accel disk file swapdev=''
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--mem)		mem=$2 ;;
		--cpus)		cpus=$2 ;;
		--ip)		ip=$2 ;;
		--swap)		swap=$2 ;;
		--iops)		iops=,throttling.iops-total=$2 ;;
		--nvme)		nvme=$2 ;;
		--disk)		disks+=("$2") ;;
		--image)	disks+=("$2") ;;
		--append)	append=$2 ;;
		--kernel)	kernel=$2 ;;
		*)		fail "boot: what is $1?" ;;
		esac
		shift 2
	done
	# the same when it is booted again
	n=${NUMBER[$g]:-${#NUMBER[@]}}
	NUMBER[$g]=$n
	dir=$RUN
	image=${RAMSTER_IMAGE:-}
	if [ -z "$image" ]; then
		image=$RUN/bzImage-$kernel
		[ -e "$image" ] || cp "$("$RAMSTER_TOP/tools/kernel.sh" \
			--config "$kernel")" "$image" || fail "no kernel"
	fi

	accel="tcg,thread=multi"
	# QEMU works the instruction for CRC32C off bit by bit, which takes longer
	# than the kernel's tables
	# shellcheck disable=SC2054 # QEMU's commas
	args=(-cpu max,-sse4.2)
	if use_kvm; then
		accel=kvm
		args=(-cpu host)
	fi
	if [ -n "$swap" ]; then
		swapdev=/dev/vda
		truncate -s "${swap}M" "$dir/$g-swap.img"
		args+=(-drive "if=virtio,format=raw,cache=unsafe,file=$dir/$g-swap.img$iops")
	fi
	if [ -n "$nvme" ]; then
		swapdev=/dev/nvme0n1
		truncate -s "${nvme}M" "$dir/$g-nvme.img"
		# shellcheck disable=SC2054 # QEMU's commas
		args+=(-drive "if=none,id=nvme,format=raw,cache=unsafe,file=$dir/$g-nvme.img"
			-device nvme,drive=nvme,serial=1)
	fi
	for disk in ${disks[@]+"${disks[@]}"}; do
		case $disk in
		*[!0-9]*)	file=$disk ;;
		*)		file=$dir/$g-disk${#args[@]}.img
				truncate -s "${disk}M" "$file" ;;
		esac
		args+=(-drive "if=virtio,format=raw,cache=unsafe,file=$file")
	done
	if [ -n "$ip" ]; then
		network
		case $ip in
		*/*)	;;
		*)	ip=$ip/24 ;;
		esac
		network_args "$g" "$n"
		args+=("${NET_ARGS[@]}")
	else
		args+=(-nic none)
	fi
	[ -p "$SOCKETS/$g.in" ] || mkfifo "$SOCKETS/$g.in" "$SOCKETS/$g.out"
	: >"$dir/$g.results"
	rm -f "$dir/$g.console"

	# the agent writes through file channel "out"; orders go through a fifo
	# that QEMU holds open both ways, so that neither side waits for the other
	# the MP table has only the first core of a socket
	# a guest dies with us, whatever becomes of the trap
	${WITH_US[@]+"${WITH_US[@]}"} qemu-system-x86_64 -machine pc -accel "$accel" -smp "$cpus,sockets=$cpus,cores=1,threads=1" -m "$mem" \
		-display none -no-reboot -nodefaults -monitor none \
		-chardev "file,id=con,path=$dir/$g.console" -serial chardev:con \
		-device virtio-serial-pci \
		-chardev "file,id=out,path=$dir/$g.results,append=on" \
		-device virtserialport,chardev=out,name=ramster.out \
		-chardev "pipe,id=in,path=$SOCKETS/$g" \
		-device virtserialport,chardev=in,name=ramster.in \
		-device virtio-rng-pci \
		-qmp "unix:$SOCKETS/$g.qmp,server=on,wait=off" \
		"${args[@]}" -kernel "$image" -initrd "$RAMSTER_INITRD" \
		-append "$(kernel_args "$kernel" "$accel") ramster.name=$g ${ip:+ramster.ip=$ip }${swapdev:+ramster.swap=$swapdev }$append" \
		</dev/null >"$dir/$g.qemu" 2>&1 &
	PID[$g]=$!
	unset "FINISHED[$g]"
}

every_checker() {
	EVERY_CHECKER=1
}

default_marks() {
	SEND_ALWAYS=
}

# broken_kernel: the image of a kernel that has mutations/hooks.patch.
broken_kernel() {
	"$RAMSTER_TOP/tools/kernel.sh" --config "$KERNEL" \
		--mutate "$RAMSTER_TOP/tools/testing/mutations/hooks.patch" ||
		fail "no broken kernel"
}

# sees_old_data COMMAND: an oracle fails, and for what it was meant to see.
sees_old_data() {
	# its "not ok" are what is wanted: keep them from the list of results
	! on one "$1 >/tmp/o; s=\$?; cat /tmp/o; exit \$s" >"$RUN/o" ||
		fail "\"$1\" saw nothing"
	cat "$RUN/o"
	grep -q '^not ok .* has generation ' "$RUN/o" ||
		fail "\"$1\" failed, but saw no old data"
}

kernel_args() {
	local a="console=ttyS0 panic=-1 panic_on_warn=1 oops=panic"

	a+=" no_timer_check nbd.nbds_max=1"
	[ -z "$SEND_ALWAYS" ] || a+=" ramster.remotify_high_percent=100"
	if [ "$1" != demo ] && [ "$1" != bench ]; then
		# page_poison=1 is there too, but checks byte by byte: for a hunt
		a+=" init_on_free=1 sysctl.kernel.hung_task_panic=1"
		a+=" sysctl.kernel.softlockup_panic=1"
		a+=" watchdog_thresh=60 workqueue.watchdog_thresh=240"
		[ -n "$EVERY_CHECKER" ] || a+=" kmemleak=off no_debug_objects"
	fi
	[ "$2" = kvm ] || a+=" tsc=reliable${RAMSTER_TSC_KHZ:+ tsc_early_khz=$RAMSTER_TSC_KHZ}"
	echo "$a"
}

network_args() {
	local g=$1 n=$2 mac

	mac=$(printf '52:54:00:52:53:%02x' "$n")
	case $NETWORK in
	bridge)
		ip link show "tap-$g" >/dev/null 2>&1 || {
			ip tuntap add "tap-$g" mode tap
			ip link set "tap-$g" master br0 up
		}
		NET_ARGS=(-netdev "tap,id=net,ifname=tap-$g,script=no,downscript=no") ;;
	pair)
		[ "$n" -lt 2 ] || fail "more than two guests need root and /dev/net/tun"
		# who connects too early has no network, and is not told
		[ "$n" = 0 ] || wait_socket "$SOCKETS/net"
		NET_ARGS=(-netdev "stream,id=net,addr.type=unix,addr.path=$SOCKETS/net,server=$([ "$n" = 0 ] && echo on || echo off)") ;;
	esac
	NET_ARGS+=(-device "virtio-net-pci,netdev=net,id=nic,mac=$mac")
}

wait_socket() {
	local i

	for ((i = 0; i < 100; i++)); do
		[ ! -S "$1" ] || break
		sleep 0.1
	done
	sleep 0.1	# from bind() to listen()
}

boot_wait() {
	local g

	for g in "$@"; do
		wait_mark "$g" 'ready' 240 >/dev/null
	done
}

boot() {
	boot_start "$@"
	boot_wait "$1"
}

# no_splat NAME: nothing bad on its console, except what the test allows.
no_splat() {
	local log=$RUN/$1.console

	[ -e "$log" ] || return 0
	if grep -aE "$SPLATS" "$log" | grep -aqvE "${ALLOWED[$1]:-^$}"; then
		printf 'the console of %s says:\n' "$1" >&2
		grep -aE -m 1 -A 45 "$SPLATS" "$log" | sed 's/^/    /' >&2
		return 1
	fi
}

# running NAME: a zombie does not count.
running() {
	[ -n "$(sed -n 's/.*) [^ZX] .*/y/p' "/proc/${PID[$1]}/stat" 2>/dev/null)" ]
}

# healthy NAME: fail unless it runs and has nothing to complain about.
healthy() {
	no_splat "$1" || fail "$1 is unwell"
	running "$1" || {
		sleep 0.2
		no_splat "$1" || fail "$1 is unwell"
		tail -n 15 "$RUN/$1.console" "$RUN/$1.qemu" 2>/dev/null |
			sed 's/^/    /' >&2
		fail "$1 has ended by itself"
	}
}

all_healthy() {
	local g

	for g in "${!PID[@]}"; do
		[ -n "${FINISHED[$g]:-}" ] || healthy "$g"
	done
}

# wait_line NAME REGEX SECS: a line of its results; prints the first.
wait_line() {
	local g=$1 regex=$2 secs=$(($3 * RAMSTER_SLOW)) end line i=0

	end=$((SECONDS + secs))
	while :; do
		line=$(grep -aE -m 1 -- "$regex" "$RUN/$g.results") && break
		i=$((i + 1))
		[ $((i % 10)) != 0 ] || all_healthy
		if [ $SECONDS -ge $end ]; then
			all_healthy
			hang_report "$g"
			fail "$g: no '$regex' within $secs s"
		fi
		sleep 0.1
	done
	printf '%s\n' "$line"
}

# hang_report NAME: what its tasks are doing, into its console log.
hang_report() {
	order "$1" "sysrq run echo w >/proc/sysrq-trigger; echo l >/proc/sysrq-trigger"
	sleep 3
	printf 'the end of the console of %s:\n' "$1" >&2
	tail -n 60 "$RUN/$1.console" | sed 's/^/    /' >&2
}

wait_mark() {
	wait_line "$1" "^mark $2" "${3:-60}" | sed 's/^mark //'
}

# --- orders ------------------------------------------------------------------

order() {
	# opened both ways this never blocks, even when QEMU has died
	printf '%s\n' "$2" 1<>"$SOCKETS/$1.in"
}

new_job() {
	printf 'j%s%s' "$BASHPID" "${EPOCHREALTIME//[.,]/}"
}

start() {
	local g=$1 job
	shift
	job=$(new_job)
	order "$g" "$job run $*"
	echo "$job"
}

output() {
	sed -n "s/^out $2 //p" "$RUN/$1.results"
}

wait_job() {
	local line

	line=$(wait_line "$1" "^ret $2 " "${3:-120}") || exit 1
	return "${line##* }"
}

on() {
	local g=$1 job status=0
	shift
	job=$(start "$g" "$@")
	wait_job "$g" "$job" "${ON_TIMEOUT:-120}" || status=$?
	output "$g" "$job"
	return $status
}

tell() {
	order "$1" "$2 in $3"
}

expect() {
	local line

	line=$(wait_line "$1" "^(out $2 .*$3|ret $2 )" "${4:-120}") || exit 1
	case $line in
	ret*)	# it may have said so and ended between two looks
		line=$(output "$1" "$2" | grep -E -m 1 -- "$3") || {
			output "$1" "$2" | tail -n 20 | sed 's/^/    /' >&2
			fail "$1: job ended (${line##* }) without '$3'"
		} ;;
	esac
	printf '%s\n' "${line#out "$2" }"
}

kill_job() {
	order "$1" "$2 kill ${3:-9}"
}

wait_on() {
	local g=$1 secs=$(($2 * RAMSTER_SLOW)) end
	shift 2
	end=$((SECONDS + secs))
	until on "$g" "$@" >/dev/null; do
		[ $SECONDS -lt $end ] || fail "$g: not within $secs s: $*"
		sleep 0.3
	done
}

counter() {
	on "$1" ". /tests/lib.sh; counter $2"
}

# put_file NAME PATH: standard input becomes that file in the guest.
put_file() {
	local chunk

	on "$1" ": >$2"
	base64 -w 2000 | while read -r chunk || [ -n "$chunk" ]; do
		on "$1" "echo $chunk | base64 -d >>$2"
	done
}

# --- what happens to machines ------------------------------------------------

kill_guest() {
	kill -KILL "${PID[$1]}" 2>/dev/null || :	# it may have ended already
	wait "${PID[$1]}" 2>/dev/null || :
	FINISHED[$1]=killed
}

pause_guest() {
	kill -STOP "${PID[$1]}"
}

resume_guest() {
	kill -CONT "${PID[$1]}"
}

qmp() {
	python3 - "$SOCKETS/$1.qmp" "$2" <<'END' >/dev/null
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rw")
f.readline()
for c in ('{"execute": "qmp_capabilities"}', sys.argv[2]):
    f.write(c + "\n")
    f.flush()
    while True:
        r = json.loads(f.readline())
        if "error" in r:
            sys.exit(r["error"]["desc"])
        if "return" in r:
            break
END
}

cut_link() {
	qmp "$1" '{"execute": "set_link", "arguments": {"name": "nic", "up": false}}'
}

join_link() {
	qmp "$1" '{"execute": "set_link", "arguments": {"name": "nic", "up": true}}'
}

expect_splat() {
	ALLOWED[$1]=${ALLOWED[$1]:+${ALLOWED[$1]}|}$2
}

# final STEP NAME...: a step of final.sh in several guests at once.
final() {
	local step=$1 g bad='' jobs=()
	shift
	for g in "$@"; do
		jobs+=("$(start "$g" "sh /tests/final.sh $step")")
	done
	for g in "$@"; do
		wait_job "$g" "${jobs[0]}" 240 || {
			printf '%s at the end (%s):\n' "$g" "$step" >&2
			output "$g" "${jobs[0]}" | sed 's/^/    /' >&2
			bad+=" $g"
		}
		jobs=("${jobs[@]:1}")
	done
	[ -z "$bad" ] || fail "not clean at the end:$bad"
}

finish() {
	local g guests=() killed=

	for g in "${!PID[@]}"; do
		[ "${FINISHED[$g]:-}" != killed ] || killed=1
	done
	[ $# -gt 0 ] || set -- "${!PID[@]}"
	for g in "$@"; do
		[ -n "${FINISHED[$g]:-}" ] || guests+=("$g")
	done
	[ ${#guests[@]} != 0 ] || return 0
	final quiesce "${guests[@]}"
	# what a dead machine had here may stay until the node goes down
	[ -n "$killed" ] || final "settled $((15 * RAMSTER_SLOW))" "${guests[@]}"
	final down "${guests[@]}"
	for g in "${guests[@]}"; do
		healthy "$g"
		order "$g" 'last run reboot -f'
		FINISHED[$g]="done"
	done
	for g in "${guests[@]}"; do
		timeout 20 tail --pid="${PID[$g]}" -f /dev/null ||
			kill -KILL "${PID[$g]}"
		wait "${PID[$g]}" 2>/dev/null || :
	done
}

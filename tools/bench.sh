#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The benchmark: ramster, and what else one can swap to, on the same two guests,
# with the same kernel, the same boot and the same workloads.  Figures mean
# something as ratios within a round only: see Documentation/performance.rst.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh

ARMS="disk zram zswap nbd nvme zcache ramster"
WORKLOADS="swap sort file"

usage() {
	cat <<END
usage: tools/bench.sh [options]

  --arms LIST       of $ARMS (all)
  --workloads LIST  of $WORKLOADS (all)
  --rounds N        each begins with another arm (5)
  --quick           2 rounds, smaller sets: four minutes in all
  --out DIR         for the results (logs/bench-DATE in the cache)
  --report CSV      measure nothing: make the report of these results again
  --docs            put it into Documentation/, too

LIST: words with commas between them.  environment: see tools/kernel.sh --help
END
}

# --- sizes -------------------------------------------------------------------

CLIENT_MB=256		# RAM of the guests
SERVER_MB=640
DISK_MB=256		# each swap device
rounds=5
arms=$ARMS
workloads=$WORKLOADS
out=
quick=
csv=
docs=
command="tools/bench.sh${*:+ $*}"

# sizes FULL QUICK: of those, the one that counts
sizes() {
	[ -n "$quick" ] && echo "$2" || echo "$1"
}

# chosen OPTION LIST OF-THESE: its words, or an error
chosen() {
	local word list=${2//,/ }

	[ -n "${list// }" ] || die "$1: names nothing; there are: $3"
	for word in $list; do
		case " $3 " in
		*" $word "*) ;;
		*) die "$1: there is no $word; there are: $3" ;;
		esac
	done
	echo "$list"
}

while [ $# -gt 0 ]; do
	case $1 in
	--arms|--workloads|--rounds|--out|--report)
		[ $# -gt 1 ] || die "$1 needs a value" ;;
	esac
	case $1 in
	--arms)		arms=$(chosen "$1" "$2" "$ARMS") || exit 1; shift ;;
	--workloads)	workloads=$(chosen "$1" "$2" "$WORKLOADS") || exit 1; shift ;;
	--rounds)	rounds=$2; shift ;;
	--quick)	quick=1; rounds=2 ;;
	--out)		out=$2; shift ;;
	--report)	csv=$2; shift ;;
	--docs)		docs=1 ;;
	--help|-h)	usage; exit 0 ;;
	*)		usage >&2; die "what is $1?" ;;
	esac
	shift
done
case $rounds in
*[!0-9]*|''|0) die "--rounds: $rounds is no number of rounds" ;;
esac

# report CSV: the text beside it and on the terminal, the plots
report() {
	local dir args=()

	dir=$(cd "$(dirname "$1")" && pwd -P) || return 1
	args=(--rst "$dir/report.rst" --command "$command")
	case ",$(sed -n 's/^[^,]*,\([^,]*\),.*/\1/p' "$1" | sort -u | tr '\n' ,)" in
	*,nvme,*) args+=(--plot "$dir/plot") ;;
	*) say "no plot: it is relative to nvme, which is not among the arms" ;;
	esac
	tools/bench/report.py "${args[@]}" "$1" >"$dir/report.txt" || return 1
	cat "$dir/report.txt"
	if [ -n "$docs" ]; then
		mkdir -p Documentation/images
		cp "$dir/report.rst" Documentation/performance.inc &&
			cp "$dir/plot.svg" Documentation/images/performance.svg &&
			cp "$dir/plot.png" Documentation/images/performance.png ||
			return 1
	fi
	say "report.txt, report.rst, plot.svg, plot.png and $(basename "$1") are in $dir"
}

if [ -n "$csv" ]; then
	[ -r "$csv" ] || die "--report: cannot read $csv"
	command=$(cat "${csv%.csv}.command" 2>/dev/null) || command=
	need_packages_for bench
	report "$csv" || die "the report is not made"
	exit
fi

LIMIT_MB=$(sizes 16 8)		# RAM that a workload may have
SWAP_MB=$(sizes 32 16)		# its working set
FAULTS=$(sizes 1500 500)
MIX=$(sizes 4000 1500)	# touches of hot and cold pages, reads of a file
SORT_LIMIT_MB=$(sizes 10 6)	# of the sort alone, which goes over its pages often
SORT_MB=$((SORT_LIMIT_MB * 2))
TRACE_MB=$(sizes 24 12)		# pages that are stored while somebody looks
FILE_MB=$((LIMIT_MB * 3 / 2))
HELD_MB=$((DISK_MB * 15 / 16))	# of the swap area, to see what its index takes
BUDGET_S=$(sizes 1140 225)	# no round begins that would not end by then
FILL=45				# per cent of a page that do not compress

need_packages_for qemu bench
RAMSTER_IMAGE=$(tools/kernel.sh --config bench | tail -n 1) || die "no kernel"
RAMSTER_INITRD=$(tools/bench/initramfs.sh) || die "no initramfs"
RAMSTER_TSC_KHZ=$(tsc_khz)
# two guests on a socket: a bridge costs a third of the throughput
NETWORK=pair
KERNEL=bench
export RAMSTER_IMAGE RAMSTER_INITRD RAMSTER_TSC_KHZ NETWORK
RUN=${out:-$RAMSTER_CACHE/logs/bench-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$RUN" || die "cannot make $RUN"
RUN=$(cd "$RUN" && pwd -P)
CSV=$RUN/results.csv
echo round,arm,workload,metric,value,unit >"$CSV"
echo "$command" >"${CSV%.csv}.command"
# shellcheck source=tools/testing/harness.sh
. tools/testing/harness.sh
harness_begin "$RUN"

# --- the two machines --------------------------------------------------------

# A busy host may leave a guest without a CPU for a minute.  Who waits for a page
# meanwhile is to wait, as one who swaps to NBD does, and not to get SIGBUS.
conf() {
	cat <<-END
	cluster:
		name = bench
		node_count = 2
		get_timeout_ms = 100000
		idle_timeout_ms = 150000
		dead_threshold = 101
	node:
		name = server
		number = 0
		ip_address = 10.0.0.1
		ip_port = 7777
		capacity_mb = $((SERVER_MB / 2))
	node:
		name = client
		number = 1
		ip_address = 10.0.0.2
		ip_port = 7777
		target = 0
	END
}

# Without nokmem what zswap holds is charged to the control group, and what the
# other stores hold is not: then it alone would have less RAM to work with.
boot_both() {
	local g

	truncate -s 128M "$RUN/file.img"
	mkfs.ext4 -q "$RUN/file.img" || fail "no file system"
	boot_start server --cpus 1 --mem $SERVER_MB --ip 10.0.0.1 \
		--append "ramster brd.rd_size=$((DISK_MB * 1024))"
	boot_start client --cpus 1 --mem $CLIENT_MB --ip 10.0.0.2 \
		--disk $DISK_MB --image "$RUN/file.img" \
		--append "ramster noselfshrink nocleancacheignorenonactive cgroup.memory=nokmem"
	boot_wait server client
	for g in server client; do
		conf | put_file $g /etc/ramster.conf
		on $g 'echo 0 >/sys/module/zcache/parameters/enabled' ||
			fail "$g: the store cannot be turned off"
	done
	start server bench peer >/dev/null
	wait_on client 20 ping -c 1 -W 1 10.0.0.1
	on client "sh /bench/arm.sh make $FILE_MB" || fail "the file cannot be made"
}

# --- an arm in a round -------------------------------------------------------

# Bytes of a request for a page and of its answer, by protocol: NBD's request and
# reply; NVMe/TCP's command, and data and response; ramster's GET, and its answer
# but for the compressed page.
floor_of() {
	case $1 in
	nbd)	echo "--ask 28 --answer $((16 + 4096))" ;;
	nvme)	echo "--ask 72 --answer $((24 + 4096 + 24))" ;;
	ramster) echo "--ask 64 --answer 40" ;;
	*)	echo "--ask 0" ;;
	esac
}

arm() {
	on "$1" "DISK_MB=$DISK_MB sh /bench/arm.sh $2 $3" >"$RUN/order" ||
		fail "$1: $2 $3: $(cat "$RUN/order")"
}

# load ROUND ARM COMMAND...: a workload; its figures go to the table
load() {
	local round=$1 arm=$2 job status=0 limit=$LIMIT_MB run=bench
	local what='[^ ]*'
	shift 2

	[ "$1" != sort ] || limit=$SORT_LIMIT_MB
	if [ "$1" = trace ]; then
		shift
		run="sh /bench/trace.sh bench"
		what=store	# of a traced run nothing else counts
	fi
	job=$(start client "sh /bench/arm.sh run $arm $limit $run $* --peer 10.0.0.1 --cgroup /sys/fs/cgroup/bench --remote $arm --seed $round")
	wait_job client "$job" 180 || status=$?
	output client "$job" |
		sed -n "s/^metric \($what\) \([^ ]*\) \([^ ]*\) \(.*\)/$round,$arm,\1,\2,\3,\4/p" |
		tee -a "$CSV" >"$RUN/last"
	[ $status = 0 ] || {
		output client "$job" >&2
		on client dmesg >"$RUN/client.dmesg"
		say "what was measured until now, and what the client's kernel said, is in $RUN"
		fail "round $round, $arm: $1 failed (status $status)"
	}
}

# figure WORKLOAD METRIC: what the last load said
figure() {
	sed -n "s/^[^,]*,[^,]*,$1,$2,\([^,]*\),.*/\1/p" "$RUN/last"
}

run_arm() {
	local round=$1 arm=$2 begin=$SECONDS said=''

	arm server serve "$arm"
	arm client up "$arm"
	case " $workloads " in
	*" swap "*)
		# shellcheck disable=SC2046 # options
		load "$round" "$arm" swap --mb "$SWAP_MB" --fill $FILL \
			--faults "$FAULTS" --mix "$MIX" $(floor_of "$arm")
		said+=" fault p50 $(figure faults p50) us, scan $(figure scan rate) pages/s" ;;
	esac
	# of amounts, one round says as much as all
	case "$arm $round: $workloads " in
	"ramster 1:"*" swap "*)
		load "$round" "$arm" held --mb $HELD_MB
		load "$round" "$arm" trace held --mb "$TRACE_MB" ;;
	esac
	case " $workloads " in
	*" sort "*)
		load "$round" "$arm" sort --mb $SORT_MB
		said+=" sort $(figure sort secs) s" ;;
	esac
	# page cache pages are a matter of three arms only
	case "$arm: $workloads " in
	disk:*" file "*|zcache:*" file "*|ramster:*" file "*)
		on client "sh /bench/arm.sh mount" || fail "cannot mount"
		load "$round" "$arm" file --file /mnt/fs/file --mb $FILE_MB \
			--mix "$MIX"
		on client "umount /mnt/fs" || fail "cannot unmount"
		said+=" file $(figure file_seq rate) pages/s" ;;
	esac
	arm client down "$arm"
	arm server unserve "$arm"
	all_healthy
	say "round $round/$rounds $arm:$said ($((SECONDS - begin)) s)"
}

# rotated N: the arms, another one first in each round
rotated() {
	local list

	read -r -a list <<<"$arms"
	echo "${list[@]:$(($1 % ${#list[@]}))}" "${list[@]:0:$(($1 % ${#list[@]}))}"
}

# another ROUND: whether there is time for it, if it takes as long as the last
another() {
	[ $((SECONDS - BEGIN + ROUND_TOOK)) -le "$BUDGET_S" ] || {
		say "no time for round $1: $(hms $((SECONDS - BEGIN))) are over, and the last took $(hms $ROUND_TOOK)"
		return 1
	}
}

BEGIN=$SECONDS
ROUND_TOOK=0
say "booting two guests: $(use_kvm && echo KVM || echo 'QEMU without KVM, so slowly')"
boot_both
for ((round = 1; round <= rounds; round++)); do
	another $round || break
	since=$SECONDS
	for arm in $(rotated $((round - 1))); do
		run_arm $round "$arm"
	done
	ROUND_TOOK=$((SECONDS - since))
done
finish
report "$CSV" || fail "the report is not made"

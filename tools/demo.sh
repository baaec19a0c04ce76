#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration: a machine that is short of RAM, a machine that has some to
# lend, and a workload that needs nearly twice what the first one has.  Every
# byte that comes back is verified.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh

usage() {
	cat <<END
usage: tools/demo.sh [--mode ramster|zcache|swap] [options]

  --mode ramster  compressed pages move to the server's RAM (default)
  --mode zcache   the local compressed store alone, no server
  --mode swap     neither: plain swap, for comparison
  --client MB     the client's RAM (256)
  --server MB     the server's RAM (768)
  --factor N      working set: N per cent of the client's free RAM (185)
  --threads N     of the workload (4)
  --iops N        the swap disk does no more than N requests a second: 100 is
                  a disk that turns (no limit)
END
}

mode=ramster client=256 server=768 factor=185 threads=4 iops=0
while [ $# -gt 0 ]; do
	case $1 in
	--mode)		mode=${2:?}; shift ;;
	--mode=*)	mode=${1#*=} ;;
	--client)	client=${2:?}; shift ;;
	--server)	server=${2:?}; shift ;;
	--factor)	factor=${2:?}; shift ;;
	--threads)	threads=${2:?}; shift ;;
	--iops)		iops=${2:?}; shift ;;
	--help|-h)	usage; exit 0 ;;
	*)		usage >&2; die "what is $1?" ;;
	esac
	shift
done
case $mode in
ramster|zcache|swap) ;;
*)	usage >&2; die "no mode $mode" ;;
esac

if [ -z "${RAMSTER_IMAGE:-}" ]; then
	need_packages_for qemu
	RAMSTER_IMAGE=$(tools/kernel.sh --config demo | tail -n 1) ||
		die "no kernel"
	RAMSTER_INITRD=$(tools/testing/initramfs.sh) || die "no initramfs"
	RAMSTER_TSC_KHZ=$(tsc_khz)
	export RAMSTER_IMAGE RAMSTER_INITRD RAMSTER_TSC_KHZ
	# a network of our own, with a bridge, if this machine lets us
	if unshare --net true 2>/dev/null; then
		exec env RAMSTER_NETNS=1 unshare --net tools/demo.sh --mode "$mode" \
			--client "$client" --server "$server" \
			--factor "$factor" --threads "$threads" --iops "$iops"
	fi
fi

RUN=$RAMSTER_CACHE/logs/demo-$mode
rm -rf "$RUN"
mkdir -p "$RUN"
KERNEL=demo
# shellcheck source=tools/testing/harness.sh
. tools/testing/harness.sh
harness_begin "$RUN"
default_marks

# --- counters ----------------------------------------------------------------

declare -A C S PEAK		# of the client, of the server, highest seen

# sample: read all counters of both.
sample() {
	local k v

	while read -r k v; do C[$k]=$v; done < <(on client /tests/stats.sh)
	[ "$mode" != ramster ] ||
		while read -r k v; do S[$k]=$v; done < <(on server /tests/stats.sh)
	peak stored "$(($(c frontswap/held_pages)))"
	peak remote "$(c ramster/remote_pers_pages)"
	peak local "$(c zcache/pers_zpages)"
	peak local_frames "$(c zcache/pers_pageframes)"
	peak server "$(s ramster/foreign_pers_pages)"
	peak server_frames "$(s ramster/foreign_pers_pageframes)"
	# how much of what is stored is away, at the moment when most is
	if [ "$(c ramster/remote_pers_pages)" = "${PEAK[remote]}" ]; then
		PEAK[held_then]=$(c frontswap/held_pages)
	fi
}

c() { echo "${C[$1]:-0}"; }
s() { echo "${S[$1]:-0}"; }

peak() {
	[ "$2" -le "${PEAK[$1]:-0}" ] || PEAK[$1]=$2
	: "${PEAK[$1]:=0}"
}

# pages that the client's swap disk wrote and read since the start
disk_writes() { echo $((($(c disk/write_sectors) - DISK_W) / 8)); }
disk_reads() { echo $((($(c disk/read_sectors) - DISK_R) / 8)); }

live() {
	local line stage

	stage=$(output client "$load" | sed -n 's/^progress //p' | tail -n 1)
	line=$(printf '[%s] %-18s here %6d (%5d frames) | sent %6d  away %6d  fetched %6d | disk w %6d r %6d' \
		"$(hms "$SECONDS")" "${stage:-}" "$(c zcache/pers_zpages)" \
		"$(c zcache/pers_pageframes)" "$(c ramster/pers_pages_remoted)" \
		"$(c ramster/remote_pers_pages)" \
		"$(c ramster/remote_pers_pages_succ_get)" \
		"$(disk_writes)" "$(disk_reads)")
	if [ -t 1 ]; then
		printf '\r%s' "$line"
	else
		printf '%s\n' "$line"
	fi
}

# --- the two machines --------------------------------------------------------

say "booting the client ($client MiB, 1 GiB swap disk)$([ "$mode" != ramster ] || echo " and the server ($server MiB)"): $(use_kvm && echo KVM || echo 'QEMU without KVM, so slowly')"
case $mode in
ramster) param=ramster ;;
zcache)	param=zcache ;;
swap)	param= ;;
esac
# An emulated CPU is a thread here; two that share a core wait for each other most
# of the time, in the midst of spinning.
cpus=2
use_kvm || cpus=$(($(nproc) > 3 ? 2 : 1))
boot_start client --cpus $cpus --mem "$client" --swap 1024 --iops "$iops" --ip 10.0.0.1 --append "$param"
[ "$mode" != ramster ] || {
	boot_start server --cpus $cpus --mem "$server" --ip 10.0.0.2 --append "$param"
	boot_wait server
}
boot_wait client

if [ "$mode" = ramster ]; then
	cat >"$RUN/ramster.conf" <<-END
	cluster:
	        name = demo
	        node_count = 2
	node:
	        name = client
	        cluster = demo
	        number = 0
	        ip_address = 10.0.0.1
	        ip_port = 7777
	        target = 1
	node:
	        name = server
	        cluster = demo
	        number = 1
	        ip_address = 10.0.0.2
	        ip_port = 7777
	END
	for g in client server; do
		put_file $g /etc/ramster.conf <"$RUN/ramster.conf"
	done
	say "starting the cluster with one file on both: ramster.sh start"
	j=$(start client ramster.sh start)
	on server ramster.sh start || fail "the server's node did not start"
	wait_job client "$j" 90 || {
		output client "$j"
		fail "the client's node did not start"
	}
	output client "$j"
fi

sample
DISK_W=$(c disk/write_sectors)
DISK_R=$(c disk/read_sectors)
free=$(($(c mem/MemAvailable) / 1024))
mb=$((free * factor / 100))
say "the client has $free MiB free and gets $mb MiB to work with ($((mb * 256)) pages, about 2:1 compressible)"
begin=$SECONDS
load=$(start client pageload --mb "$mb" --threads "$threads" --progress 1 write read)
while ! grep -q "^ret $load " "$RUN/client.results"; do
	all_healthy
	sample
	live
	[ $((SECONDS - begin)) -lt "${DEMO_TIMEOUT:-1200}" ] ||
		fail "the workload did not end within ${DEMO_TIMEOUT:-1200} s"
	sleep 2
done
status=0
wait_job client "$load" || status=$?
sample
live
echo
took=$((SECONDS - begin))

# --- what came of it ---------------------------------------------------------

result=$(output client "$load" | grep -E '^(stage|result|bad)')
say_of() { sed -n "s/^stage $1:.* $2 \\([0-9.]*\\).*/\\1/p" <<<"$result"; }
bad=$(sed -n 's/^result bad \([0-9]*\) .*/\1/p' <<<"$result")
lost=$(sed -n 's/^result bad .* lost \([0-9]*\)/\1/p' <<<"$result")
w=$(disk_writes)
r=$(disk_reads)
stores=$(c frontswap/stores)
rejects=$(c frontswap/rejects)
loads=$(c frontswap/loads)
sent=$(c ramster/pers_pages_remoted)
gets=$(c ramster/remote_pers_pages_succ_get)
zpages=$(c zbud/pers_cumul_zpages)
zbytes=$(c zbud/pers_cumul_zbytes)

row() { printf '  %-44s %12s %s\n' "$1" "$2" "${3:-}"; }
percent() { [ "$2" -gt 0 ] && echo "$(($1 * 100 / $2)) %" || echo -; }

echo
printf 'What happened (%s, working set %d MiB, %d %% of the free RAM, %d s):\n\n' \
	"$mode" "$mb" "$factor" "$took"
if [ "$mode" != swap ]; then
	row "pages stored instead of written to disk" "$stores"
	row "stores refused (these went to disk)" "$rejects"
	row "pages loaded from the store" "$loads"
	if [ "$zpages" -gt 0 ]; then
		row "compression ratio" \
			"$(awk "BEGIN { printf \"%.2f\", $zpages * 4096 / $zbytes }")" "to 1"
	fi
	row "frames held by the client, at most" "${PEAK[local_frames]}" \
		"for ${PEAK[local]} pages"
fi
if [ "$mode" = ramster ]; then
	row "pages sent to the server" "$sent"
	row "pages fetched back from it" "$gets"
	row "pages on the server, at most" "${PEAK[remote]}" \
		"$(percent "${PEAK[remote]}" "${PEAK[held_then]:-0}") of those stored then"
	row "frames held by the server, at most" "${PEAK[server_frames]}" \
		"for ${PEAK[server]} pages"
fi
row "swap disk: pages written" "$w" \
	"$([ "$mode" = swap ] || echo "of $((w + stores)) swapped out, $(percent "$w" $((w + stores)))")"
row "swap disk: pages read" "$r"
if [ "$mode" != swap ]; then
	row "swap disk: writes avoided" "$stores"
	row "swap disk: reads avoided" "$loads"
fi
row "faults that waited, reading at random" "$(say_of read major)"
row "their latency p50 / p99" "$(say_of read p50_us) / $(say_of read p99_us)" us
row "pages read back and compared in full" "$(say_of read pages)"
row "mismatches" "${bad:-?}"
row "pages lost" "${lost:-?}"
echo

verdict=0
must() {
	if "${@:2}"; then
		echo "  yes: $1"
	else
		echo "  NO:  $1"
		verdict=1
	fi
}
must "the workload ended well and every page was right" \
	[ "$status${bad:-x}${lost:-x}" = 000 ]
case $mode in
ramster)
	must "at the peak, half of the stored pages or more were on the server" \
		[ $((PEAK[remote] * 2)) -ge "${PEAK[held_then]:-1}" ]
	must "10,000 remote gets or more" [ "$gets" -ge 10000 ]
	must "the swap disk got less than 20 % of the page writes" \
		[ $((w * 5)) -lt $((w + stores)) ] ;;
zcache)
	must "pages were stored" [ "$stores" -gt 1000 ]
	must "no page went to another machine" [ "$sent${PEAK[remote]}" = 00 ] ;;
swap)
	must "nothing was stored, the disk did all of it" \
		[ "$stores $((w > 1000))" = "0 1" ] ;;
esac
echo
[ $verdict = 0 ] || printf '%s\n' "$result" >&2
say "stopping: swap off, nodes down, every counter of things held must be 0"
finish
[ $verdict = 0 ] || fail "the demonstration did not show what it should; logs are in $RUN"
say "it worked"

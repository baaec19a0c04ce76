#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# That report.py divides within a round before it takes a median, tells bars that
# are met from those that are not, and never takes what is missing for met.
set -u
cd "$(dirname "$0")/../.." || exit 1

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
status=0

HEAD=round,arm,workload,metric,value,unit

# results LINE...: a table; a line is ROUND,ARM,WORKLOAD,METRIC,VALUE
results() {
	{
		echo "$HEAD"
		[ $# = 0 ] || printf '%s,x\n' "$@"
	} >"$tmp/r.csv"
}

# expect STATUS REGEX [ARGS...]: of the report on that table; blanks do not count
expect() {
	local want=$1 regex=$2 got=0
	shift 2

	tools/bench/report.py "$@" "$tmp/r.csv" >"$tmp/out" 2>&1 || got=$?
	tr -s ' ' <"$tmp/out" >"$tmp/squeezed"
	if [ $got != "$want" ] || ! grep -qE -- "$regex" "$tmp/squeezed"; then
		echo "not so: status $got, not $want, or no /$regex/:"
		cat "$tmp/out"
		status=1
	fi
}

# Three rounds, the machine ten times slower in each: faults at 1.2, 1.0 and 1.1
# times the floor.  The ratio of the medians would be 1.0, and so met for another
# reason; that of the means 1.1 and 1.08.
rounds() {
	results \
		"1,ramster,faults,p50,12"	"1,ramster,ping,p50,10" \
		"2,ramster,faults,p50,100"	"2,ramster,ping,p50,100" \
		"3,ramster,faults,p50,$1"	"3,ramster,ping,p50,1000" \
		"1,nvme,faults,p50,30"		"1,nvme,ping,p50,10" \
		"1,ramster,scan,rate,31"	"1,nvme,scan,rate,10" \
		"2,ramster,scan,rate,200"	"2,nvme,scan,rate,100" \
		"3,ramster,scan,rate,4000"	"3,nvme,scan,rate,1000" \
		"1,ramster,sort,secs,61"	"1,nvme,sort,secs,100" \
		"1,ramster,faults,p99,81"	"1,nvme,faults,p99,100" \
		"1,ramster,remotify,rate,9"	"1,ramster,remotify,stream,10" \
		"1,ramster,remotify,frames,1020" "1,ramster,remotify,compressed,1000" \
		"1,ramster,held,index,16.0"
}

rounds 1100
expect 0 '^ remote fault p50 .*at most 1.10 \| 1.100 \[1.000, 1.200\] \(NVMe/TCP 3.00, NBD -\) \| met$'
expect 0 '^ sequential scan .* \| 3.100 \[2.000, 4.000\] \| met$'
expect 0 '^ sort .*at most 0.60 \| 0.610 \| not met$'
expect 0 '^ remote fault p99 .*at most 0.80 \| 0.810 \| not met$'
expect 0 '^ remotify.*at least 0.90 \| 0.900 \| met$'
expect 0 '^ bytes sent.* \| 1.020 \| met$'
expect 0 "^ client's RAM.* \| 16.00 \| met\$"
expect 0 'Not measured: disk, zram, zswap, zcache alone, NBD\.'
expect 0 '^3 rounds; .* All contents were right'
expect 0 'Fewer than 5 rounds: these figures are not to be relied on'
rounds 1110
expect 0 '^ remote fault p50 .* \| 1.110 [[]1.000, 1.200\] .* \| not met$'

# What it is compared with is missing in the one round that there is, or at all.
results "1,ramster,scan,rate,31" "2,nvme,scan,rate,1"
expect 0 '^ sequential scan .* \| - \| not measured$'
results "1,disk,scan,rate,31"
expect 0 '^ sort .* \| - \| not measured$'
expect 1 'nothing to plot' --plot "$tmp/plot"
! grep -qE '\| met$' "$tmp/squeezed" || { echo "met by nothing"; status=1; }

# Wrong contents are not passed over.
results "1,nvme,verify,bad,0" "1,ramster,verify,bad,2"
expect 1 'WRONG CONTENTS: 2'

# A table that is none.
results
expect 1 'holds no figures'
results "1,ramster,scan,rate,fast"
expect 1 'r.csv:2: a number is not one'
results "1,ramster,scan,rate,1" "1,ramster,scan,rate,2"
expect 1 'r.csv:3: the same figure for the second time'
results "1,ramster,scan"
expect 1 'r.csv:2: 4 columns, not 6'
echo "round,figure" >"$tmp/r.csv"
expect 1 'r.csv:1: the columns are not round,arm,'
rm "$tmp/r.csv"
expect 1 'cannot read .*r.csv'

# The same for the documents.
rounds 1100
tools/bench/report.py --rst "$tmp/r.rst" --command "make bench" "$tmp/r.csv" >/dev/null
for line in 'Made by ``make bench``' '^     - 3.100 \[2.000, 4.000\]$'; do
	grep -q -- "$line" "$tmp/r.rst" ||
		{ echo "the reST lacks $line"; status=1; }
done
exit $status

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# That checklist.py notices: rows that are missing, tests that do not exist, and
# rows whose tests failed, did not run or were never written.
set -u
cd "$(dirname "$0")/../.." || exit 1

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
status=0

# A tree with tables of our own, one test of each kind.
mkdir -p "$tmp"/{Documentation,verdicts,tools/testing/tests,patches/x}
cp tools/testing/checklist.py "$tmp/tools/testing/"
cat >"$tmp/one_test.c" <<'END'
static struct kunit_case cases[] = {
	KUNIT_CASE(one),
	KUNIT_CASE_PARAM(many, gen),
	{}
};

static struct kunit_suite suite = {
	.name = "made-up",
	.test_cases = cases,
};
END
echo 'test_boots() {' >"$tmp/tools/testing/tests/some.sh"
printf 'part_fuzz() {\n\tcheck decoder true\n}\n' >"$tmp/tools/check.sh"

# A comment for each fault.
sed -n 's,^\(3[0-9.]*\);.*,/* Regression: \1. */,p' \
	Documentation/regressions.csv >>"$tmp/one_test.c"

# tables ROW...: those of Documentation/ with these rows in place of theirs.
tables() {
	local row

	sed 's/^\([A-I][0-9]*;[^;]*\);.*/\1;kunit:made-up.one;/' \
		Documentation/checklist.csv >"$tmp/Documentation/checklist.csv"
	sed 's/^\(3[0-9.]*;[^;]*\);.*/\1;kunit:made-up.one;/' \
		Documentation/regressions.csv >"$tmp/Documentation/regressions.csv"
	for row in "$@"; do
		sed -i "s/^${row%%;*};.*/$row/" "$tmp"/Documentation/*.csv
	done
}

# verdicts PART LINE...
verdicts() {
	printf '%s\n' "${@:2}" >"$tmp/verdicts/$1"
}

ALL="kunit tools fuzz model cluster static"
good() {
	rm -f "$tmp"/verdicts/*
	verdicts kunit "PASS kunit made-up/one" "PASS kunit made-up/many/a" \
		"PASS kunit made-up/many/b"
	verdicts fuzz "PASS decoder (3 s)"
	verdicts cluster "PASS boots (20 s)"
}

# expect STATUS REGEX ARGS...: of checklist.py with these, under $MUST.
expect() {
	local want=$1 regex=$2 got=0
	shift 2
	ROWS_MUST=${MUST:-named} "$tmp/tools/testing/checklist.py" "$@" \
		>"$tmp/out" 2>&1 || got=$?
	echo >>"$tmp/out"	# for an empty REGEX
	if [ $got != "$want" ] || ! grep -qE -- "$regex" "$tmp/out"; then
		echo "not so: status $got, not $want, or no /$regex/: $*"
		grep -vE '^PASS' "$tmp/out" | head -n 20
		status=1
	fi
}

report() {
	# shellcheck disable=SC2086 # a list
	expect "$1" "$2" report "$tmp/verdicts" ${3-$ALL}
}

good
tables
expect 0 '' lint
report 0 '^rows: 132 passed, 0 failed, 0 without a test, 0 declined'
report 0 '^faults: 57 passed, 0 failed'

# lint
tables "A01;x;kunit:made-up.two;"
expect 1 'A01: no test kunit:made-up.two' lint
tables "A01;x;cluster:boot;"
expect 1 'A01: no test cluster:boot' lint
tables "A01;x;declined;"
expect 1 'A01 is declined without a reason' lint
tables "3.1.1;x;declined;why"
expect 1 '3.1.1 is declined' lint
tables "A01;x;declined kunit:made-up.one;why"
expect 1 'A01 is declined and has tests' lint
tables "A01;x;;;"
expect 1 '5 fields' lint
tables "A01;x;;"
expect 0 '' lint
MUST=all expect 1 'A01 has no test' lint
tables
sed -i '/^B07/d' "$tmp/Documentation/checklist.csv"
expect 1 'missing: B07' lint
tables
sed -i 's/^B07/B77/' "$tmp/Documentation/checklist.csv"
expect 1 'missing: B07; not known: B77' lint

tables
cp "$tmp/one_test.c" "$tmp/with_comments"
sed -i 's/Regression: 3.2.7\./Regression: 3.2./' "$tmp/one_test.c"
expect 1 'no comment "Regression: 3.2.7"' lint
cp "$tmp/with_comments" "$tmp/one_test.c"

# report
tables "A01;x;;"
report 0 '^FAIL row A01 x \(no test\)'
report 0 '131 passed, 0 failed, 1 without a test'
MUST=all report 1 '^FAIL row A01 x \(no test\)'
tables "A01;x;kunit:made-up.two;"
report 1 '^FAIL row A01 x \(kunit:made-up.two: unknown\)'
tables "A01;x;kunit:made-up.many;"
report 0 '^PASS row A01 x \(kunit:made-up.many\)'
verdicts kunit "PASS kunit made-up/one" "PASS kunit made-up/many/a" \
	"FAIL kunit made-up/many/b" "PASS kunit made-up/many/c"
report 1 '^FAIL row A01 x \(kunit:made-up.many: fail\)'
verdicts kunit "PASS kunit made-up/one" "SKIP kunit made-up/many"
report 1 '^FAIL row A01 x \(kunit:made-up.many: skip\)'
good
tables "A01;x;fuzz;" "A02;x;fuzz:decoder;" "A03;x;cluster:boots;"
report 0 '^PASS row A01 x \(fuzz\)'
verdicts fuzz "FAIL decoder"
report 1 '^FAIL row A01 x \(fuzz: fail\)'
report 1 '^FAIL row A02 x \(fuzz:decoder: fail\)'

# a part of the tests says nothing of the rows that need others
rm "$tmp/verdicts/cluster" "$tmp/verdicts/fuzz"
report 0 '^rows: 129 passed, 0 failed, 0 without a test, 0 declined, 3 not run' \
	kunit
verdicts cluster "FAIL boots (20 s)"
report 1 '^FAIL row A03 x' kunit
good
tables "A01;x;;" "A02;x;declined;why"
report 0 '^rows: 130 passed, 0 failed, 0 without a test, 0 declined, 2 not run' \
	kunit

# declined, and too much of that
report 0 '^DECLINED row A02 x \(why\)'
tables "A01;x;declined;y" "A02;x;declined;y" "A03;x;declined;y" \
	"A04;x;declined;y" "A05;x;declined;y" "A06;x;declined;y"
report 1 '126 passed, 0 failed, 0 without a test, 6 declined'
expect 1 '6 declined' lint
exit $status

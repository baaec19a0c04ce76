#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All tests.  A line "PASS name (secs)" or "FAIL name" for each, then the same for
# each row of the tables in Documentation/checklist.rst whose tests have run, at
# the end a line "N passed, N failed".
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh

usage() {
	cat <<END
usage: tools/check.sh [--part kunit|tools|fuzz|model|cluster|static|series] [NAME...]

  kunit    unit tests, in a user-mode Linux, by the kernel's kunit.py
  tools    tests of our scripts that need no kernel
  fuzz     the decoder of the protocol is fed ten million inputs, in user space
  model    all states of a model of the life of a page, by spin
  cluster  real kernels with every checker on, in QEMU
  static   checkpatch, W=1, sparse, kernel-doc, shellcheck, the patches' format
  series   (only when asked for) after each patch of the series, what any of
           them touches still compiles

With names: those cluster tests only (tools/testing/run --list).

environment: ROWS_MUST=all|named (${ROWS_MUST:-see tools/testing/checklist.py})
             with "named" a row that names no test does not make the whole fail
END
}

parts=()
names=()
while [ $# -gt 0 ]; do
	case $1 in
	--part)		parts+=("${2:?}"); shift ;;
	--part=*)	parts+=("${1#*=}") ;;
	--help|-h)	usage; exit 0 ;;
	-*)		usage >&2; die "what is $1?" ;;
	*)		names+=("$1") ;;
	esac
	shift
done
[ ${#names[@]} = 0 ] || parts=(cluster)
[ ${#parts[@]} != 0 ] || parts=(kunit tools fuzz model cluster static)

LOGS=$RAMSTER_CACHE/logs
mkdir -p "$LOGS"

# verdict NAME STATUS SECS LOG
verdict() {
	if [ "$2" = 0 ]; then
		echo "PASS $1 ($3 s)"
	else
		echo "FAIL $1"
		head -n 100 "$4" | sed 's/^/    /'
	fi
}

# check NAME COMMAND...: passes if the command is happy.
check() {
	local name=$1 status=0 begin=$SECONDS
	shift
	"$@" >"$LOGS/$PART-$name.log" 2>&1 </dev/null || status=1
	verdict "$name" $status $((SECONDS - begin)) "$LOGS/$PART-$name.log"
}

# silent COMMAND...: happy when the command says nothing.
silent() {
	local out

	out=$("$@" 2>&1)
	[ -z "$out" ] || { printf '%s\n' "$out"; return 1; }
}

# heartbeat TEXT: while something long is silent.
heartbeat() {
	local begin=$SECONDS

	while sleep 30; do
		say "$1: $(hms $((SECONDS - begin)))"
	done
}

# --- static ------------------------------------------------------------------

# Our files as the repository has them or is about to.
ours() {
	git ls-files -c -o --exclude-standard -- "$@" | while read -r f; do
		[ ! -f "$f" ] || echo "$f"
	done
}
kernel_c() { ours '*.c' '*.h' ':!tools'; }
scripts() {
	ours tools .ci '*.sh' | sort -u | while read -r f; do
		case $f in
		*.sh)	echo "$f" ;;
		*)	! head -n 1 "$f" | grep -qE '^#!.*/(ba|da)?sh' || echo "$f" ;;
		esac
	done
}

checkpatch() {
	# shellcheck disable=SC2046 # a list
	(cd "$TREE" && perl scripts/checkpatch.pl --strict --terse --quiet \
		--no-summary --show-types "$@")
}

static_checkpatch_source() {
	local kernel user status=0

	mapfile -t kernel < <(kernel_c | grep -vx trace.h)
	# trace events are written like that
	silent checkpatch --ignore PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE \
		-f drivers/staging/ramster/trace.h || status=1
	mapfile -t user < <(ours 'tools/*.c' 'tools/*.h')
	silent checkpatch -f "${kernel[@]/#/drivers/staging/ramster/}" || status=1
	# what is asked of kernel code only, or needs its headers
	silent checkpatch --ignore "VOLATILE,PREFER_DEFINED_ATTRIBUTE_MACRO" \
		--ignore "EMBEDDED_FUNCTION_NAME,ARRAY_SIZE,CAMELCASE" \
		-f "${user[@]/#/drivers/staging/ramster/}" || status=1
	return $status
}

static_checkpatch_patches() {
	local files

	mapfile -t files < <(ours 'patches/*.patch')
	# FILE_PATH_CHANGES asks about MAINTAINERS, a matter of the real tree
	silent checkpatch --ignore FILE_PATH_CHANGES \
		"${files[@]/#/$RAMSTER_TOP/}"
}

# Each patch says who, what and why, as git am wants it.
static_patch_format() {
	local f tmp status=0

	tmp=$(mktemp -d)
	for f in $(ours 'patches/*.patch'); do
		git mailinfo "$tmp/msg" "$tmp/diff" <"$f" >"$tmp/info" || status=1
		[ "$(grep -cE '^(Subject|Email): ..*' "$tmp/info")" = 2 ] ||
			{ echo "$f: no author or subject"; status=1; }
		[ "$(grep -cvE '^$|^Signed-off-by:' "$tmp/msg")" -ge 2 ] ||
			{ echo "$f: says too little"; status=1; }
		grep -q '^Signed-off-by: ' "$tmp/msg" ||
			{ echo "$f: not signed off"; status=1; }
	done
	rm -rf "$tmp"
	return $status
}

# The compiler and sparse in one go, over all of our source and nothing else.
build_objects() {
	local hook targets=(drivers/staging/ramster/)

	rm -rf "$STATIC/drivers/staging/ramster" "$STATIC"/mm/{frontswap,cleancache}*.o
	for hook in mm/frontswap.o mm/cleancache.o; do
		[ ! -e "$TREE/${hook%.o}.c" ] || targets+=("$hook")
	done
	make -C "$TREE" O="$STATIC" -j"$(nproc)" W=1 C=1 "${targets[@]}" \
		>"$LOGS/objects.log" 2>&1 </dev/null || {
		grep -E 'error|\*\*\*' "$LOGS/objects.log" | head -n 50
		return 1
	}
}

# gcc names the option behind a warning, sparse does not.
OURS='(staging/ramster|frontswap|cleancache)[^ ]*:[0-9]+'
static_compiler() {
	! grep -E -A 6 "$OURS.*(error:|warning:.*\\[-W)" "$LOGS/objects.log"
}
static_sparse() {
	! grep -E "$OURS.*(warning|error):" "$LOGS/objects.log" | grep -v '\[-W'
}

static_kernel_doc() {
	local files

	mapfile -t files < <(kernel_c)
	silent perl "$TREE/scripts/kernel-doc" -none -Wall "${files[@]}"
}

static_shellcheck() {
	local files

	mapfile -t files < <(scripts)
	shellcheck "${files[@]}"
}

static_spdx() {
	local f status=0

	for f in $(ours '*.c' '*.h' 'Kconfig*' '*Makefile' '*.config' '.kunitconfig') \
		 $(scripts); do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0' ||
			{ echo "$f: no SPDX line"; status=1; }
	done
	return $status
}

static_checklist() {
	tools/testing/checklist.py lint
}

# The documents: as a book of their own, whose warnings are errors.
static_docs() {
	tools/docs.sh --quiet
}

part_static() {
	need_packages_for static kernel docs
	STATIC=$(tools/kernel.sh --config static --prepare | tail -n 1) ||
		{ echo "FAIL static (no tree to check against)"; return; }
	TREE=${STATIC%/*}
	check patch-format static_patch_format
	check checkpatch-patches static_checkpatch_patches
	check checkpatch-source static_checkpatch_source
	check spdx static_spdx
	check kernel-doc static_kernel_doc
	check shellcheck static_shellcheck
	check checklist static_checklist
	check docs static_docs
	check objects build_objects
	check compiler-W1 static_compiler
	check sparse static_sparse
}

# --- series ------------------------------------------------------------------

# The kernel without the driver, after the first so many patches.
series_step() {
	local patch=$1 targets

	patch -d "$SERIES_TREE" -p1 -s -N --no-backup-if-mismatch <"$patch" ||
		return 1
	mapfile -t targets < <(cat patches/linux-6.12/*.patch |
		sed -n 's,^+++ b/\(.*\)\.c$,\1.o,p' | sort -u |
		grep -v '_test.o$' | while read -r o; do
			[ ! -e "$SERIES_TREE/${o%.o}.c" ] || echo "$o"
		done)
	make -C "$SERIES_TREE" O="$SERIES_TREE/build" -j"$(nproc)" \
		olddefconfig "${targets[@]}"
}

part_series() {
	local tree p

	need_packages_for kernel
	tree=$(tools/kernel.sh --source | tail -n 1) ||
		{ echo "FAIL series (no tree)"; return; }
	SERIES_TREE=$RAMSTER_CACHE/tree-series
	rm -rf "$SERIES_TREE"
	cp -al "$(cat "$tree/.ramster/pristine")" "$SERIES_TREE" ||
		{ echo "FAIL series (no source)"; return; }
	# patches that link the driver in need one to be there
	mkdir -p "$SERIES_TREE/drivers/staging/ramster" "$SERIES_TREE/build"
	touch "$SERIES_TREE"/drivers/staging/ramster/{Kconfig,Makefile}
	# and one that selects the hooks; sed breaks the hard link
	sed -i '$a config RAMSTER_SERIES\n\tdef_bool y\n\tselect CLEANCACHE\n\tselect FRONTSWAP' \
		"$SERIES_TREE/Kconfig"
	cat tools/kernel/{base,debug}.config >"$SERIES_TREE/build/all.config"
	KCONFIG_ALLCONFIG=$SERIES_TREE/build/all.config make -s \
		-C "$SERIES_TREE" O="$SERIES_TREE/build" allnoconfig >/dev/null ||
		{ echo "FAIL series (no configuration)"; return; }
	for p in patches/linux-6.12/*.patch; do
		check "series-$(basename "$p" .patch)" series_step "$p"
	done
	rm -rf "$SERIES_TREE"
}

# --- tools -------------------------------------------------------------------

part_tools() {
	need_packages_for kernel static
	check conf silent tools/testing/host/tools.sh conf
	check configure silent tools/testing/host/tools.sh configure
	check status silent tools/testing/host/tools.sh status
	check nodes silent tools/testing/host/tools.sh nodes
	check revision silent tools/testing/host/tools.sh revision
	check systemd silent tools/testing/host/systemd.sh
	check checklist tools/testing/checklist_test.sh
	check bench silent tools/bench/report_test.sh
	check bench-trace silent tools/bench/sleeps_test.sh
}

# --- fuzz --------------------------------------------------------------------

part_fuzz() {
	need_packages_for fuzz
	check notices tools/fuzz/run --notices
	check decoder tools/fuzz/run
	sed 's/^/    /' "$LOGS/fuzz-decoder.log"
}

# --- model -------------------------------------------------------------------

part_model() {
	need_packages_for model
	check notices tools/model/run --notices
	check moves tools/model/run moves
	check loads tools/model/run loads
	check order tools/model/run order
	check calm tools/model/run calm
	check owners tools/model/run owners
	grep -h 'errors: 0' "$LOGS"/model-*.log | sed 's/^/    /'
}

# --- kunit -------------------------------------------------------------------

part_kunit() {
	local begin=$SECONDS log=$LOGS/kunit.log beat status=0

	[ -e .kunitconfig ] || { echo "FAIL kunit (no .kunitconfig)"; return; }
	need_packages_for kernel
	say "building a user-mode Linux for KUnit, 3 to 5 minutes when it is the first"
	heartbeat "KUnit" &
	beat=$!
	rm -f "$LOGS/kunit.json"
	tools/kernel.sh --run python3 tools/testing/kunit/kunit.py run \
		--kunitconfig="$RAMSTER_TOP/.kunitconfig" --build_dir=build-kunit \
		--jobs="$(nproc)" --timeout=600 --json="$LOGS/kunit.json" \
		>"$log" 2>&1 </dev/null || status=$?
	kill $beat 2>/dev/null
	wait $beat 2>/dev/null
	python3 - "$LOGS/kunit.json" <<'END' || status=1
import json, sys

def walk(group, path):
    for case in group.get("test_cases", []):
        name = "/".join(path + [case["name"]])
        word = {"PASS": "PASS", "SKIP": "SKIP"}.get(case["status"], "FAIL")
        print(word, "kunit " + name)
        found.append(word)
    for sub in group.get("sub_groups", []):
        walk(sub, path + [sub["name"]])

found = []
try:
    tree = json.load(open(sys.argv[1]))
except (OSError, ValueError) as why:
    print("FAIL kunit (no results: %s)" % why)
    sys.exit(1)
walk(tree, [])
if not found:
    print("FAIL kunit (no test ran)")
sys.exit("FAIL" in found or not found)
END
	if [ $status != 0 ]; then
		[ -s "$LOGS/kunit.json" ] || true
		grep -E 'error|ERROR|FAILED|not ok|EXPECTATION|ASSERTION|BUG|WARNING' -A 6 "$log" |
			head -n 80 | sed 's/^/    /'
		tail -n 30 "$log" | sed 's/^/    /'
	fi
	say "KUnit took $(hms $((SECONDS - begin)))"
}

# --- cluster -----------------------------------------------------------------

# KERNEL=demo: a kernel without the checkers, for where time is short.  Only
# those tests then that need none of them.
part_cluster() {
	local which=${KERNEL:-debug}

	tools/kernel.sh --config "$which" >/dev/null ||
		{ echo "FAIL cluster (no $which kernel)"; return; }
	[ "$which" = debug ] || [ ${#names[@]} != 0 ] || names=(cluster guests_talk)
	tools/testing/run ${names[@]+"${names[@]}"} || [ $? = 1 ]
}

# complete PART: every test of it was to run.
complete() {
	[ "$1" != cluster ] ||
		{ [ ${#names[@]} = 0 ] && [ "${KERNEL:-debug}" = debug ]; }
}

all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
for part in "${parts[@]}"; do
	case $part in
	kunit|tools|fuzz|model|cluster|static|series) ;;
	*) usage >&2; die "no part $part" ;;
	esac
done
begin=$SECONDS
whole=()
for PART in "${parts[@]}"; do
	say "$PART"
	since=$SECONDS
	"part_$PART" | tee "$all/$PART"
	say "$PART took $(hms $((SECONDS - since)))"
	! complete "$PART" || whole+=("$PART")
done
passed=$(cat "$all"/* | grep -c '^PASS ')
failed=$(cat "$all"/* | grep -c '^FAIL ')
rows=0
tools/testing/checklist.py report "$all" ${whole[@]+"${whole[@]}"} || rows=$?
say "all of it took $(hms $((SECONDS - begin)))"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ] && [ "$rows" = 0 ]

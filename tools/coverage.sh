#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Which lines do the unit tests reach?  Runs them all in a user-mode Linux of
# which only our part counts its lines, and prints a table.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh

# Lines that must be reached of each file, in percent, and the files: the index,
# the allocator, the decoder, the rules of the node manager.
LEAST=85
FILES=(tmem*.c zbud.c ramster/r2wire.c ramster/nodemanager_rules.c)

usage() {
	cat <<END
usage: tools/coverage.sh [--lines] [FILE...]

Prints how many lines of each file the unit tests reach; status 1 if it is less
than $LEAST % of one.  Without FILE: ${FILES[*]}

  --lines     print the lines that are not reached, too
END
}

lines=
while [ $# -gt 0 ]; do
	case $1 in
	--lines)	lines=1 ;;
	--help|-h)	usage; exit 0 ;;
	-*)		usage >&2; die "what is $1?" ;;
	*)		break ;;
	esac
	shift
done
[ $# = 0 ] || FILES=("$@")

BUILD=build-coverage
LOG=$RAMSTER_CACHE/logs/coverage.log
WRAPS="-Wl,--wrap,malloc -Wl,--wrap,free -Wl,--wrap,calloc"

# A user-mode Linux writes the counts when it ends, beside the objects.  What
# links it takes LINK_WRAPS: the one place where a flag can be added.  Its linker
# script drops the destructors that would write, so libc is told to.
WRAPS+=" --coverage -Wl,-u,__gcov_dump -Wl,-fini=__gcov_dump"

# gcc's library has a function of the same name as one of the kernel's.
GCOV=$RAMSTER_CACHE/gcov
WRAPS+=" -L$GCOV"
rename_symbol() {
	mkdir -p "$GCOV" &&
	objcopy --redefine-sym mangle_path=gcov_mangle_path \
		"$(gcc -print-file-name=libgcov.a)" "$GCOV/libgcov.a"
}

run_tests() {
	# shellcheck disable=SC2016 # for the inner shell
	tools/kernel.sh --run bash -c '
		[ -e "$1" ] || [ ! -e build-kunit ] || cp -a build-kunit "$1"
		find "$1" -name "*.gcda" -delete 2>/dev/null
		exec python3 tools/testing/kunit/kunit.py run \
			--kunitconfig="$2/.kunitconfig" --build_dir="$1" \
			--jobs="$(nproc)" --timeout=900 \
			--make_options RAMSTER_COVERAGE=y \
			--make_options "LINK_WRAPS=$3"' \
		coverage "$BUILD" "$RAMSTER_TOP" "$WRAPS" >"$LOG" 2>&1 </dev/null
}

# reached FILE: "EXECUTED LINES" of one source file
reached() {
	(cd "$scratch" && gcov -o "$objects/$(dirname "$1")" \
		"$objects/${1%.c}.gcda" 2>/dev/null) |
		awk -v want="/ramster/$1'" '
			/^File / { ours = index($0, want) }
			ours && /^Lines executed:/ {
				split($2, part, /[:%]/)
				printf "%d %d\n", part[2] * $4 / 100 + 0.5, $4
				exit
			}'
}

# missed FILE: its lines that were not reached
missed() {
	sed -n 's/^ *#####: *\([0-9]*\):\(.*\)/    \1:\2/p' \
		"$scratch/$(basename "$1").gcov"
}

mkdir -p "${LOG%/*}"
need_packages_for kernel
tree=$(tools/kernel.sh --source | tail -n 1) || die "no source"
objects=$tree/$BUILD/drivers/staging/ramster
say "building and running, some minutes"
rename_symbol || die "no copy of libgcov.a"
run_tests || { tail -n 40 "$LOG" >&2; die "the unit tests do not pass"; }

# a directory from which ../drivers is what the compiler meant by that
scratch=$(mktemp -d "$tree/coverage.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
status=0
printf '%-34s %7s %7s %7s\n' file lines reached percent
for file in "${FILES[@]}"; do
	case $file in
	*_test.c) continue ;;
	esac
	read -r n all < <(reached "$file") ||
		die "no figures of $file; see $LOG"
	printf '%-34s %7d %7d %6d%%\n' "$file" "$all" "$n" $((n * 100 / all))
	[ -z "$lines" ] || missed "$file"
	[ $((n * 100)) -ge $((LEAST * all)) ] || status=1
done
[ $status = 0 ] || echo "less than $LEAST % of a file is reached"
exit $status

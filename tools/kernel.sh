#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# From nothing to a built kernel with the hooks and the driver in it.
#
# In the cache ($RAMSTER_CACHE) there are
#
#   pristine-VERSION/                 the source as it comes, never changed
#   tree-VERSION-SERIES-CHECKOUT/     hard links to it, plus patches/linux-6.12,
#                                     plus a link drivers/staging/ramster -> the
#                                     checkout this script stands in
#   tree-.../build-CONFIG/            one build (O=) a configuration; KUnit's is
#                                     build-kunit
#   tree-...-mutant/                  the same, broken on purpose
#
# VERSION, SERIES and CHECKOUT are what a tree is made from, so nothing in it
# ever has to be guessed stale.  A new tree starts from a copy of the newest
# build of its configuration, with time stamps arranged so that make rebuilds
# exactly what differs: a change in the series costs seconds, not a kernel.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh

usage() {
	cat <<END
usage: tools/kernel.sh [options]

Builds Linux 6.12 with the hooks (patches/linux-6.12) and this driver, and
prints the path of the kernel image as the last line.  What is already done is
not done again.

  --config NAME   tools/kernel/base.config + NAME.config (default: demo); a line
                  "# over: OTHER" in it puts OTHER.config in between
  --mutate FILE   apply one more patch, a mutation that some test must notice,
                  in a tree set aside for that
  --prepare       stop when the build is configured and prepared, for building
                  single objects, and print its path
  --source        stop when the patched tree is there and print its path
  --run CMD...    run CMD in the patched tree, one such command at a time
  --expect-missing   only warn of configuration lines without effect
  --help

environment:
  KSRC=DIR            use this 6.12 tree (it is copied) instead of Debian's
                      package linux-source-6.12
  RAMSTER_CACHE=DIR   where all of it goes ($RAMSTER_CACHE)
  JOBS=N              how many jobs make runs ($(nproc))
  KEEP_TREES=N        how many patched trees stay in the cache (${KEEP_TREES:-6})
END
}

SERIES=6.12
CONFIG=demo
MUTATE=
STOP=
RUN=()
EXPECT_MISSING=
while [ $# -gt 0 ]; do
	case $1 in
	--config)	CONFIG=${2:?--config needs a name}; shift ;;
	--config=*)	CONFIG=${1#*=} ;;
	--mutate)	MUTATE=${2:?--mutate needs a file}; shift ;;
	--mutate=*)	MUTATE=${1#*=} ;;
	--prepare)	STOP=prepare ;;
	--source)	STOP=source ;;
	--run)		STOP=run; shift; RUN=("$@"); break ;;
	--expect-missing) EXPECT_MISSING=1 ;;
	--help|-h)	usage; exit 0 ;;
	*)		usage >&2; die "what is $1?" ;;
	esac
	shift
done
[ -f "tools/kernel/$CONFIG.config" ] ||
	die "there is no tools/kernel/$CONFIG.config"
[ -z "$MUTATE" ] || [ -r "$MUTATE" ] || die "cannot read $MUTATE"
JOBS=${JOBS:-$(nproc)}

# lock FILE: until this process ends, or until another lock.  Says so when it
# has to wait.  A tree is locked while it is made, then one build in it.
lock() {
	exec 9>"$1" || die "cannot write $1"
	flock -n 9 && return
	say "waiting for another run that uses ${1##*/}"
	flock 9
}

# fragments: the configuration's files, the later over the earlier.
fragments() {
	local over

	over=$(sed -n 's/^# over: //p' "tools/kernel/$CONFIG.config")
	echo "tools/kernel/base.config ${over:+tools/kernel/$over.config}" \
		"tools/kernel/$CONFIG.config"
}

# --- the source --------------------------------------------------------------

# A Debian 12 without its security suite has no linux-source-6.12 in main, but
# in backports.  Take mirror and key from the machine's own entry, whatever
# format it has: apt itself knows them.
add_backports() {
	local codename uri entry signed=

	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ -n "$codename" ] || die "/etc/os-release names no Debian release"
	# shellcheck disable=SC2016 # apt's variables, not ours
	read -r uri entry < <(apt-get indextargets \
		--format '$(CODENAME) $(COMPONENT) $(REPO_URI) $(SOURCESENTRY)' \
		'Created-By: Packages' |
		awk -v c="$codename" '$1 == c && $2 == "main" { print $3, $4; exit }')
	[ -n "$uri" ] || die "found no apt entry for $codename to take after"
	signed=$(signed_by "${entry%:*}" "$codename")
	say "adding $codename-backports from the entry in ${entry%:*}"
	printf 'deb %s%s %s-backports main\n' "${signed:+[signed-by=$signed] }" \
		"$uri" "$codename" |
		as_root tee /etc/apt/sources.list.d/ramster-backports.list >/dev/null
	# shellcheck disable=SC2034 # read by apt_update()
	APT_UPDATED=
	apt_update
}

# signed_by FILE CODENAME: the key file which the entry for that release names.
signed_by() {
	case $1 in
	*.sources)
		awk -v c="$2" 'BEGIN { RS = ""; FS = "\n" }
			$0 ~ "(^|\n)Suites:[^\n]*" c {
				for (i = 1; i <= NF; i++)
					if (sub(/^Signed-By:[ \t]*/, "", $i)) {
						print $i
						exit
					}
			}' "$1" | grep '^/' ;;
	*)
		sed -n "s/^deb .*signed-by=\\([^] ]*\\).* $2 .*/\\1/p" "$1" | head -n 1 ;;
	esac
}

have_candidate() {
	apt-cache policy "linux-source-$SERIES" 2>/dev/null |
		grep -q 'Candidate: [0-9]'
}

# get_tarball: set TARBALL and VERSION.
get_tarball() {
	local pkg=linux-source-$SERIES dir

	TARBALL=/usr/src/$pkg.tar.xz
	if have_packages "$pkg" && [ -r "$TARBALL" ]; then
		VERSION=$(dpkg-query -W -f='${Version}' "$pkg")
		return
	fi
	command -v apt-get >/dev/null ||
		die "no apt here: name a Linux $SERIES tree with KSRC=DIR"
	have_candidate || apt_update
	have_candidate || add_backports
	have_candidate || die "no package $pkg in the suites of this machine"
	if [ "$(id -u)" = 0 ]; then
		# not --no-install-recommends for its own sake: it is only a tarball
		need_packages "$pkg"
		VERSION=$(dpkg-query -W -f='${Version}' "$pkg")
		return
	fi
	# a user may fetch a package and look inside
	dir=$RAMSTER_CACHE/package
	rm -rf "$dir"
	mkdir -p "$dir"
	say "downloading $pkg"
	(cd "$dir" && apt-get -q download "$pkg" >&2 && dpkg -x ./*.deb .) ||
		die "could not download $pkg"
	VERSION=$(dpkg-deb -f "$dir"/*.deb Version)
	TARBALL=$dir/usr/src/$pkg.tar.xz
}

# A 6.12 tree of the user's: copied, without what a build left in it.
copy_ksrc() {
	local v

	[ -d "$KSRC" ] || die "KSRC=$KSRC: no such directory"
	KSRC=$(cd "$KSRC" && pwd -P) || die "KSRC=$KSRC: cannot be entered"
	v=$(make -s -C "$KSRC" kernelversion 2>/dev/null </dev/null) ||
		die "KSRC=$KSRC is not a kernel tree"
	case $v in
	"$SERIES"|"$SERIES".*|"$SERIES"-*) ;;
	*) die "KSRC=$KSRC is Linux $v, not $SERIES" ;;
	esac
	VERSION=$v-ksrc-$({ echo "$KSRC"
		find "$KSRC" -name .git -prune -o -type f -printf '%P %s %T@\n' |
			sort; } | short_hash)
	PRISTINE=$RAMSTER_CACHE/pristine-$VERSION
	[ ! -d "$PRISTINE" ] || return 0
	lock "$RAMSTER_CACHE/pristine.lock"
	[ ! -d "$PRISTINE" ] || return 0
	say "copying $KSRC"
	rm -rf "$PRISTINE.part"
	mkdir -p "$PRISTINE.part"
	rsync -a --exclude=/.git --exclude='*.o' --exclude='*.a' --exclude='*.cmd' \
		--exclude='*.ko' --exclude=/.config --exclude=/include/config \
		--exclude=/include/generated --exclude='/arch/*/include/generated' \
		--exclude=/vmlinux --exclude=/drivers/staging/ramster \
		"$KSRC/" "$PRISTINE.part/" || die "could not copy $KSRC"
	mv "$PRISTINE.part" "$PRISTINE"
}

get_pristine() {
	if [ -n "${KSRC:-}" ]; then
		copy_ksrc
		return
	fi
	get_tarball
	PRISTINE=$RAMSTER_CACHE/pristine-$VERSION
	[ ! -d "$PRISTINE" ] || return 0
	lock "$RAMSTER_CACHE/pristine.lock"
	[ ! -d "$PRISTINE" ] || return 0
	need_packages xz-utils
	say "unpacking $TARBALL (about 1.5 GB, one minute)"
	rm -rf "$PRISTINE.part"
	mkdir -p "$PRISTINE.part"
	tar -C "$PRISTINE.part" -xJf "$TARBALL" --strip-components=1 \
		--checkpoint=20000 --checkpoint-action=echo='  %u blocks' >&2 ||
		die "could not unpack $TARBALL"
	mv "$PRISTINE.part" "$PRISTINE"
}

# --- the tree ----------------------------------------------------------------

patched_files() {
	sed -n 's,^+++ b/\([^[:blank:]]*\).*,\1,p; s,^--- a/\([^[:blank:]]*\).*,\1,p' "$@" |
		sort -u
}

# apply PATCH...: in $TREE.  GNU patch writes a new file and renames it, so
# the pristine tree behind the hard links is safe.
apply() {
	local p out

	for p in "$@"; do
		out=$(cd "$TREE" && patch -p1 -s -f -N --no-backup-if-mismatch \
			-r - <"$p" 2>&1) || {
			printf '%s\n' "$out" >&2
			die "$p does not apply to Linux $VERSION"
		}
	done
}

patch_names() {
	find "$RAMSTER_TOP/patches/linux-$SERIES" -name '*.patch' 2>/dev/null | sort
}

make_tree() {
	local series checkout patches

	mapfile -t patches < <(patch_names)
	[ ${#patches[@]} != 0 ] || say "warning: no patches in patches/linux-$SERIES"
	series=$(cat "${patches[@]}" </dev/null | short_hash)
	checkout=$(echo "$RAMSTER_TOP" | short_hash)
	TREE=$RAMSTER_CACHE/tree-$VERSION-$series-$checkout
	lock "$TREE.lock"
	if [ ! -e "$TREE/.ramster/ready" ]; then
		say "making ${TREE##*/}: ${#patches[@]} patches"
		rm -rf "$TREE"
		cp -al "$PRISTINE" "$TREE" || die "could not link to $PRISTINE"
		mkdir "$TREE/.ramster"
		echo "$PRISTINE" >"$TREE/.ramster/pristine"
		apply "${patches[@]}"
		[ ${#patches[@]} = 0 ] ||
			patched_files "${patches[@]}" >"$TREE/.ramster/patched"
		ln -sfn "$RAMSTER_TOP" "$TREE/drivers/staging/ramster"
		touch "$TREE/.ramster/patched" "$TREE/.ramster/ready"
	fi
	touch "$TREE/.ramster/used"
}

# The tree for mutations is the tree again, with one patch more: put back what
# the last mutation changed, then apply this one.
mutate_tree() {
	local base=$TREE f driver=drivers/staging/ramster

	TREE=$TREE-mutant
	# to the end: this tree changes
	exec 7>"$TREE.lock"
	flock 7
	if [ ! -e "$TREE/.ramster/ready" ]; then
		rm -rf "$TREE"
		mkdir "$TREE"
		(cd "$base" && find . -mindepth 1 -maxdepth 1 ! -name 'build-*' \
			-print0 | xargs -0 cp -al -t "$TREE") ||
			die "could not link to $base"
		rm -rf "$TREE/.ramster"
		mkdir "$TREE/.ramster"
		cp "$base/.ramster/patched" "$TREE/.ramster/"
		: >"$TREE/.ramster/mutated"
		touch "$TREE/.ramster/ready"
	fi
	touch "$TREE/.ramster/used"
	while read -r f; do
		case $f in
		"$driver"/*) continue ;;
		esac
		rm -f "$TREE/$f"
		[ ! -e "$base/$f" ] || cp "$base/$f" "$TREE/$f"
	done <"$TREE/.ramster/mutated"
	# time stamps of the checkout are not ours to set: build the driver anew
	! grep -q "^$driver/" "$TREE/.ramster/mutated" ||
		rm -rf "$TREE"/build-*/"${driver:?}"
	patched_files "$MUTATE" >"$TREE/.ramster/mutated"
	[ -s "$TREE/.ramster/mutated" ] || die "$MUTATE changes no file"

	# the driver must not be patched through the link to the checkout; and
	# a copy that carries no mutation goes back to being a link
	rm -rf "$TREE/${driver:?}"
	if grep -q "^$driver/" "$TREE/.ramster/mutated"; then
		rm -rf "$TREE"/build-*/"${driver:?}"
		mkdir "$TREE/$driver"
		driver_files | (cd "$RAMSTER_TOP" &&
			xargs -0 cp -p --parents -t "$TREE/$driver")
	else
		ln -s "$RAMSTER_TOP" "$TREE/$driver"
	fi
	apply "$MUTATE"
	while read -r f; do
		[ ! -e "$TREE/$f" ] || touch "$TREE/$f"
	done <"$TREE/.ramster/mutated"
}

# driver_files: what of this checkout goes into the kernel, 0-separated.
driver_files() {
	(cd "$RAMSTER_TOP" && find . -mindepth 1 \( -name '.git' -o -path ./tools \
		-o -path ./patches -o -path ./Documentation -o -path ./.ci \) -prune -o \
		-type f \( -name '*.[chS]' -o -name 'Kconfig*' -o -name 'Makefile*' \
		-o -name 'Kbuild*' \) -print0 | sort -z)
}

# Old trees cost a gigabyte a build.  Keep the newest few.
prune_trees() {
	local t n=0

	find "$RAMSTER_CACHE" -mindepth 3 -maxdepth 3 -path '*/tree-*/.ramster/used' \
		-printf '%T@ %h\n' | sort -rn | while read -r _ t; do
		t=${t%/.ramster}
		n=$((n + 1))
		[ $n -gt "${KEEP_TREES:-6}" ] || continue
		[ "$t" != "$TREE" ] || continue
		drop_tree "$t"
	done
}

# drop_tree TREE: unless somebody uses it.
drop_tree() {
	local l fds=() fd

	for l in "$1.lock" "$1".build-*.lock; do
		[ -e "$l" ] || continue
		exec {fd}>"$l"
		fds+=("$fd")
		flock -n "$fd" || break
		l=
	done
	if [ -z "$l" ]; then
		say "dropping ${1##*/}, unused for longest"
		rm -rf "$1" "$1.lock" "$1".build-*.lock
	fi
	for fd in "${fds[@]}"; do
		exec {fd}>&-
	done
}

# --- the build ---------------------------------------------------------------

# same_time OLD NEW: after a build was copied from tree OLD to tree NEW, make
# in NEW must rebuild what depends on a file that differs, and nothing else.
# All files that no series touches are the same inode in both.
same_time() {
	local old=$1 new=$2 f pinned=$2/.ramster/pinned

	touch "$pinned"
	# sort prints nothing if one of its files is missing, as most often is
	cat "$old/.ramster/patched" "$new/.ramster/patched" \
		"$old/.ramster/mutated" "$new/.ramster/mutated" 2>/dev/null |
	sort -u | while read -r f; do
		[ -f "$new/$f" ] || continue
		! [ "$old/$f" -ef "$new/$f" ] || continue
		case $f in
		drivers/staging/ramster/*) continue ;;
		esac
		if cmp -s "$old/$f" "$new/$f"; then
			grep -qxF "$f" "$pinned" || ! [ "$old/$f" -ot "$new/$f" ] ||
				touch -r "$old/$f" "$new/$f"
		else
			cp "$new/$f" "$new/$f.ramster"
			mv -f "$new/$f.ramster" "$new/$f"
			echo "$f" >>"$pinned"
		fi
	done
}

# newest_build CONFIG: prints its directory.
newest_build() {
	find "$RAMSTER_CACHE" -mindepth 3 -maxdepth 3 \
		-path "*/tree-$VERSION-*/build-$1/.ramster-buil*" \
		-printf '%f %T@ %h\n' | sort -k 1,1r -k 2,2rn |
		sed -n '1s/^[^ ]* [^ ]* //p'
}

# seed_build: start from the newest build of the same configuration, if any; one
# that failed will do when there is no other, and so will one of the
# configuration that it is laid over.
seed_build() {
	local config=$CONFIG old t

	[ ! -d "$BUILD" ] || return 0
	old=$(newest_build "$config")
	if [ -z "$old" ] && [ -e "tools/kernel/$config.config" ]; then
		config=$(sed -n 's/^# over: //p' "tools/kernel/$config.config")
		[ -z "$config" ] || old=$(newest_build "$config")
	fi
	[ -n "$old" ] || return 0
	t=${old%/*}
	(
		# a build that is going on there would be copied half
		exec 8>"$t.build-$config.lock"
		flock -w 900 8 || exit 1
		[ -e "$old/.config" ] || exit 1
		say "starting from the build in ${t##*/}"
		rm -rf "$BUILD.part"
		cp -a --reflink=auto "$old" "$BUILD.part" || exit 1
		rm -rf "$BUILD.part/drivers/staging/ramster" \
			"$BUILD.part"/.ramster-*
		find "$BUILD.part/tools" -name '.*.cmd' -print0 2>/dev/null |
			xargs -0r sed -i "s,$old/,$BUILD/,g; s,$t/,$TREE/,g"
		same_time "$t" "$TREE"
		mv "$BUILD.part" "$BUILD"
	) || rm -rf "$BUILD.part"
}

configure() {
	local want=$BUILD/.ramster-config line wanted missing=()
	local -A last=()

	# shellcheck disable=SC2046 # a list
	cat $(fragments) >"$want.new"
	if [ -e "$BUILD/.config" ] && cmp -s "$want" "$want.new" &&
	   [ "$(kconfig_hash)" = "$(cat "$BUILD/.ramster-kconfig" 2>/dev/null)" ]; then
		return
	fi
	say "configuring: base + $CONFIG"
	# tinyconfig is allnoconfig with a few more lines; the rest of it is ours
	KCONFIG_ALLCONFIG=$want.new make -s -C "$TREE" O="$BUILD" allnoconfig \
		>"$BUILD/.ramster-log" 2>&1 </dev/null || {
		tail -n 20 "$BUILD/.ramster-log" >&2
		die "configuration failed"
	}
	mapfile -t wanted < <(grep CONFIG_ "$want.new")
	for line in "${wanted[@]}"; do
		last[${line%%=*}]=$line
	done
	for line in "${wanted[@]}"; do
		case $line in
		CONFIG_*=*)
			# a later fragment may say otherwise
			[ "${last[${line%%=*}]}" = "$line" ] || continue
			grep -qxF "$line" "$BUILD/.config" || missing+=("$line") ;;
		"# CONFIG_"*" is not set")
			line=${line#\# }
			! grep -q "^${line%% *}=" "$BUILD/.config" ||
				missing+=("# $line") ;;
		esac
	done
	if [ ${#missing[@]} != 0 ]; then
		printf '  without effect: %s\n' "${missing[@]}" >&2
		[ -n "$EXPECT_MISSING" ] ||
			die "${#missing[@]} lines of $(fragments | tr -s ' ' ',') did not take effect (unknown symbol, or a dependency is off)"
	fi
	mv "$want.new" "$want"
	kconfig_hash >"$BUILD/.ramster-kconfig"
}

kconfig_hash() {
	(cd "$TREE/drivers/staging/ramster/" && find . \( -name .git -o -name tools \) \
		-prune -o -name 'Kconfig*' -type f -print0 | sort -z |
		xargs -0r cat) | short_hash
}

# What the image depends on and the name of the tree does not say.
fingerprint() {
	{
		# shellcheck disable=SC2046 # a list
		cat $(fragments)
		[ -z "$MUTATE" ] || cat "$MUTATE"
		gcc --version | head -n 1
		driver_files | xargs -0r sha256sum
	} | short_hash
}

# progress TOTAL: make's output on stdin; now and then one line of how far it is.
# Prints the number of steps at the end.
progress() {
	local total=$1 n=0 begin=$SECONDS next=$SECONDS every=20 line cr='' nl='\n'

	if [ -t 2 ]; then
		every=1 cr='\r' nl=''
	fi
	show() {
		local pct=''

		[ "$total" = 0 ] ||
			pct=$(printf '%3d%%, ' $((n * 99 / (n > total ? n : total))))
		printf "$cr%-60s$nl" "[$(hms $((SECONDS - begin)))] $pct$n steps" >&2
	}
	while IFS= read -r line; do
		case $line in
		"  "[A-Z]*)
			n=$((n + 1))
			if [ $SECONDS -ge $next ]; then
				next=$((SECONDS + every))
				show
			fi ;;
		*error:*|*warning:*|*"undefined reference"*|*"***"*)
			printf "$cr%s\n" "$line" >&2 ;;
		esac
	done
	show
	[ -z "$cr" ] || echo >&2
	echo "$n"
}

build() {
	local log=$BUILD/.ramster-log lines=$RAMSTER_CACHE/steps-$CONFIG total n
	local targets=(bzImage)

	IMAGE=$BUILD/arch/x86/boot/bzImage
	if [ -e "$IMAGE" ] &&
	   [ "$(fingerprint)" = "$(cat "$BUILD/.ramster-built" 2>/dev/null)" ]; then
		touch "$BUILD/.ramster-built"
		return
	fi
	seed_build
	total=0
	[ -d "$BUILD" ] ||
		total=$(cat "$lines" 2>/dev/null || echo 2000)
	mkdir -p "$BUILD"
	configure
	fingerprint >"$BUILD/.ramster-building"
	say "building ${BUILD##*/}$([ "$total" = 0 ] || echo ' from nothing, 5 to 10 minutes on two cores')"
	# a driver that is a module is not in the image
	grep -q '^CONFIG_ZCACHE=m' "$BUILD/.config" && targets+=(modules)
	n=$(make -C "$TREE" O="$BUILD" -j"$JOBS" "${targets[@]}" \
		KBUILD_BUILD_USER=ramster KBUILD_BUILD_HOST=ramster \
		2>&1 </dev/null | tee "$log" | progress "$total") || {
		grep -E 'error:|Error [0-9]|undefined reference|\*\*\*' "$log" |
			head -n 30 >&2
		die "the kernel did not build; all of it is in $log"
	}
	[ -e "$IMAGE" ] || die "make said nothing but there is no $IMAGE"
	[ "$total" = 0 ] || echo "$n" >"$lines"
	mv "$BUILD/.ramster-building" "$BUILD/.ramster-built"
}

need_packages_for kernel
if [ -n "$MUTATE" ]; then
	MUTATE=$(realpath "$MUTATE")
	# the build to start from
	"$RAMSTER_TOP/tools/kernel.sh" --config "$CONFIG" \
		${EXPECT_MISSING:+--expect-missing} >/dev/null || exit 1
fi
get_pristine
make_tree
case $STOP in
source)
	echo "$TREE"
	exit 0 ;;
run)
	# what is run there builds a user-mode Linux, mostly
	CONFIG=kunit
	BUILD=$TREE/build-$CONFIG
	lock "$TREE.build-$CONFIG.lock"
	seed_build
	(cd "$TREE" && "${RUN[@]}")
	status=$?
	[ ! -e "$BUILD/linux" ] || touch "$BUILD/.ramster-built"
	exit $status ;;
esac
[ -z "$MUTATE" ] || mutate_tree
BUILD=$TREE/build-$CONFIG
lock "$TREE.build-$CONFIG.lock"
if [ "$STOP" = prepare ]; then
	mkdir -p "$BUILD"
	configure
	say "preparing ${BUILD##*/}"
	make -C "$TREE" O="$BUILD" -j"$JOBS" prepare >"$BUILD/.ramster-log" \
		2>&1 </dev/null || {
		tail -n 20 "$BUILD/.ramster-log" >&2
		die "make prepare failed"
	}
	echo "$BUILD"
	exit
fi
build
[ -e "$IMAGE" ] || die "no $IMAGE"
prune_trees
say "kernel is ready: ${BUILD#"$RAMSTER_CACHE"/}"
echo "$IMAGE"

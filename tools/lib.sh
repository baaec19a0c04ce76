# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the scripts of this directory share: messages, packages, the cache.
# Sourced, never run.

# shellcheck disable=SC2034 # used by those who source this
RAMSTER_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

if [ -z "${RAMSTER_CACHE:-}" ]; then
	if [ "$(id -u)" = 0 ]; then
		RAMSTER_CACHE=/var/cache/ramster
	else
		RAMSTER_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/ramster
	fi
fi
mkdir -p "$RAMSTER_CACHE" || exit 1
RAMSTER_CACHE=$(cd "$RAMSTER_CACHE" && pwd -P)
export RAMSTER_CACHE

# say TEXT: one line of progress, on stderr so that stdout stays for results.
say() {
	printf '[%s] %s\n' "$(hms "$SECONDS")" "$*" >&2
}

# die TEXT: why this cannot go on.
die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# hms SECONDS: as m:ss
hms() {
	printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# short_hash: of what comes in on stdin, short enough for a file name.
short_hash() {
	sha256sum | cut -c1-10
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -n "$@" || die "needs root for: $*"
	else
		die "needs root for: $*"
	fi
}

have_packages() {
	local p

	for p in "$@"; do
		dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null |
			grep -q 'ok installed' || return 1
	done
}

APT_UPDATED=
apt_update() {
	[ -z "$APT_UPDATED" ] || return 0
	say "apt-get update"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >&2 </dev/null ||
		die "apt-get update failed; see above"
	APT_UPDATED=1
}

# need_packages NAME...: install from Debian those that are missing.
need_packages() {
	local p missing=()

	command -v dpkg-query >/dev/null || {
		say "no dpkg here: taking for granted the likes of $*"
		return 0
	}
	for p in "$@"; do
		have_packages "$p" || missing+=("$p")
	done
	[ ${#missing[@]} != 0 ] || return 0
	apt_update
	say "installing ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		--no-install-recommends install "${missing[@]}" >&2 </dev/null ||
		die "could not install: ${missing[*]}"
}

# Packages by purpose; one place for all of them, used by "make deps".
PKGS_KERNEL="build-essential flex bison bc libelf-dev libssl-dev python3-minimal
	python3 perl kmod cpio rsync xz-utils lz4 patch"
PKGS_QEMU="qemu-system-x86 busybox-static cpio gzip gcc libc6-dev iproute2
	procps"
PKGS_STATIC="sparse shellcheck git perl python3 systemd busybox-static dash"
PKGS_DOCS="python3-sphinx perl"
PKGS_FUZZ="clang libclang-rt-dev gcc libc6-dev"
PKGS_MODEL="spin gcc libc6-dev"
PKGS_COVERAGE="gcovr"
PKGS_BENCH="nbd-server gnuplot-nox e2fsprogs python3-minimal"
PKGS_FILESYSTEMS="e2fsprogs xfsprogs btrfs-progs squashfs-tools erofs-utils"

need_packages_for() {
	local what

	for what in "$@"; do
		# shellcheck disable=SC2086 # lists of words
		case $what in
		kernel) need_packages $PKGS_KERNEL ;;
		qemu)	need_packages $PKGS_QEMU ;;
		static)	need_packages $PKGS_STATIC ;;
		docs)	need_packages $PKGS_DOCS ;;
		fuzz)	need_packages $PKGS_FUZZ ;;
		model)	need_packages $PKGS_MODEL ;;
		coverage) need_packages $PKGS_COVERAGE ;;
		bench)	need_packages $PKGS_BENCH ;;
		filesystems) need_packages $PKGS_FILESYSTEMS ;;
		*)	die "no package list called $what" ;;
		esac
	done
}

# tsc_khz: what to tell guests; see tools/testing/host/tsckhz.c.
tsc_khz() {
	local prog=$RAMSTER_CACHE/tsckhz src=$RAMSTER_TOP/tools/testing/host/tsckhz.c

	grep -q constant_tsc /proc/cpuinfo || return 0
	[ "$prog" -nt "$src" ] || gcc -O2 -o "$prog" "$src"
	"$prog"
}

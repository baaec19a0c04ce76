#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packs what a test guest runs: Debian's static busybox, our static C programs
# and the scripts of guest/ (as /tests).  Prints the path of the archive, which
# is made again only when something in it has changed.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tools/lib.sh
. tools/lib.sh

need_packages_for qemu >&2

# static busybox, not the one that happens to be first in the path
busybox=
for b in /bin/busybox /usr/bin/busybox; do
	[ ! -x $b ] || ! "$b" true || busybox=$b
done
[ -n "$busybox" ] || die "no busybox; install busybox-static"

here=tools/testing
# each .c file here is a program, and so is each directory that has a main.c
programs=("$here"/*.c)
sources=("$here"/*.[ch] "$here"/guest/* ramster/r2wire*.h tools/ramster.sh
	tools/ramster/*)
for f in "$here"/*/main.c; do
	programs+=("${f%/main.c}")
	sources+=("${f%main.c}"*)
done
hash=$({ cat "$0" "$busybox"; for f in "${sources[@]}"; do
	[ ! -f "$f" ] || { echo "$f"; cat "$f"; }; done; } | short_hash)
out=$RAMSTER_CACHE/initramfs-$hash.cpio
if [ ! -s "$out" ]; then
	say "packing the initramfs"
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	r=$tmp/root
	mkdir -p "$r"/{bin,sbin,usr/bin,usr/sbin,dev,proc,sys,tmp,run,etc,tests,mnt}
	cp "$busybox" "$r/bin/busybox"
	for a in $("$busybox" --list); do
		[ "$a" = busybox ] || ln -s busybox "$r/bin/$a"
	done
	for f in "${programs[@]}"; do
		parts=("$f")
		[ ! -d "$f" ] || parts=("$f"/*.c)
		gcc -static -s -O2 -Wall -Wextra -pthread \
			-o "$r/bin/$(basename "$f" .c)" "${parts[@]}" >&2
	done
	cp "$here/guest/init" "$r/init"
	for f in "$here"/guest/*; do
		cp "$f" "$r/tests/"
	done
	cp tools/ramster.sh "$r/bin/ramster.sh"
	mkdir -p "$r/usr/lib/ramster"
	cp tools/ramster/*.sh "$r/usr/lib/ramster/"
	: >"$r/etc/fstab"
	chmod 755 "$r/init" "$r"/tests/*
	# an emulated guest takes longer to unpack an archive than to load one
	(cd "$r" && find . | sort | cpio -o -H newc -R 0:0 --quiet) >"$tmp/out"
	mv "$tmp/out" "$out"
	# the last few are enough
	find "$RAMSTER_CACHE" -maxdepth 1 -name 'initramfs-*' -mmin +1440 -delete
fi
echo "$out"

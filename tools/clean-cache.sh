#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Removes from the cache what our scripts put there, and nothing else.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh
cd "$RAMSTER_CACHE" || exit 1
for t in tree-* pristine-* initramfs-* logs package steps-* tsckhz *.lock; do
	[ -e "$t" ] || continue
	say "removing $t"
	rm -rf "$t"
done

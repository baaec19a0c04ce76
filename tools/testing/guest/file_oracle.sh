#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# file_oracle.sh TYPE DEV "OPTIONS" TEST...: the tests of ../file_oracle on a file
# system, with whatever is the backend of cleancache.  After it nothing of the
# file system is held by anybody.

. /tests/lib.sh

type=$1 dev=$2 options=$3
shift 3
list=/sys/module/cleancache/parameters/filesystems
torture=/sys/module/cleancache_torture/parameters

grep -qw "$type" $list || echo "$(cat $list) $type" >$list
# the memory limit does not throttle writers by itself
echo 4194304 >/proc/sys/vm/dirty_background_bytes
echo 8388608 >/proc/sys/vm/dirty_bytes
mkdir -p /mnt/fs
mount -t "$type" "$dev" /mnt/fs || fail "cannot mount $dev"
# shellcheck disable=SC2086 # a list of words
file_oracle -d "$dev" -t "$type" $options /mnt/fs "$@"
status=$?
umount /mnt/fs || fail "cannot unmount"
if [ -d $torture ] && [ "$(cat $torture/contract_errors)" != 0 ]; then
	fail "$(cat $torture/contract_errors) calls against the contract"
fi
exit $status

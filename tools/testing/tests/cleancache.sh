# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Of cleancache: what file systems give back when their clean pages went to a
# backend and came back.  See ../file_oracle for the tests.
# shellcheck disable=SC2034 # read by ../run
TOGETHER="file_oracle_ext4 file_oracle_xfs file_oracle_readonly file_oracle_btrfs"
TOGETHER+=" oracle_notices_cleancache_index oracle_notices_cleancache_number"
TOGETHER+=" oracle_notices_cleancache_gate"
TIMEOUT=600

# Two machines, and what they say to each other, are those of cluster.sh.
# shellcheck source=tools/testing/tests/cluster.sh
. "$RAMSTER_TOP/tools/testing/tests/cluster.sh"

# fs_image TYPE FILE [MKFS-OPTIONS]: a file system; with a file in it that the
# oracle knows, if it cannot be written to.
fs_image() {
	local type=$1 image=$2 mb=128
	shift 2

	need_packages_for filesystems
	case $type in
	squashfs|erofs)
		[ -d "$RUN/made" ] || {
			mkdir "$RUN/made"
			gcc -O2 -pthread -o "$RUN/oracle" \
				"$RAMSTER_TOP"/tools/testing/file_oracle/*.c
			"$RUN/oracle" -n 9 -M "$RUN/made/file"
		} ;;
	esac
	case $type in
	squashfs)
		mksquashfs "$RUN/made" "$image" -noappend -quiet -no-progress \
			"$@" >/dev/null
		return ;;
	erofs)
		mkfs.erofs -zlz4 "$@" "$image" "$RUN/made" >/dev/null 2>&1
		return ;;
	xfs)	mb=320 ;;
	btrfs)	mb=256 ;;
	esac
	truncate -s "${mb}M" "$image"
	"mkfs.$type" -q "$@" "$image" >/dev/null
}

# with_torture NAME [PARAMETER=VALUE...]: the backend that misbehaves.
with_torture() {
	local g=$1 p script='cd /sys/module/cleancache_torture/parameters'
	shift

	for p in "$@" register=1; do
		script+=" && echo ${p#*=} >${p%%=*}"
	done
	on "$g" "$script"
}

# oracle NAME TYPE DEV OPTIONS TEST...
oracle() {
	local g=$1
	shift

	ON_TIMEOUT=300 on "$g" "sh /tests/file_oracle.sh $1 $2 '$3' ${*:4}"
}

torture_off() {
	on "$1" 'echo 0 >/sys/module/cleancache_torture/parameters/register'
}

# ext4: pages that are refused, lost and late; blocks of a page, and smaller ones,
# where a page that was not read may yet be newer than what is cached of it.
test_file_oracle_ext4() {
	fs_image ext4 "$RUN/a.img"
	fs_image ext4 "$RUN/b.img" -b 1024
	boot one --mem 320 --image "$RUN/a.img" --image "$RUN/b.img"
	with_torture one pages=1500 refuse_percent=5 lose_percent=2 \
		lie_percent=20 delay_us=200
	oracle one ext4 /dev/vda "-H -s 5" reread random overwrite parallel \
		race_direct race_punch offline
	oracle one ext4 /dev/vdb "-s 4" random overwrite parallel
	torture_off one
	finish
}

# XFS: large folios.
test_file_oracle_xfs() {
	fs_image xfs "$RUN/a.img"
	boot one --mem 320 --image "$RUN/a.img"
	with_torture one pages=1500 refuse_percent=2 lose_percent=1 \
		lie_percent=10
	oracle one xfs /dev/vda "-H -s 5" reread random overwrite parallel \
		race_direct race_punch offline
	[ "$(counter one cleancache/large_gets)" -gt 100 ]
	torture_off one
	finish
}

# File systems that are compressed and cannot be written to, on the compressed
# store.
test_file_oracle_readonly() {
	every_checker
	fs_image squashfs "$RUN/a.img"
	fs_image erofs "$RUN/b.img"
	rm -rf "$RUN/made"
	boot one --mem 320 --image "$RUN/a.img" --image "$RUN/b.img" \
		--append "zcache nocleancacheignorenonactive"
	oracle one squashfs /dev/vda "-H -s 6" readonly
	oracle one erofs /dev/vdb "-H -s 6" readonly
	finish
}

# btrfs does not hold invalidate_lock while it frees blocks: see B.8 of the design.
# It is not on the list of those that are cached unless somebody asks for it.
test_file_oracle_btrfs() {
	fs_image btrfs "$RUN/a.img"
	boot one --mem 320 --image "$RUN/a.img"
	on one '! grep -w btrfs /sys/module/cleancache/parameters/filesystems'
	with_torture one pages=1500 refuse_percent=2 delay_us=200
	oracle one btrfs /dev/vda "-H -a 4096 -s 10" race_punch race_direct \
		random
	torture_off one
	finish
}

# The compressed store is the backend: local pages, and those of a peer. Right
# bytes without a read of the disk; and when the file system is unmounted, nothing
# is left of it, here or there.
test_file_oracle_remote() {
	local gets

	fs_image ext4 "$RUN/a.img"
	boot_start server --mem 512 --ip 10.0.0.1 --append ramster
	boot_start client --mem 256 --ip 10.0.0.2 --image "$RUN/a.img" \
		--append "ramster nocleancacheignorenonactive"
	boot_wait server client
	cluster_conf | put_file server /etc/ramster.conf
	cluster_conf | put_file client /etc/ramster.conf
	on server ramster.sh start
	on client ramster.sh -w 60 start
	on client 'echo 1 >/sys/kernel/mm/ramster/eph_remotify_enable'
	oracle client ext4 /dev/vda "-H -m 4 -n 5 -s 8" reread random parallel
	gets=$(counter client ramster/remote_eph_pages_succ_get)
	note "$gets pages came from the peer"
	[ "$gets" -gt 100 ] || fail "only $gets pages came from the peer"
	wait_on client 30 '. /tests/lib.sh; [ $(counter zcache/eph_zpages) = 0 ]'
	wait_on server 30 '. /tests/lib.sh; [ $(counter ramster/foreign_eph_pages) = 0 ]'
	finish
}

# oracle_notices WHAT TEST [PARAMETER=VALUE...]: a kernel that is broken; see
# mutations/hooks.patch.
# The oracle ends at what it notices, so the time that it is given is seldom used.
oracle_notices() {
	local what=$1 test=$2 image
	shift 2

	fs_image ext4 "$RUN/a.img"
	image=$(broken_kernel)
	RAMSTER_IMAGE=$image boot one --mem 320 \
		--image "$RUN/a.img" --append "cleancache.broken=$what"
	with_torture one pages=1500 "$@"
	sees_old_data "sh /tests/file_oracle.sh ext4 /dev/vda '-s 90' $test"
	kill_guest one
}

test_oracle_notices_cleancache_index() {
	oracle_notices index overwrite refuse_percent=50
}

test_oracle_notices_cleancache_number() {
	oracle_notices number random
}

test_oracle_notices_cleancache_gate() {
	oracle_notices gate race_direct
}

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Clusters of more than two nodes, and who sends to whom.
#
# Eight nodes in one kernel, in a network namespace each, every one of them
# client and server; ramster/torture.c is their load, and guest/mesh.sh what
# they are built and examined with:
#
#	one way   1 > 0                 chain  0 > 1 > 2 > 3
#	pair      0 <> 1                ring   0 > 1 > 2 > ... > 7 > 0
#	server    1, 2, ... > 0         mesh   all to all, by turns
#
# After each: pages have really moved; what a node holds is what others believe
# it to hold; no page is lost or wrong; and when all are forgotten nothing is
# held anywhere.  And then with three kernels of their own, and real swap.

# shellcheck source=tools/testing/nodes.sh
. tools/testing/nodes.sh

SECS=3		# of work in each topology

# topology NAME A>B...
topology() {
	local name=$1 begin=$SECONDS
	shift
	note "$name"
	in_mesh "mesh_topology 8 $SECS$(printf " '%s'" "$@")"
	note "took $((SECONDS - begin)) s"
}

# Two nodes whose sockets have less room than one message takes, both with all
# their batches under way: whoever waited for the other would wait for ever.
# Regression: 3.4.1, each of two nodes waited for the other to receive.
small_buffers() {
	local begin=$SECONDS

	note "pair with small socket buffers"
	in_mesh "mesh_stop 0 1; mesh_buffers 4096; mesh_start 8 0 1; mesh_up 8 0 1"
	in_mesh "mesh_topology 8 $SECS '0>1' '1>0'"
	in_mesh "mesh_stop 0 1; mesh_buffers 131072; mesh_start 8 0 1; mesh_up 8 0 1"
	note "took $((SECONDS - begin)) s"
}

# A node that lends, sends, and has no page of its own: nothing arrives at its
# target, however many pages of others it holds.
# Regression: 3.1.7, pages held for others were sent on as this node's own.
own_pages_only() {
	local begin=$SECONDS

	note "own pages only"
	in_mesh "mesh_own_pages_only"
	note "took $((SECONDS - begin)) s"
}

# Eight nodes: whoever sends to whom, it works, and own pages only are sent.
test_topologies() {
	boot_mesh 8
	in_mesh "mesh_one_connection 8"
	own_pages_only
	topology "one way" "1>0"
	topology "pair" "0>1" "1>0"
	topology "server of two" "1>0" "2>0"
	topology "server of seven" "1>0" "2>0" "3>0" "4>0" "5>0" "6>0" "7>0"
	topology "chain" "0>1" "1>2" "2>3"
	topology "ring" "0>1" "1>2" "2>3" "3>4" "4>5" "5>6" "6>7" "7>0"
	topology "mesh" "0>*" "1>*" "2>*" "3>*" "4>*" "5>*" "6>*" "7>*"
	in_mesh "mesh_all_links 8; mesh_one_connection 8"
	small_buffers
	finish
}


# Three kernels under real swap: a server of two clients, whose pages have the
# same names; then a chain, in which the middle one has pages of another and its
# own pages away.
test_three_kernels() {
	boot_nodes a b c
	send_to b 0
	send_to c 0
	loads_start 4 b c
	stages write b c
	stages pageout b c
	accounts a b c
	moved b c
	stages read=20 b c
	send_to c 1
	stages rewrite=60 b c
	stages pageout b c
	accounts a b c
	held_by b 300
	stages read b c
	loads_end b c
	finish
}

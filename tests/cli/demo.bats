#!/usr/bin/env bats
# `make demo`'s demonstration: it runs to its end and shows what it claims.

load ../lib/helpers

@test "the demonstration shows produce, tail, consume, a group that resumes, and what is left" {
	status=0
	MQTK=$MQTK "$root/scripts/demo.sh" >out 2>err || status=$?
	mq_result
	expect_status 0
	grep -qF '$ mqtk produce -J local/orders orders.jsonl' out
	# The copy is made without a loss: two streams of twenty.
	grep -qE '^copy +1 .* 20 ' out
	grep -qE '^orders +1 .* 20 ' out
	# Five, then the next five; ten are left.
	grep -qE '^4 [a-z]+ \{"order":1005,' out
	grep -qE '^9 [a-z]+ \{"order":1010,' out
	[ "$(grep -cE '^10 [a-z]+ \{' out)" -eq 0 ]
	grep -qE '^billing +0 +10 +10 ' out
}

@test "the demonstration leaves nothing behind and does not touch the caller's store" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	MQTK_BROKER=kafka://127.0.0.1:1 MQTK=$MQTK "$root/scripts/demo.sh" >out 2>err
	[ -z "$(ls -A "$TMPDIR")" ]
	[ -z "$(ls -A "$XDG_DATA_HOME")" ]
}

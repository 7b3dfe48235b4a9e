#!/usr/bin/env bats
# Groups on Kafka that are killed and shared, and whose commits are refused: the union of what their members
# printed is complete.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() { end_faults; }

@test "kill -9 at 24 random moments: nothing is lost" {
	real_topic 3
	n=250000 rounds=24 seed=${MQTK_TEST_SEED:-$RANDOM} middle=0
	echo "seed $seed (set MQTK_TEST_SEED to repeat it)"
	RANDOM=$seed
	mq produce "$address" < <(seq -f %09.0f "$n")
	for round in $(seq $rounds); do
		slow consume --group g "${small[@]}" "${session[@]}" -X group.instance.id=one \
			--commit-interval 1ms "$address"
		# It has written this much, and is held up by the pipe or on its way when it is killed.
		timeout 30 head -c $((RANDOM % 20000 + 1)) <&6 >"got.$round"
		kill -9 "$pid"
		wait "$pid" || :
		cat <&6 >>"got.$round" # what write() had accepted
		exec 6<&-
		printed=$(wc -l <"got.$round")
		echo "round $round: $printed"
		((middle += printed > 0 && printed < n))
	done
	# The kills were in the middle, and something was left to be done.
	((middle >= rounds / 2))
	left=$(numbers got.* | sort -u | wc -l)
	((left < n))
	mq_within 60 consume -e --group g "${session[@]}" -X group.instance.id=one "$address"
	expect_status 0
	complete "$n" got.* "$OUT"
	# And most of it came once: it is committed what was printed.
	(($(numbers got.* "$OUT" | wc -l) < n + rounds * 3 * 2000))
}

@test "members that come, go and are killed share the partitions: nothing is lost" {
	real_topic 4
	n=200000
	mq produce "$address" < <(seq -f %09.0f "$n")
	member() { # NAME
		background consume --group g "${small[@]}" "${session[@]}" --commit-interval 50ms -v \
			"$address" >"got.$1" 2>"err.$1"
	}
	member a
	a=$pid
	wait_until 30 file_has got.a 100000
	kill -STOP "$a" # so that the others come while there is something to share
	member b
	b=$pid
	member c
	c=$pid
	kill -CONT "$a"
	wait_until 60 grep -q "assigned" err.b
	wait_until 60 grep -q "assigned" err.c
	kill -9 "$c"
	kill -INT "$a"
	wait_for_end "$a" 30
	is "$status" 130
	member d
	# b and d read on until nothing comes any more.
	all_there() { [ "$(numbers got.* | sort -u | wc -l)" = "$n" ]; }
	wait_until 60 all_there || complete "$n" got.*
	kill -TERM "$b" "$pid"
	wait_for_end "$pid" 30
	is "$status" 143
	wait_for_end "$b" 30
	is "$status" 143
	complete "$n" got.*
	# What they left is settled.
	mq_within 30 consume -e --group g "$address"
	expect_status 0
	is "$out" ""
}

@test "a member leaves in the middle of a batch: the other goes on exactly there" {
	real_topic 1
	n=100000
	mq produce "$address" < <(seq -f %09.0f "$n")
	slow consume --group g "${session[@]}" --commit-interval 1h "$address"
	head -c 100000 <&6 >got.1
	kill -TERM "$pid"
	cat <&6 >>got.1
	exec 6<&-
	wait_for_end "$pid" 30
	is "$status" 143
	mq_within 30 consume -e --group g "$address"
	expect_status 0
	# Nothing twice: what it had written it committed before it left.
	cat got.1 "$OUT" | diff <(seq -f %09.0f "$n") -
}

@test "members that share partitions in another way: refused, with the setting that helps" {
	real_topic 1
	seq 5 | "$MQTK" produce -q "$address"
	background consume -u --group "$topic" -X partition.assignment.strategy=cooperative-sticky "$address" >got 2>&1
	wait_until 20 grep -qx 5 got
	mq_within 30 consume -e --group "$topic" "$address"
	expect_status 2
	has "$err" "share its partitions in another way"
	has "$err" "-X partition.assignment.strategy="
	mq_within 30 consume -e --group "$topic" -X partition.assignment.strategy=cooperative-sticky "$address"
	expect_status 0
}

@test "commits that are refused: said, or sent again; nothing is lost" {
	mock_up 1
	mock_topic
	n=20000
	mq produce "$address" < <(seq -f %09.0f "$n")
	# REBALANCE_IN_PROGRESS, NOT_COORDINATOR: each run prints what it has and ends well.
	for code in 27 16; do
		mock errors 8 "$code" "$code"
		mq_within 60 consume --group "g$code" --commit-interval 1ms "${session[@]}" -e "$address"
		expect_status 0
		diff <(seq -f %09.0f "$n") "$OUT"
	done
	# GROUP_AUTHORIZATION_FAILED, for ever: not allowed, and the next one begins where it was.
	mock errors 8 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30
	mq_within 60 consume --group gx --commit-interval 1ms "${session[@]}" -e "$address"
	expect_status 5
	cp "$OUT" got.1
	mq_within 60 consume --group gx "${session[@]}" -e "$address"
	[ "$status" = 0 ] || [ "$status" = 5 ]
	complete "$n" got.1 "$OUT"
}

@test "short writes and a group: byte-exact, and all of it is settled" {
	real_topic 1
	mq produce "$address" < <(seq -f %09.0f 3000)
	preload short_writes
	mq consume -q -e --group g "$address"
	expect_status 0
	# shellcheck disable=SC2034 # mq reads it
	mq_preload=""
	diff <(seq -f %09.0f 3000) "$OUT"
	mq_within 30 consume -q -e --group g "$address"
	is "$out" ""
}

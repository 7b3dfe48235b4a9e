#!/usr/bin/env bats
# Groups on Kafka that are slowed down or stopped: they lose their partitions, and nothing else.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() { end_faults; }

short=(-X session.timeout.ms=2000 -X heartbeat.interval.ms=300)

@test "an output that is blocked beyond max.poll.interval: said, and nothing is lost" {
	real_topic 2
	n=60000
	mq produce "$address" < <(seq -f %09.0f "$n")
	slow consume --group "$topic" "${small[@]}" "${short[@]}" -X max.poll.interval.ms=3000 \
		--commit-interval 10ms --idle-timeout 5s "$address"
	head -c 20000 <&6 >got.1
	# The pipe is full; the broker takes the partitions away, another member gets them.
	mq_within 60 consume --group "$topic" "${short[@]}" --idle-timeout 6s "$address"
	expect_status 0
	cp "$OUT" got.2
	[ -s got.2 ]
	cat <&6 >>got.1
	exec 6<&-
	wait_for_end "$pid" 60
	is "$status" 0
	has "$(cat "$ERR")" "max.poll.interval.ms"
	complete "$n" got.1 got.2
	mq_within 30 consume -e --group "$topic" "$address"
	is "$out" ""
}

@test "a member that stands still beyond its session goes on when it may" {
	real_topic 2
	n=100000
	mq produce "$address" < <(seq -f %09.0f "$n")
	slow consume --group "$topic" "${small[@]}" "${short[@]}" --commit-interval 10ms \
		--idle-timeout 5s "$address"
	head -c 20000 <&6 >got.1
	kill -STOP "$pid"
	mq_within 60 consume --group "$topic" "${short[@]}" --idle-timeout 15s -c 1000 "$address"
	expect_status 0
	cp "$OUT" got.2
	is "$(wc -l <got.2)" 1000
	kill -CONT "$pid"
	cat <&6 >>got.1
	exec 6<&-
	wait_for_end "$pid" 60
	is "$status" 0
	complete "$n" got.1 got.2
}

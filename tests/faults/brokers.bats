#!/usr/bin/env bats
# Kafka servers that die, return, or lose their answers while mqtk writes and reads. Each test has a
# cluster of its own, which is much for a small machine.
# run: alone
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() { end_faults; }

@test "a broker that dies twice and returns while records go out: none lost, none twice, in order" {
	# A node that was killed is let in again after this time-out.
	own_cluster --set broker.session.timeout.ms=3000 --set broker.heartbeat.interval.ms=500
	mq create "$address"
	expect_status 0
	mkfifo pipe
	exec 7<>pipe
	background produce -v --timeout 60s "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	background consume "$address" >got 2>consume.err 7>&-
	reader=$pid writer=${pids[-2]}
	for round in 0 1 2; do
		timeout 60 seq $((round * 30000 + 1)) $((round * 30000 + 20000)) >&7
		wait_until 40 has_number $((round * 30000 + 1000))
		if ((round < 2)); then
			kafka_kill "$own" 1
			timeout 60 seq $((round * 30000 + 20001)) $((round * 30000 + 30000)) >&7
			kafka_again "$own" 1 3>&- 7>&-
		fi
	done
	exec 7>&-
	wait_for_end "$writer" 60
	mq_result
	expect_status 0
	is "$out" ""
	has "$err" "80000 records confirmed"
	wait_until 40 has_number 80000
	kill -TERM "$reader"
	wait_for_end "$reader" 20
	expect_status 143
	# The reader went through both deaths as well.
	diff <(seq 80000) got
}
has_number() { grep -qx "$1" got; }

@test "answers that are lost after the append: nothing twice; one that never comes is no success" {
	proxied_cluster
	for after in 60 200 400; do
		topic=$(unique cut)
		address=kafka://$broker/$topic
		"$MQTK" create -q "kafka://$direct/$topic"
		mkfifo "pipe.$after"
		exec 7<>"pipe.$after"
		background produce -v --timeout 30s "$address" <"pipe.$after" >"$OUT" 2>"$ERR" 7>&-
		timeout 60 seq 1000 >&7
		wait_until 20 holds 1000
		# The answers to these are cut off after so many bytes; connections are made anew.
		rule "cut $after"
		timeout 60 seq 1001 20000 >&7
		exec 7>&-
		wait_for_end "$pid" 40
		mq_result
		expect_status 0
		rule pass
		has "$err" "20000 records confirmed"
		stored | diff <(seq 20000) -
	done
	# Requests go through, no answer ever comes.
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 4s --failed-to failed "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	timeout 60 seq 20001 20010 >&7
	wait_until 20 holds 20010
	rule hole
	timeout 60 seq 20011 20020 >&7
	exec 7>&-
	wait_for_end "$pid" 30
	mq_result
	expect_status 3
	rule pass
	is "$(jq -r .payload failed)" "$(seq 20011 20020)"
	has "$err" "10 of 20020 records failed" || has "$err" "10 of 20 records failed"
}

@test "one of three brokers dies: reading, writing and a group go on" {
	own_cluster --nodes 3
	mq create --partitions 3 --replicas 3 "$address"
	expect_status 0
	# A node hears of a new topic a little after the controller; whoever asks it does not notice.
	for i in 1 2 3 4 5 6; do
		mq create -q --partitions 3 --replicas 3 "$address-$i"
		expect_status 0
		for node in ${broker//,/ }; do
			mq produce "kafka://$node/$topic-$i" <<<"$i"
			expect_status 0
		done
	done
	mkfifo pipe
	exec 7<>pipe
	background produce -v --timeout 60s "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	writer=$pid
	background consume --group g -X session.timeout.ms=6000 --commit-interval 50ms "$address" \
		>got 2>consume.err 7>&-
	reader=$pid
	timeout 60 seq 20000 >&7
	wait_until 40 has_lines 10000
	kafka_kill "$own" 2
	timeout 60 seq 20001 40000 >&7
	exec 7>&-
	wait_for_end "$writer" 60
	mq_result
	expect_status 0
	has "$err" "40000 records confirmed"
	# With the node its group's coordinator may die, and then some come twice before the last one.
	wait_until 60 has_different 40000
	kill -TERM "$reader"
	wait_for_end "$reader" 20
	expect_status 143
	diff <(seq 40000) <(sort -nu got)
	mq_within 40 consume -e "$address"
	expect_status 0
	diff <(seq 40000) <(sort -n "$OUT")
}
has_lines() { [ "$(wc -l <got)" -ge "$1" ]; }
has_different() { [ "$(sort -u got | wc -l)" -ge "$1" ]; }

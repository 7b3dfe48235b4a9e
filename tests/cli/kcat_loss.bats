#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process
# Where kcat loses records or hangs, mqtk's kcat does not.

setup() {
	load kcat_helpers
	use_kafka
	pids=()
}

teardown() {
	for pid in "${pids[@]}"; do
		kill -9 "$pid" 2>/dev/null || :
	done
}

@test "kcat: one oversize record fails alone, the others are sent" {
	make_topic
	{
		printf 'a\nb\nc\n'
		head -c 2000000 /dev/zero | tr '\0' x
		printf '\nd\n'
	} >input
	run_kcat -P -t "$topic" <input
	is "$status" 1
	has "$err" "record 4"
	is "$(stored -t "$topic")" $'a\nb\nc\nd'
}

@test "kcat: a group killed in the middle of printing loses nothing" {
	n=300000 seed=$RANDOM
	echo "seed $seed"
	RANDOM=$seed
	make_topic
	seq -f %06.0f "$n" | "$MQTK" kcat -b "$broker" -P -t "$topic"
	mkfifo pipe
	for round in 1 2 3; do
		exec 5<>pipe
		exec 6<pipe
		in_background kcat -b "$broker" -G "$topic-g" -X auto.offset.reset=earliest \
			-X session.timeout.ms=6000 -X auto.commit.interval.ms=1 \
			"$topic" >pipe 2>"err.$round" 5>&- 6<&-
		exec 5>&-
		pids+=("$pid")
		# It has printed this much, and is held up by the full pipe when it is killed.
		head -c $((RANDOM * 6 + 300000)) <&6 >"got.$round"
		kill -9 "$pid"
		wait "$pid" || :
		cat <&6 >>"got.$round" # what write() had accepted
		exec 6<&-
	done
	run_kcat -G "$topic-g" -X auto.offset.reset=earliest -X session.timeout.ms=6000 \
		-e "$topic"
	is "$status" 0
	# A line that the kill cut is too short to count; it must have come again.
	is "$({ cat got.*; echo "$out"; } | grep -xE '[0-9]{6}' | sort -u | wc -l)" "$n"
}

@test "kcat: an idle producer ends at once at a signal" {
	make_topic
	for signal in INT TERM; do
		mkfifo "pipe.$signal"
		exec 7<>"pipe.$signal"
		in_background kcat -b "$broker" -P -t "$topic" <"pipe.$signal" 2>err 7>&-
		pids+=("$pid")
		before=$(end_of "$topic")
		echo one >&7
		wait_until 20 end_is "$topic" $((before + 1))
		kill "-$signal" "$pid"
		wait_for_end "$pid" 5
		exec 7>&-
		is "$status" 0
	done
}

@test "kcat: what was begun but not ended is not sent at a signal, and not exit 0" {
	make_topic
	mkfifo pipe
	exec 7<>pipe
	in_background kcat -b "$broker" -P -t "$topic" <pipe 2>err 7>&-
	pids+=("$pid")
	printf 'whole\nhalf' >&7
	wait_until 20 end_is "$topic" 1
	kill -INT "$pid"
	wait_for_end "$pid" 5
	exec 7>&-
	is "$status" 1
	has "$(cat err)" "unfinished record of 4 bytes"
	is "$(stored -t "$topic")" whole
}

@test "kcat: a consumer prints at once and ends at a signal with 0" {
	make_topic
	echo first | "$MQTK" kcat -b "$broker" -P -t "$topic"
	in_background kcat -b "$broker" -C -t "$topic" >got 2>err
	pids+=("$pid")
	wait_until 20 has_lines got 1
	echo second | "$MQTK" kcat -b "$broker" -P -t "$topic"
	wait_until 20 has_lines got 2
	kill -INT "$pid"
	wait_for_end "$pid" 10
	is "$status" 0
	is "$(cat got)" $'first\nsecond'
}

@test "kcat: brokers that are away for a while end neither producer nor consumer" {
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a broker of its own"
	# shellcheck source=tests/brokers/kafka.sh
	source "$root/tests/brokers/kafka.sh"
	name=away-$$
	kafka_start "$name" 3.9.1 --brief
	kafka_use "$name"
	broker=$KAFKA
	make_topic
	mkfifo pipe
	exec 7<>pipe
	in_background kcat -b "$broker" -P -t "$topic" <pipe 2>err.produce 7>&-
	pids+=("$pid")
	in_background kcat -b "$broker" -C -t "$topic" >got 2>err.consume 7>&-
	pids+=("$pid")
	echo before >&7
	wait_until 20 has_lines got 1
	kafka_kill "$name" 1
	echo meanwhile >&7
	kafka_again "$name" 1
	echo after >&7
	exec 7>&-
	wait_for_end "${pids[0]}" 60
	is "$status" 0
	wait_until 60 has_lines got 3
	is "$(cat got)" $'before\nmeanwhile\nafter'
	kill -INT "${pids[1]}"
	wait_for_end "${pids[1]}" 20
	is "$status" 0

	# A signal while records wait for a broker that is away: not all were confirmed, so not 0.
	mkfifo pipe2
	exec 7<>pipe2
	in_background kcat -b "$broker" -P -t "$topic" -m 5 <pipe2 2>err.lost 7>&-
	pids+=("$pid")
	echo one >&7
	wait_until 20 end_is "$topic" 4
	kafka_kill "$name" 1
	printf 'a\nb\nc\n' >&7
	wait_until 20 pipe_is_empty 7 # else they were never the program's
	exec 7>&-
	kill -INT "$pid"
	wait_for_end "$pid" 30
	is "$status" 1
	has "$(cat err.lost)" "stopped by a signal"
	kafka_stop "$name"
}

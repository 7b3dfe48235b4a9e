#!/usr/bin/env bats
# Producing to Kafka while something goes wrong: each record is confirmed or listed, none is stored
# twice, and the exit code tells.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() { end_faults; }

@test "three retriable errors: exit 0, nothing twice" {
	mock_up
	mock_topic
	seq 1000 >input
	# NOT_LEADER_FOR_PARTITION, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS
	mock errors 0 6 7 19
	mq produce -v "$address" <input
	expect_status 0
	is "$out" ""
	has "$err" "1000 records confirmed"
	stored >got
	diff input got
}

@test "an error after the append: stored, then sent again, and there once" {
	mock_up
	mock_topic
	seq 1000 >input
	# NOT_ENOUGH_REPLICAS_AFTER_APPEND
	mock errors 0 20 20
	mq produce "$address" <input
	expect_status 0
	stored >got
	diff input got
}

@test "not allowed to write: exit 5, every record is listed" {
	mock_up
	mock_topic
	seq 100 >input
	mock errors 0 29 # TOPIC_AUTHORIZATION_FAILED
	mq produce --failed-to failed "$address" <input
	expect_status 5
	is "$out" ""
	has "$err" "100 of 100 records failed"
	has "$err" "$topic"
	: >got
	accounted input got failed
	# They can be sent again.
	mq produce -J "$address" failed
	expect_status 0
	stored >got
	diff <(sort input) <(sort got)
}

@test "a real broker's rights: exit 5 for who may not, and the password shows nowhere" {
	requires_kafka
	real_topic
	sasl=(-X sasl.mechanism=SCRAM-SHA-256 -X security.protocol=sasl_plaintext)
	refused=kafka://alice:alice-secret@$KAFKA_SASL/$topic
	mq_within 20 produce "${sasl[@]}" --failed-to failed "$refused" < <(seq 10)
	expect_status 5
	is "$out" ""
	has_not "$err" alice-secret
	mq_within 20 consume -e "${sasl[@]}" "$refused"
	expect_status 5
	is "$out" ""
	mq_within 20 consume -e "${sasl[@]}" --group g "$refused"
	expect_status 5
	mq_within 20 produce "${sasl[@]}" "kafka://alice:wrong@$KAFKA_SASL/$topic" < <(seq 10)
	expect_status 5
	has_not "$err" "wrong@"
	mq_within 20 produce "${sasl[@]}" "kafka://admin:admin-secret@$KAFKA_SASL/$topic" < <(seq 10)
	expect_status 0
	is "$(stored)" "$(seq 10)"
}

@test "nobody at the port, no such host, all brokers down: exit 4 within the time-out" {
	SECONDS=0
	for where in 127.0.0.1:1 no-such-host.invalid; do
		mq_within 15 produce --timeout 2s "kafka://$where/t" < <(seq 10)
		expect_status 4
		is "$out" ""
		has "$err" "${where%%:*}"
		mq_within 15 consume -e --timeout 2s "kafka://$where/t"
		expect_status 4
		has "$err" "${where%%:*}"
	done
	mock_up 2
	mock create "$topic" 1 1
	mock down -1
	for command in "produce" "consume -e" "consume -e --group g" "tail -e" ls; do
		# shellcheck disable=SC2086 # words
		mq_within 15 $command --timeout 2s "kafka://$broker/${topic:+$([ "$command" = ls ] || echo "$topic")}" </dev/null
		expect_status 4
	done
	((SECONDS < 45))
}

@test "brokers that go down for good while producing: exit 3, each record is listed" {
	mock_up 1
	mock_topic
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 3s --failed-to failed "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	seq 500 >&7
	wait_until 20 holds 500
	mock down -1
	seq 501 1000 >&7
	exec 7>&-
	wait_for_end "$pid" 30
	mq_result
	expect_status 3
	is "$(jq -r .payload failed)" "$(seq 501 1000)"
	has "$err" "500 of 1000 records failed"
}

@test "an answer that never comes is no success: listed as perhaps stored" {
	mock_up 1
	mock_topic
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 3s --failed-to failed "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	seq 10 >&7
	wait_until 20 holds 10
	mock rtt -1 60000
	seq 11 20 >&7
	exec 7>&-
	wait_for_end "$pid" 30
	mq_result
	expect_status 3
	is "$(jq -r .payload failed)" "$(seq 11 20)"
	has "$err" "may have stored"
}

@test "an order that the broker refuses for good: exit 3, the lists are exact" {
	mock_up 1
	mock_topic
	mkfifo pipe
	exec 7<>pipe
	background produce --failed-to failed "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	seq 100 >&7
	wait_until 20 holds 100
	# OUT_OF_ORDER_SEQUENCE_NUMBER
	mock errors 0 45
	seq 101 200 >&7
	wait_until 20 grep -q "refuse\|failed" "$ERR"
	seq 201 300 >&7 || :
	exec 7>&-
	wait_for_end "$pid" 30
	mq_result
	expect_status 3
	stored >got
	[ "$(grep -cxE '[0-9]+' got)" -ge 100 ]
	# Confirmed are the first hundred; the others are listed, each once.
	is "$(jq -r .payload failed | sort -n | uniq -d)" ""
	is "$(head -1 <(jq -r .payload failed | sort -n))" 101
	read=$(jq -r .payload failed | sort -n | tail -1)
	is "$(jq -r .payload failed | sort -n)" "$(seq 101 "$read")"
	has "$err" "$((read - 100)) of $read records failed"
	is "$(sort got | uniq -d)" ""
}

@test "an unknown topic: exit 8 within seconds, and nothing is made" {
	real_topic
	SECONDS=0
	mq_within 15 produce "kafka://$broker/$topic-no" < <(seq 10)
	expect_status 8
	is "$out" ""
	has "$err" "$topic-no"
	((SECONDS < 6))
	mq ls -J "kafka://$broker/"
	is "$(grep -c "$topic-no" "$OUT")" 0
}

@test "records too large among good ones: exit 3, the others once, the large ones kept whole" {
	real_topic 2 --config max.message.bytes=20000
	"$BATS_TEST_DIRNAME/../../scripts/python.sh" - <<-'EOF'
	import json
	with open("input", "w") as f:
	    for i in range(3000):
	        large = i in (0, 700, 701, 2999)
	        record = {"key": "k%d" % i, "ts": 1700000000000 + i, "headers": [["i", str(i)], ["n", None]],
	                  "payload": ("%d-" % i) + ("x" * 30000 if large else "y" * 50)}
	        f.write(json.dumps(record) + "\n")
	EOF
	mq produce -J --failed-to failed "$address" input
	expect_status 3
	is "$out" ""
	has "$err" "4 of 3000 records failed"
	"$MQTK" consume -J -q -e "$address" >got
	fields='[.key,.ts,.headers,.payload]'
	cat got failed | jq -c "$fields" | sort | cmp - <(jq -c "$fields" input | sort)
	is "$(wc -l <failed)" 4
	mq produce -J "$address" < <(head -1 failed)
	expect_status 3
	has "$err" "max.message.bytes"
	# Where they fit they can be produced as they are.
	"$MQTK" create -q --config max.message.bytes=100000 "$address-roomy"
	mq produce -J "$address-roomy" failed
	expect_status 0
	"$MQTK" consume -J -q -e "$address-roomy" | jq -c "$fields" | sort | cmp - <(jq -c "$fields" failed | sort)
}

@test "a slow broker holds the input back: memory stays below 64 MB for 3 million records" {
	mock_up 1
	mock_topic
	mock rtt -1 100
	status=0
	seq -f '%099.0f' 3000000 | peak "$MQTK" produce -v "$address" >"$OUT" 2>"$ERR" || status=$?
	mq_result
	expect_status 0
	has "$err" "3000000 records confirmed"
	echo "$out kB"
	# A sanitizer keeps what was freed for a while.
	grep -q __asan_init "$MQTK" || ((out < 65536))
}

@test "a signal in the middle of the input: what was read is confirmed or listed, exactly" {
	mock_up 1
	mock_topic
	for signal in INT:130 TERM:143; do
		topic=$(unique signal)
		mock_topic
		mock rtt -1 50
		mkfifo "pipe.$signal"
		seq 20000000 >"pipe.$signal" 2>/dev/null 3>&- &
		pids+=($!)
		background produce --failed-to "failed.$signal" "$address" <"pipe.$signal" >"$OUT" 2>"$ERR"
		wait_until 20 holds 1000
		kill "-${signal%:*}" "$pid"
		wait_for_end "$pid" 20
		mq_result
		expect_status "${signal#*:}"
		mock rtt -1 0
		stored >got
		confirmed=$(number_confirmed "$ERR")
		is "$(wc -l <got)" "$confirmed"
		((confirmed > 1000 && confirmed < 20000000))
		is "$(sort got | uniq -d | head -1)" ""
		# The first so many, without a hole; behind them at most what the signal cut off.
		cmp got <(seq "$confirmed")
	done
}

@test "an input that cannot be read: exit 6, what came before is confirmed" {
	mock_up 1
	mock_topic
	seq 5 >some
	mq produce -l "$address" some . some
	expect_status 6
	is "$out" ""
	is "$(stored)" "$(seq 5; seq 5)"
	status=0
	"$MQTK" produce "$address" <. >"$OUT" 2>"$ERR" || status=$?
	mq_result
	expect_status 6
	status=0
	"$MQTK" produce "$address" <&- >"$OUT" 2>"$ERR" || status=$?
	mq_result
	expect_status 6
	is "$(stored | wc -l)" 10
}

@test "a program that stands still for longer than the time-out goes on" {
	real_topic
	mkfifo pipe
	exec 7<>pipe
	background produce --timeout 5s "$address" <pipe >"$OUT" 2>"$ERR" 7>&-
	seq 100 >&7
	wait_until 20 holds 100
	kill -STOP "$pid"
	seq 101 200 >&7
	exec 7>&-
	"$MQTK" consume -q --idle-timeout 6s --from end "$address" >/dev/null
	kill -CONT "$pid"
	wait_for_end "$pid" 30
	mq_result
	expect_status 0
	is "$(stored)" "$(seq 200)"
}

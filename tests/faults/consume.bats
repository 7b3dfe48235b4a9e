#!/usr/bin/env bats
# Reading Kafka while something goes wrong or is unusual: no silent gap, and every read ends.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() { end_faults; }

# delete_before OFFSET: the records of partition 0 before it are gone.
delete_before() {
	# shellcheck source=tests/brokers/kafka.sh
	source "$root/tests/brokers/kafka.sh"
	echo "{\"partitions\":[{\"topic\":\"$topic\",\"partition\":0,\"offset\":$1}],\"version\":1}" >delete.json
	kafka_tool kafka3 org.apache.kafka.tools.DeleteRecordsCommand --bootstrap-server "$broker" \
		--offset-json-file delete.json >delete.out 2>&1
}

@test "what retention has removed: the gap is named, reading goes on with the oldest" {
	real_topic
	mq produce "$address" < <(seq 0 99)
	mq_within 30 consume --group g -c 10 "$address"
	expect_status 0
	delete_before 60
	mq_within 20 consume -e -o 5 "$address"
	expect_status 0
	is "$out" "$(seq 60 99)"
	has "$err" "5..59 of ${topic}[0] are gone"
	# Nobody asked for those: no word.
	mq_within 20 consume -e "$address"
	is "$out" "$(seq 60 99)"
	has_not "$err" gone
	mq_within 30 consume -e --group g "$address"
	expect_status 0
	is "$out" "$(seq 60 99)"
	has "$err" "10..59 of ${topic}[0] are gone"
}

@test "what retention removes under a slow reader: the gap is named" {
	real_topic
	n=200000
	mq produce "$address" < <(seq -f %099.0f 0 $((n - 1)))
	mkfifo pipe
	exec 5<>pipe
	exec 6<pipe
	background consume -e -X queued.max.messages.kbytes=100 -X fetch.message.max.bytes=10000 \
		-X queued.min.messages=1 "$address" >pipe 2>"$ERR" 5>&- 6<&-
	exec 5>&-
	head -c 100000 <&6 >got
	delete_before 150000
	cat <&6 >>got
	exec 6<&-
	wait_for_end "$pid" 30
	expect_status 0
	has "$(cat "$ERR")" "are gone"
	gap=$(grep -oE '[0-9]+\.\.[0-9]+' "$ERR")
	is "${gap#*..}" 149999
	diff <(sed 's/^0*//; s/^$/0/' got) <(
		seq 0 $((${gap%..*} - 1))
		seq 150000 $((n - 1))
	)
}

@test "a position behind the end: the reader waits there, and shows what arrives from it on" {
	real_topic
	mq produce "$address" < <(seq 0 9)
	mq_within 20 consume -e -o 1000 "$address"
	expect_status 0
	is "$out" ""
	background consume -o 12 -c 3 "$address" >got 2>"$ERR"
	mq produce "$address" < <(seq 10 19)
	wait_for_end "$pid" 20
	is "$(cat got)" "$(seq 12 14)"
}

@test "a topic that is deleted while it is read: said, and the reader ends" {
	real_topic
	for group in "" "--group g"; do
		mq create --if-missing "$address"
		mq produce "$address" < <(seq 5)
		# shellcheck disable=SC2086 # words or nothing
		background consume $group "$address" >got 2>"$ERR"
		wait_until 30 file_has got 10
		mq delete --yes "$address"
		if [ -z "$group" ]; then
			wait_for_end "$pid" 40
			mq_result
			expect_status 8
			has "$err" "$topic is gone: deleted while it was read"
		else
			wait_until 40 grep -q "$topic" "$ERR"
			kill -TERM "$pid"
			wait_for_end "$pid" 20
			# 8 where the group was just giving it the topic that is no more.
			[ "$status" = 143 ] || [ "$status" = 8 ]
		fi
		wait_until 20 "$MQTK" create -q "$address" 2>/dev/null
	done
}

@test "aborted transactions are hidden, and no end is missed behind them" {
	real_topic
	mq produce "$address" < <(seq 3)
	mq produce -J --transactional "$address" < <(printf '{"payload":"x"}\n{"payload":"y"}\nbad\n')
	expect_status 7
	mq_within 20 consume -e "$address"
	expect_status 0
	is "$out" "$(seq 3)"
	mq_within 20 consume -e -X isolation.level=read_uncommitted "$address"
	has "$out" x
	mq_within 30 consume -e --group g "$address"
	expect_status 0
	is "$out" "$(seq 3)"
	mq produce --transactional "$address" < <(seq 4 6)
	expect_status 0
	mq_within 20 consume -e "$address"
	is "$out" "$(seq 6)"
	mq_within 30 consume -e --group g "$address"
	is "$out" "$(seq 4 6)"
	mq_within 20 consume -e -o -4 "$address"
	expect_status 0
	mq_within 20 tail -n 2 -e "$address"
	expect_status 0
}

@test "a transaction that is still open at the end of the topic does not hold -e up" {
	real_topic
	mq produce "$address" < <(seq 3)
	mkfifo pipe
	exec 7<>pipe
	background produce --transactional "$address" <pipe >/dev/null 2>produce.err 7>&-
	seq 4 6 >&7
	all_there() { [ "$(stored -X isolation.level=read_uncommitted | wc -l)" = 6 ]; }
	wait_until 20 all_there
	mq_within 20 consume -e "$address"
	expect_status 0
	is "$out" "$(seq 3)"
	mq_within 30 consume -e --group g "$address"
	expect_status 0
	is "$out" "$(seq 3)"
	exec 7>&-
	wait_for_end "$pid" 20
	expect_status 0
	mq_within 30 consume -e --group g "$address"
	is "$out" "$(seq 4 6)"
	mq_within 20 consume -e "$address"
	is "$out" "$(seq 6)"
}

@test "a compacted topic with holes, also at its end" {
	own_cluster --set log.cleaner.backoff.ms=100 --set log.cleaner.min.compaction.lag.ms=0
	mq create --config cleanup.policy=compact --config segment.bytes=50000 --config segment.ms=100 \
		--config min.cleanable.dirty.ratio=0.001 --config delete.retention.ms=0 "$address"
	expect_status 0
	for round in 1 2 3; do
		mq produce -K: "$address" < <(seq -f "%099.0f" 0 99 | sed "s/0*\(.*\)/k\1:$round-&/")
		expect_status 0
	done
	mq produce -K: -Z "$address" < <(seq 50 99 | sed 's/.*/k&:/')
	expect_status 0
	# The cleaner takes the oldest segments first. A hole stays once the values before the tombstones are
	# gone: what follows k0 to k49 then. It only looks at segments that are closed, and a new record
	# closes the last one.
	holes() {
		"$MQTK" produce -q -K: "$address" <<<"tick:1"
		"$MQTK" consume -q -J -e "$address" |
			jq -se 'all(.payload == null or (.key | test("^k[5-9][0-9]$") | not))' >/dev/null
	}
	wait_until 60 holes
	mq_within 20 consume -J -e "$address"
	expect_status 0
	is "$(jq -s 'map(.offset) | . == sort and (length < .[-1] - .[0])' "$OUT")" true
	mq_within 30 consume -e --group g "$address"
	expect_status 0
}

@test "the broker's own time is marked as such" {
	real_topic 1 --config message.timestamp.type=LogAppendTime
	mq produce --ts 1700000000000 "$address" <<<one
	expect_status 0
	mq consume -J -e "$address"
	is "$(jq -r .ts_type "$OUT")" append
	(($(jq -r .ts "$OUT") > 1750000000000))
	topic=$topic-b
	real_topic
	mq produce --ts 1700000000000 "$address" <<<one
	mq consume -J -e "$address"
	is "$(jq -c '[.ts_type,.ts]' "$OUT")" '["create",1700000000000]'
}

@test "brokers that vanish from under a reader and come back" {
	mock_up 1
	mock_topic
	mq produce "$address" < <(seq 5)
	background consume "$address" >got 2>"$ERR"
	wait_until 20 file_has got 10
	mock down -1
	wait_until 30 grep -q . "$ERR"
	mock up -1
	mq produce "$address" < <(seq 6 9)
	expect_status 0
	wait_until 30 file_has got 18
	kill -TERM "$pid"
	wait_for_end "$pid" 20
	expect_status 143
	is "$(cat got)" "$(seq 9)"
}

@test "fetches that fail are tried again: nothing is left out, nothing comes twice" {
	mock_up 1
	mock_topic
	mq produce "$address" < <(seq 10000)
	# NOT_LEADER_FOR_PARTITION, REQUEST_TIMED_OUT, KAFKA_STORAGE_ERROR, FENCED_LEADER_EPOCH
	for codes in "6 6 6" "7 7" "56 56" "74 74"; do
		# shellcheck disable=SC2086 # words
		mock errors 1 $codes
		mq_within 40 consume -e "$address"
		expect_status 0
		diff <(seq 10000) "$OUT"
	done
}

@test "| head -1: quiet, and only what was written is settled" {
	real_topic
	n=300000
	mq produce "$address" < <(seq -f %099.0f "$n")
	"$MQTK" consume --group g "$address" 2>"$ERR" | head -1 >first
	codes=("${PIPESTATUS[@]}")
	is "${codes[0]}" 0
	is "$(cat "$ERR")" ""
	is "$(sed 's/^0*//' first)" 1
	mq_within 60 consume -e --group g "$address"
	expect_status 0
	# What a pipe can hold is 1 MiB at most; the rest must come again, without a hole.
	begin=$(sed -n '1s/^0*//p' "$OUT")
	((begin <= 1048576 / 100 + 400))
	sed 's/^0*//' "$OUT" | diff - <(seq "$begin" "$n")
}

@test "a full disk with a group of three partitions: exit 6, nothing is committed beyond the file" {
	real_topic 3
	n=50000
	mq produce -K: "$address" < <(seq "$n" | sed 's/.*/&:&/')
	for blocks in 17 100 203; do
		status=0
		(
			ulimit -f "$blocks"
			exec "$MQTK" consume -J --group g -e "$address" >"part.$blocks" 2>"$ERR"
		) || status=$?
		mq_result
		expect_status 6
		is "$(stat -c %s "part.$blocks")" $((blocks * 1024))
	done
	mq_within 60 consume -J --group g -e "$address"
	expect_status 0
	# The line that the disk cut is no record.
	for blocks in 17 100 203; do
		grep '}$' "part.$blocks" | jq -r .payload
	done >parts
	jq -r .payload "$OUT" >>parts
	diff <(seq "$n") <(sort -nu parts)
	# What was on the disk does not come again, but for the line that was cut.
	(($(wc -l <parts) <= n + 3))
}

#!/usr/bin/env bats
# run: first
# replay when things go wrong: killed at any moment it loses nothing, and with --exactly-once nothing
# twice; a target that fails leaves the source as it was; what is gone is said.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

load faults

setup() {
	use_faults
	# What decides when a program is killed; given again, the same moments come again.
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
}
teardown() { end_faults; }

# moment LEAST MOST: sets moment to so many ms, in seconds.
moment() {
	printf -v moment '0.%03d' $(($1 + RANDOM % ($2 - $1)))
}

# killed TIMES LEAST MOST ARG…: replay, slowed down and killed at TIMES moments (of LEAST to MOST ms
# after its start), then once more to its end.
killed() {
	local times=$1 least=$2 most=$3 i code
	shift 3
	for ((i = 0; i < times; i++)); do
		background replay -q --rate 3000 "$@" 2>>"$ERR"
		moment "$least" "$most"
		wait_until_ended_or "$moment" "$pid" || :
		code=0
		{
			kill -9 "$pid" || :
			wait "$pid" || code=$?
		} 2>/dev/null
		[ "$code" -eq 137 ] || fail "ended with $code before it was killed: $(tail -3 "$ERR")"
	done
	mq_within 60 replay "$@"
	expect_status 0
}

# went_on N: the last of those runs had less to do than all N.
went_on() {
	[[ $err =~ ([0-9]+)\ messages ]]
	[ "${BASH_REMATCH[1]}" -lt "$1" ] || fail "the last run copied everything: nothing was remembered"
}

# wait_until_ended_or SECONDS PID
wait_until_ended_or() {
	timeout "$1" tail -q --pid="$2" -s 0.01 -f /dev/null
}

# source N ADDR [ARG…]: the numbers from 1 to N.
source_of() {
	seq -f %09.0f "$1" | "$MQTK" produce -q "${@:3}" "$2"
}

read_all() { # ADDR [ARG…]
	"$MQTK" consume -q -e "${@:2}" "$1"
}

holds_something() { # ADDR
	[ -n "$("$MQTK" consume -q -e -c 1 "$1" 2>/dev/null)" ]
}

progressed() { # JOURNAL LINES: it was written to by several of the runs
	[ "$(wc -l <"$1")" -ge "$2" ] || fail "the journal has $(wc -l <"$1") lines: nothing was remembered"
}

@test "killed 50 times with a journal, from and to the local store: nothing is missing" {
	source_of 100000 sqlite:a.db/t
	killed 50 60 400 --resume journal sqlite:a.db/t sqlite:b.db/t
	read_all sqlite:b.db/t >copies
	complete 100000 copies
	progressed journal 6
	mq replay --resume journal sqlite:a.db/t sqlite:b.db/t
	expect_status 0
	[[ $err == *"nothing to do"* ]]
	is "$(read_all sqlite:b.db/t | wc -l)" "$(wc -l <copies)"
}

@test "killed 50 times with a journal, from and to files: nothing is missing, every line is whole" {
	source_of 100000 sqlite:a.db/t
	killed 25 60 400 --resume journal sqlite:a.db/t backup.jsonl
	jq -r .payload backup.jsonl >copies
	complete 100000 copies
	progressed journal 4
	killed 25 60 400 --resume journal2 backup.jsonl sqlite:b.db/t
	read_all sqlite:b.db/t >copies
	complete 100000 copies
	progressed journal2 4
}

@test "killed 50 times with a journal, from and to Kafka: nothing is missing, the order is kept" {
	real_topic 3
	"$MQTK" create -q --partitions 3 "$address-copy"
	seq -f %09.0f 100000 | sed 's/.*/k&:&/' | "$MQTK" produce -q -K: "$address"
	killed 50 300 900 --resume journal "$address" "$address-copy"
	read_all "$address-copy" >copies
	complete 100000 copies
	progressed journal 6
	# The first of each number stand in their order in each partition.
	"$MQTK" consume -q -e -f '%p %s\n' "$address-copy" | awk '!seen[$0]++' | sort -s -n -k1,1 >firsts
	sort -n -k1,1 -k2,2 firsts | cmp - firsts
}

@test "killed 50 times with a journal, from and to Redis: nothing is missing" {
	requires_redis
	source_of 100000 "redis://$REDIS/$topic" --create
	killed 50 60 400 --create --resume journal "redis://$REDIS/$topic" "redis://$REDIS/$topic-copy"
	read_all "redis://$REDIS/$topic-copy" >copies
	complete 100000 copies
	progressed journal 6
}

@test "killed 50 times with a group, on the local store: nothing is missing" {
	source_of 100000 sqlite:a.db/t
	killed 50 100 900 --group g sqlite:a.db/t sqlite:b.db/t
	went_on 100000
	read_all sqlite:b.db/t >copies
	complete 100000 copies
	# It went on where the runs before it had been.
	[ "$(wc -l <copies)" -lt 300000 ] || fail "$(wc -l <copies) copies of 100000"
}

@test "killed 50 times with a group, on Kafka: nothing is missing" {
	real_topic
	"$MQTK" create -q --partitions 1 "$address-copy"
	source_of 200000 "$address"
	killed 50 600 999 -X src.group.instance.id=one -X src.session.timeout.ms=6000 --group "$topic" "$address" "$address-copy"
	went_on 200000
	read_all "$address-copy" >copies
	complete 200000 copies
}

@test "killed 50 times with --exactly-once: every message is there, and once" {
	real_topic 3
	"$MQTK" create -q --partitions 3 "$address-copy"
	seq -f %09.0f 200000 | sed 's/.*/k&:&/' | "$MQTK" produce -q -K: "$address"
	killed 50 500 999 --exactly-once --group "$topic" "$address" "$address-copy"
	went_on 200000
	read_all "$address-copy" -X isolation.level=read_committed >copies
	complete 200000 copies
	is "$(wc -l <copies)" 200000
	# The kills did strike transactions: what they aborted is there for those who ask for it.
	[ "$(read_all "$address-copy" -X isolation.level=read_uncommitted | wc -l)" -gt 200000 ]
}

@test "--exactly-once: a second run ends the first, and no message is there twice" {
	real_topic 2
	"$MQTK" create -q --partitions 2 "$address-copy"
	seq -f %09.0f 50000 | sed 's/.*/k&:&/' | "$MQTK" produce -q -K: "$address"
	background replay -J --rate 5000 --exactly-once --group "$topic" "$address" "$address-copy" >"$OUT" 2>"$ERR"
	wait_until 20 copied_some "$address-copy"
	first=$pid
	mq_within 60 replay -q --exactly-once --group "$topic" "$address" "$address-copy"
	expect_status 0
	wait_for_end "$first" 30
	expect_status 3
	read_all "$address-copy" >copies
	complete 50000 copies
	is "$(wc -l <copies)" 50000
	mq replay --exactly-once --group "$topic" "$address" sqlite:other.db/t
	expect_status 2
	[[ $err == *"--resume"* ]]
}

copied_some() { [ "$(read_all "$1" | wc -l)" -gt 0 ]; }

@test "two runs with one journal: the second is refused" {
	source_of 10000 sqlite:a.db/t
	background replay -q --rate 1000 --resume journal sqlite:a.db/t sqlite:b.db/t
	wait_until 10 test -s journal
	mq replay --resume journal sqlite:a.db/t sqlite:b.db/t
	expect_status 2
	[[ $err == *"another replay is using"* ]]
	kill -INT "$pid"
	wait_for_end "$pid" 10
	expect_signal 2
	mq replay -q --resume journal sqlite:a.db/t sqlite:b.db/t
	expect_status 0
	read_all sqlite:b.db/t >copies
	complete 10000 copies
	is "$(wc -l <copies)" 10000
}

@test "a journal of something else is refused; a last line that was cut short is ignored" {
	source_of 1000 sqlite:a.db/t
	mq replay -q --resume journal sqlite:a.db/t sqlite:b.db/t
	expect_status 0
	mq replay --resume journal sqlite:a.db/t sqlite:b.db/other
	expect_status 2
	[[ $err == *"other target"* ]]
	mq replay --resume journal --from 5 sqlite:a.db/t sqlite:b.db/t
	expect_status 2
	[[ $err == *"other options"* ]]
	mq replay --resume journal sqlite:a.db/other sqlite:b.db/t
	expect_status 2
	[[ $err == *"other sources"* ]]
	echo "hello" >notes
	mq replay --resume notes sqlite:a.db/t sqlite:b.db/t
	expect_status 2
	is "$(cat notes)" hello
	# What a kill in the middle of a line leaves.
	sed '$d' journal | sed '$d' >torn
	printf '{"at":[[0,50' >>torn
	mq replay -q --resume torn sqlite:a.db/t sqlite:c.db/t
	expect_status 2 # another target
	mq replay -q --resume torn sqlite:a.db/t sqlite:b.db/t
	expect_status 0
	is "$(read_all sqlite:b.db/t | wc -l)" 2000
	fits journal torn
}

@test "a signal: what was sent is confirmed, the report adds up, a journal goes on without duplicates" {
	source_of 20000 sqlite:a.db/t
	background replay -J --rate 5000 --resume journal sqlite:a.db/t sqlite:b.db/t >"$OUT" 2>"$ERR"
	wait_until 10 test -s journal
	wait_until 10 grep -q '"at"' journal
	kill -TERM "$pid"
	wait_for_end "$pid" 10
	expect_signal 15
	is "$(jq -c '[.ended, .failed, .read - .copied - .unsent]' "$OUT")" '["signal",0,0]'
	mq replay -q --resume journal sqlite:a.db/t sqlite:b.db/t
	expect_status 0
	read_all sqlite:b.db/t >copies
	complete 20000 copies
	is "$(wc -l <copies)" 20000
}

@test "the target dies in the middle: exit 3, every message is accounted for, nothing is settled" {
	own_cluster
	"$MQTK" create -q --partitions 1 "$address"
	source_of 100000 sqlite:a.db/t
	background replay -J --timeout 3s --rate 20000 --group g sqlite:a.db/t "$address" >"$OUT" 2>"$ERR"
	wait_until 20 holds 5000
	kafka_kill "$own" 1
	wait_for_end "$pid" 60
	expect_status 3
	is "$(jq -c '[.ended, .read - .copied - .failed - .unsent]' "$OUT")" '["failed",0]'
	copied=$(jq .copied "$OUT")
	kafka_again "$own" 1 3>&-
	[ "$(stored | wc -l)" -ge "$copied" ]
	mq_within 60 replay -q --group g sqlite:a.db/t "$address"
	expect_status 0
	stored >copies
	complete 100000 copies
}

@test "a message that is too large for the target ends it; --failed-to keeps it and goes on" {
	real_topic 1 --config max.message.bytes=5000
	printf '%s\n' one "$(head -c 20000 /dev/zero | tr '\0' x)" three | "$MQTK" produce -q local/a
	mq replay --resume journal local/a "$address"
	expect_status 3
	[[ $err == *"--failed-to"* ]]
	mq replay -J --resume journal --failed-to failed.jsonl local/a "$address"
	expect_status 3
	is "$(wc -l <failed.jsonl)" 1
	is "$(jq -c '[.copied + .earlier >= 2, .failed]' out)" '[true,1]'
	stored | sort -u | cmp - <(printf 'one\nthree\n')
	# It is done with: nothing is left.
	mq replay --resume journal --failed-to failed.jsonl local/a "$address"
	expect_status 0
	[[ $err == *"nothing to do"* ]]
}

@test "the source is truncated meanwhile: the gap is said with its number, exit 3" {
	source_of 20000 sqlite:a.db/t
	background replay -J --rate 2000 sqlite:a.db/t sqlite:b.db/t >"$OUT" 2>"$ERR"
	wait_until 10 test -s b.db
	"$MQTK" trim -q --yes --max-length 1000 sqlite:a.db/t
	wait_for_end "$pid" 30
	expect_status 3
	jq -e '.missed > 0 and .missed + .copied == 20000' "$OUT"
	grep -q "gone before they could be read" "$ERR"
	mq replay -J --from 0 sqlite:a.db/t sqlite:c.db/t
	expect_status 3
	is "$(jq -c '[.missed,.copied]' out)" '[19000,1000]'
}

@test "the disk of a target file is full: exit 6, and the file ends in a whole line" {
	source_of 20000 sqlite:a.db/t
	(
		ulimit -f 512
		code=0
		"$MQTK" replay -J --resume journal sqlite:a.db/t backup.jsonl >"$OUT" 2>"$ERR" || code=$?
		is "$code" 6
	)
	is "$(tail -c 1 backup.jsonl | od -An -c | tr -d ' ')" '\n' || [ ! -s backup.jsonl ]
	mq replay -q --resume journal sqlite:a.db/t backup.jsonl
	expect_status 0
	jq -r .payload backup.jsonl >copies
	complete 20000 copies
}

@test "a target file or store that is removed meanwhile: no success, and no finished journal" {
	source_of 10000 sqlite:a.db/t
	background replay -q --rate 3000 --resume journal sqlite:a.db/t backup.jsonl 2>"$ERR"
	wait_until 10 test -s backup.jsonl
	rm backup.jsonl
	wait_for_end "$pid" 30
	expect_status 6
	grep -q "backup.jsonl was removed" "$ERR"
	[ "$(grep -c finished journal)" -eq 0 ]
	background replay -q --rate 3000 sqlite:a.db/t sqlite:b.db/t 2>"$ERR"
	wait_until 10 holds_something sqlite:b.db/t
	rm b.db*
	wait_for_end "$pid" 30
	expect_status 3
	grep -q "b.db was removed" "$ERR"
}

@test "a queue is moved with --ack: what the target did not confirm stays in it" {
	requires_rabbitmq
	queue="amqp://guest:guest@$RABBITMQ/$topic"
	"$MQTK" create -q "$queue"
	source_of 5000 "$queue"
	mq replay -J "$queue" sqlite:copy.db/t
	expect_status 0
	is "$(read_all sqlite:copy.db/t | wc -l)" 5000
	mq replay -J --rate 5000 -c 2000 --ack "$queue" sqlite:moved.db/t
	expect_status 0
	mq replay --resume journal "$queue" sqlite:moved.db/t
	expect_status 2
	[[ $err == *"--ack"* ]]
	mq replay -q --ack "$queue" sqlite:moved.db/t
	expect_status 0
	read_all sqlite:moved.db/t >copies
	complete 5000 copies
	is "$(wc -l <copies)" 5000
	is "$(read_all "$queue" | wc -l)" 0
}

@test "a queue into itself ends" {
	requires_rabbitmq
	queue="amqp://guest:guest@$RABBITMQ/$topic"
	"$MQTK" create -q "$queue"
	source_of 500 "$queue"
	mq_within 30 replay -q "$queue" "$queue"
	expect_status 0
	is "$(read_all "$queue" | wc -l)" 1000
	mq_within 30 replay -q --ack "$queue" "$queue"
	expect_status 0
	is "$(read_all "$queue" | wc -l)" 1000
}

@test "a quorum queue is moved in parts, and into itself: once, over one connection" {
	requires_rabbitmq
	queue="amqp://guest:guest@$RABBITMQ/$topic"
	"$MQTK" create -q --type quorum "$queue"
	source_of 20000 "$queue"
	mq replay --rate 4000 --ack -c 5000 "$queue" sqlite:moved.db/t
	expect_status 0
	[[ $err != *"connecting again"* ]]
	mq_within 30 replay --ack "$queue" "$queue"
	expect_status 0
	[[ $err != *"connecting again"* ]]
	mq replay -q --ack "$queue" sqlite:moved.db/t
	expect_status 0
	read_all sqlite:moved.db/t >copies
	complete 20000 copies
	is "$(wc -l <copies)" 20000
}

@test "Kafka and Redis streams into themselves end" {
	real_topic 2
	requires_redis
	source_of 5000 "$address"
	mq_within 30 replay -q "$address" "$address"
	expect_status 0
	is "$(stored | wc -l)" 10000
	source_of 5000 "redis://$REDIS/$topic" --create
	mq_within 30 replay -q "redis://$REDIS/$topic" "redis://$REDIS/$topic"
	expect_status 0
	is "$(read_all "redis://$REDIS/$topic" | wc -l)" 10000
}

@test "partitions of a stream that has none are refused" {
	requires_redis
	source_of 5 "redis://$REDIS/$topic" --create
	for more in "" --dry-run; do
		# shellcheck disable=SC2086 # none or one
		mq replay -p 1 $more "redis://$REDIS/$topic" sqlite:copy.db/t --create
		expect_status 2
		[[ $err == *"-p; its streams have no partitions"* ]]
	done
}

@test "the last N, a time and one partition of Kafka; restore of many topics from one file" {
	real_topic 3
	for p in 0 1 2; do seq 10 | sed "s/^/$p-/" | "$MQTK" produce -q -p $p "$address"; done
	mq replay -q --from -2 "$address" local/last
	is "$(read_all local/last | sort | xargs)" "0-10 0-9 1-10 1-9 2-10 2-9"
	mq replay -q -p 1 --from 3 --to 5 "$address" local/part
	is "$(read_all local/part | xargs)" "1-4 1-5"
	"$MQTK" create -q "$address-other"
	seq 3 | "$MQTK" produce -q "$address-other"
	mq replay -q "kafka://$broker/^$topic.*" backup.jsonl
	expect_status 0
	is "$(wc -l <backup.jsonl)" 33
	mq replay -q --create backup.jsonl sqlite:restored.db/
	expect_status 0
	is "$(read_all "sqlite:restored.db/$topic-other" | xargs)" "1 2 3"
	is "$(read_all "sqlite:restored.db/$topic" | wc -l)" 30
}

@test "settings of two brokers: with src. and dst. for one side, without for whoever knows them" {
	real_topic
	requires_redis
	target="redis://$REDIS/$topic"
	seq 3 | "$MQTK" produce -q "$address"
	# Only Kafka has such a thing; Redis is not asked.
	mq replay -q --create -X client.id=nightly "$address" "$target"
	expect_status 0
	mq replay -q -X src.client.id=nightly "$address" "$target"
	expect_status 0
	mq replay -q -X dst.client.id=nightly "$address" "$target"
	expect_status 2
	[[ $err == *"client.id"* ]]
	mq replay -q -X src.fetch.wait.max.ms=nonsense "$address" "$target"
	expect_status 2
	# A user of the target alone.
	mq replay -q -X dst.password=wrong "$address" "$target"
	expect_status 5
	is "$(read_all "$target" | wc -l)" 6
}

@test "what is missing: a source, a target; another cluster for --exactly-once" {
	real_topic
	mq_within 20 replay -q "$address-none" "$address"
	expect_status 8
	mq_within 20 replay -q "$address" "$address-none"
	expect_status 8
	seq 3 | "$MQTK" produce -q "$address"
	mq replay -q --create "$address" "$address-made"
	expect_status 0
	is "$(read_all "$address-made" | xargs)" "1 2 3"
	mq_within 20 replay -q --timeout 2s "$address" kafka://127.0.0.1:1/t
	expect_status 4
	mock_up
	mock create other 1 1
	mq_within 20 replay -q --exactly-once --group g "kafka://$KAFKA/$topic" "kafka://$broker/other"
	expect_status 2
	[[ $err == *"different clusters"*"--resume"* ]]
}

@test "--dry-run of a group looks at its position and leaves it" {
	real_topic
	seq 10 | "$MQTK" produce -q "$address"
	mq consume -q -c 4 --group "$topic" "$address"
	mq replay --dry-run -J --group "$topic" "$address" "$address-none"
	expect_status 0
	is "$(jq .messages out)" 6
	mq replay --dry-run -J --group "$topic" "$address" "$address-none"
	is "$(jq .messages out)" 6
	mq group show -J "$address" "$topic"
	is "$(jq -c '[.. | .committed? // empty]' out)" "[4]"
}

@test "with a group on Redis: what was copied is settled, and a dry run counts only the rest" {
	requires_redis
	address="redis://$REDIS/$topic"
	seq 10 | "$MQTK" produce -q --create "$address"
	mq replay -q -c 6 --group g "$address" local/copy
	expect_status 0
	mq replay --dry-run -J --group g "$address" local/copy
	expect_status 0
	is "$(jq .messages out)" 4
	mq replay -q --group g "$address" local/copy
	expect_status 0
	is "$(read_all local/copy | xargs)" "1 2 3 4 5 6 7 8 9 10"
	mq replay --dry-run -J --group g "$address" local/copy
	is "$(jq .messages out)" 0
}

@test "with a group on Redis: what another member holds is said" {
	requires_redis
	address="redis://$REDIS/$topic"
	seq 10 | "$MQTK" produce -q --create "$address"
	redis-cli -p "${REDIS##*:}" xgroup create "$topic" g 0 >/dev/null
	redis-cli -p "${REDIS##*:}" xreadgroup group g dead count 3 streams "$topic" '>' >/dev/null
	mq replay -q --group g "$address" local/copy
	expect_status 0
	[[ $err == *"other members of group g hold 3 messages"* ]]
	mq group claim "$address" g --idle 0 --to heir
	mq replay -q --group g "$address" local/copy
	[[ $err == *"hold 3 messages"* ]]
	"$MQTK" consume -q --group g --consumer heir -e "$address" >/dev/null
	mq replay --group g "$address" local/copy
	[[ $err != *"other members"* ]]
	is "$(read_all local/copy | xargs)" "4 5 6 7 8 9 10"
}

@test "a source that is gone in the middle is not waited for without end" {
	own_cluster
	"$MQTK" create -q --partitions 1 "$address"
	source_of 300000 "$address"
	background replay -J --timeout 1s --rate 20000 "$address" sqlite:b.db/t >"$OUT" 2>"$ERR"
	wait_until 20 copied_some sqlite:b.db/t
	kafka_kill "$own" 1
	wait_for_end "$pid" 60
	expect_status 4
	is "$(jq -c '[.ended, .read - .copied]' "$OUT")" '["failed",0]'
}

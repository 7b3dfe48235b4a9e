#!/usr/bin/env bats
# Schemas on streams of real brokers: looking takes nothing, what is invalid goes where it should,
# and whatever is killed, nothing is lost and nothing invalid passes.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

load faults

setup() {
	use_faults
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
	echo '{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}' >n.json
}
teardown() { end_faults; }

# messages N: so many, of which every third is invalid.
messages() {
	seq "$1" | awk '{ print $1 % 3 ? "{\"n\":" $1 "}" : "{\"n\":\"" $1 "\"}" }'
}

# all_numbers [FILE…]: the n of each message, valid or not, sorted.
all_numbers() {
	grep -ho '"n":"*[0-9]*' "$@" | grep -o '[0-9]*$' | sort -n
}

# on_broker BROKER/ CREATE_ARG…: what holds everywhere.
on_broker() {
	local a=$1$topic d=$1$topic-dead
	shift
	# A look at a quorum queue needs to know how often it may be looked at.
	[[ $a != amqp:* ]] || a="$a?management=$RABBITMQ_MANAGEMENT" d="$d?management=$RABBITMQ_MANAGEMENT"
	mq create -q "$@" "$a"
	expect_status 0
	mq create -q "$@" "$d"
	expect_status 0
	rm -f kept.jsonl failed
	messages 30 >in
	"$MQTK" produce -q -H h=1 "$a" <in
	# Looking takes nothing, twice.
	for _ in 1 2; do
		mq schema validate --schema n.json "$a"
		expect_status 1
		[ "$(wc -l <out)" -eq 10 ]
		grep -q "^$topic.*: /n: type: " out
	done
	# Into a file, and from there where it can be mended; as dead letters into a stream.
	mq schema validate --schema n.json -q --reject-to kept.jsonl "$a"
	expect_status 1
	jq -es 'length == 10 and all(.[]; (.headers | map(.[0]) | index("h") != null) and
		(.headers | any(.[0] == "dlq-reason" and .[1] == "schema")))' kept.jsonl
	mq schema validate --schema n.json -q --reject-to "$d" "$a"
	expect_status 1
	mq dlq show -J "$d"
	jq -es --arg s "$topic" 'length == 10 and all(.[]; .origin_stream == $s and .reason == "schema"
		and .dialect == "mqtk" and (.error | startswith("/n: type: ")))' out
	mq schema validate --schema n.json --pass "$a"
	expect_status 1
	grep -v '"n":"' in | cmp - out
	# Only what is valid is sent.
	messages 6 | { status=0; "$MQTK" produce -q --schema n.json --failed-to failed "$a" >out 2>err || status=$?
		mq_result; expect_status 3; }
	[ "$(wc -l <failed)" -eq 2 ]
	mq consume -q -e "$a"
	[ "$(wc -l <out)" -eq 34 ]
	mq delete -q --yes "$a"
	mq delete -q --yes "$d"
}

@test "the local store" { on_broker "sqlite:$BATS_TEST_TMPDIR/s.db/"; }

@test "Kafka" {
	requires_kafka
	on_broker "kafka://$KAFKA/"
}

@test "RabbitMQ, classic and quorum queues" {
	requires_rabbitmq
	on_broker "amqp://$RABBITMQ/"
	on_broker "amqp://$RABBITMQ/" --type quorum
}

@test "Redis, whose positions are ids" {
	requires_redis
	on_broker "redis://$REDIS/"
	a=redis://$REDIS/$topic
	messages 3 | "$MQTK" produce -q --create "$a"
	mq schema validate --schema n.json -J "$a"
	fits schema-error
	jq -e '.id != null and .offset == null' out
	mq delete -q --yes "$a"
}

# killed ADDR DEAD HOW…: consume --schema --reject-to, killed at random moments until nothing is
# left; the union of what came out and what was put aside is complete, and parted rightly.
killed() {
	local a=$1 d=$2 n=3000 round pid
	shift 2
	messages "$n" | "$MQTK" produce -q "$a"
	: >passed
	for round in {1..12}; do
		"$MQTK" consume -q -e "$@" --schema n.json --reject-to "$d" "$a" >>passed 2>err 3>&- 4>&- &
		pid=$!
		sleep "0.0$((RANDOM % 90 + 10))"
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		# What was cut off is no line, and its message was not settled.
		[ -z "$(tail -c 1 passed)" ] || sed -i '$d' passed
	done
	# Members that were killed hold what they were given for a while.
	wait_until 60 finished "$a" "$d" "$@"
	! grep -q '"n":"' passed || fail "invalid ones passed"
	"$MQTK" dlq show -q -J "$d" | jq -r .message.payload >aside
	! grep -vq '"n":"' aside || fail "valid ones were put aside"
	all_numbers passed aside | uniq | cmp - <(seq "$n")
}

finished() {
	local a=$1 d=$2
	shift 2
	"$MQTK" consume -q -e "$@" --schema n.json --reject-to "$d" "$a" >>passed || return
	[ "$(all_numbers passed | uniq | wc -l)" -eq 2000 ] &&
		[ "$("$MQTK" dlq show -q -J "$d" | jq -r .message.payload | sort -u | wc -l)" -eq 1000 ]
}

@test "killed while it parts a stream: the local store" {
	s=sqlite:$BATS_TEST_TMPDIR/s.db/
	"$MQTK" create -q "$s$topic-dead"
	killed "$s$topic" "$s$topic-dead" --group g
}

@test "killed while it parts a stream: a queue of RabbitMQ, from which it is taken" {
	requires_rabbitmq
	for q in "$topic" "$topic-dead"; do
		"$MQTK" create -q "amqp://$RABBITMQ/$q"
	done
	killed "amqp://$RABBITMQ/$topic" "amqp://$RABBITMQ/$topic-dead" --ack
}

@test "killed while it parts a stream: a group of Redis" {
	requires_redis
	for q in "$topic" "$topic-dead"; do
		"$MQTK" create -q "redis://$REDIS/$q"
	done
	killed "redis://$REDIS/$topic" "redis://$REDIS/$topic-dead" --group g --consumer me
}

@test "a stream that takes no dead letter: exit 3, and the rest stays where it was" {
	requires_rabbitmq
	a=amqp://$RABBITMQ/$topic d=amqp://$RABBITMQ/$topic-dead
	"$MQTK" create -q "$a"
	"$MQTK" create -q --max-length 1 --config x-overflow=reject-publish "$d"
	messages 30 | "$MQTK" produce -q "$a"
	mq consume -q --ack -e --schema n.json --reject-to "$d" "$a"
	expect_status 3
	cp out passed
	! grep -q '"n":"' passed || fail "invalid ones passed"
	mq consume -q -e "$a"
	cp out left
	"$MQTK" consume -q -e "$d" >aside
	[ "$(wc -l <aside)" -eq 1 ]
	all_numbers passed left aside | uniq | cmp - <(seq 30)
	# The same as a filter: what comes after it is not read.
	status=0
	messages 30 | "$MQTK" schema validate --schema n.json --pass --reject-to "$d" >out 2>err || status=$?
	mq_result
	expect_status 3
	[[ $err == *"did not take an invalid message"* ]] || fail "$err"
	! grep -q '"n":"' out || fail "invalid ones passed"
	mq schema validate --schema n.json --reject-to "amqp://$RABBITMQ/$topic-none" "$a"
	expect_status 8
}

@test "--follow judges what comes until a signal" {
	requires_kafka
	a=kafka://$KAFKA/$topic
	"$MQTK" create -q "$a"
	"$MQTK" schema validate --follow --schema n.json "$a" >told 2>said 3>&- 4>&- &
	pid=$!
	pids+=("$pid")
	messages 3 | "$MQTK" produce -q "$a"
	wait_until 30 grep -q '@2: /n: type' told
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 130 ]
	grep -q '2 valid, 1 invalid' said
}

#!/usr/bin/env bats
# How far behind the consumers of RabbitMQ's queues are, compared with what the management API says;
# what is told without it; streams whose beginning was removed.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
	requires_rabbitmq
	queue=$(unique lag)
	address=$(at "$queue")
}
teardown() {
	end_faults
	"$MQTK" delete -q --yes "$address" >/dev/null 2>&1 || :
}

# at NAME: the address of a queue, or of the broker.
at() { echo "amqp://$RABBITMQ/$1?management=$RABBITMQ_MANAGEMENT"; }

sampled() { told "queues/%2F/$queue" | jq -e "$1" >/dev/null; }

# hold N: a consumer gets N messages and keeps them until the end of the test.
hold() {
	"$root/scripts/python.sh" --with pika - "$RABBITMQ" "$queue" "$1" >held 2>&1 3>&- 4>&- <<'PYTHON' &
import pika, sys
host, port = sys.argv[1].split(":")
channel = pika.BlockingConnection(pika.ConnectionParameters(host, int(port))).channel()
channel.basic_qos(prefetch_count=int(sys.argv[3]))
channel.basic_consume(sys.argv[2], lambda *delivery: print("got", flush=True), consumer_tag="holder")
channel.start_consuming()
PYTHON
	pids+=($!)
	wait_until 20 got "$1"
}
got() { [ "$(grep -c got held)" = "$1" ]; }

lag() {
	mq lag -J "$address"
	expect_status 0
}
# figures OF: those of one row.
figures() { jq -c "[.lag, .ready, .unacked, .consumers, .members]" <<<"$1"; }

# A program publishes all the time; both are asked until they agree, as the samples move on.
same_rates() {
	local theirs
	theirs=$(told "queues/%2F/$queue" | jq '.message_stats | [.publish_details.rate, .ack_details.rate // 0]' -c)
	lag
	[ "$(jq -c '[.rate_in, .rate_out]' <<<"$out")" = "$theirs" ] && [ "$theirs" != "[0,0]" ]
}

# --- figures ----------------------------------------------------------------------------------

@test "what was produced and taken just now is in the figures, for both kinds of queues" {
	for type in classic quorum; do
		"$MQTK" create -q --type "$type" "$address"
		seq 10 | "$MQTK" produce -q "$address"
		lag
		is "$type $(figures "$out")" "$type [10,10,0,0,0]"
		"$MQTK" consume -q --ack -c 4 "$address" >/dev/null
		lag
		is "$type $(figures "$out")" "$type [6,6,0,0,0]"
		is "$(jq -c '[.group, .partition, .committed, .end]' <<<"$out")" "[null,null,null,null]"
		"$MQTK" delete -q --yes "$address"
	done
}

@test "what just came into a quorum queue that is consumed waits, before the broker has counted it" {
	"$MQTK" create -q --type quorum "$address"
	seq 10 | "$MQTK" produce -q "$address"
	hold 1
	lag
	[ "$(jq .ready <<<"$out")" = 9 ]
	[ "$(jq .lag <<<"$out")" -ge 9 ]
	mq lag --max-lag 0 "$address"
	expect_status 1
}

@test "every figure of a queue that is consumed is the management API's" {
	for type in classic quorum; do
		"$MQTK" create -q --type "$type" "$address"
		seq 10 | "$MQTK" produce -q "$address"
		hold 3
		wait_until 40 sampled '.messages_unacknowledged == 3 and .consumers == 1 and (.consumer_details | length) == 1'
		lag
		is "$type $(figures "$out")" \
			"$type $(told "queues/%2F/$queue" | jq -c '[.messages, .messages_ready, .messages_unacknowledged, .consumers, (.consumer_details | length)]')"
		is "$type $(figures "$out")" "$type [10,7,3,1,1]"
		# Among all queues it is the same.
		mq lag -J "$(at '')"
		expect_status 0
		is "$(figures "$(jq -c --arg q "$queue" 'select(.stream == $q)' <<<"$out")")" "[10,7,3,1,1]"
		kill "${pids[-1]}"
		wait_until 20 sampled '.consumers == 0 and .messages_unacknowledged == 0'
		"$MQTK" delete -q --yes "$address"
	done
}

@test "rates are those of the management API" {
	"$MQTK" create -q "$address"
	background produce -q --rate 100 "$address" < <(seq 100000)
	wait_until 90 same_rates
}

@test "the age is that of the message in front" {
	"$MQTK" create -q "$address"
	echo old | "$MQTK" produce -q --ts 2026-01-02T03:04:05Z "$address"
	echo new | "$MQTK" produce -q "$address"
	wait_until 40 sampled '.head_message_timestamp == 1767323045'
	lag
	age=$(jq .age_ms <<<"$out")
	now=${EPOCHREALTIME/[.,]/}
	is "$(((${now%???} - age - 1767323045000) / 60000))" 0
	mq lag "$address" --max-age 1h
	expect_status 1
	mq lag --no-age -J "$address"
	is "$(jq .age_ms <<<"$out")" null
}

@test "a gate: nothing may wait, somebody has to read" {
	"$MQTK" create -q "$address"
	mq lag "$address" --max-lag 0
	expect_status 0
	mq lag "$address" --no-members
	expect_status 1
	echo one | "$MQTK" produce -q "$address"
	mq lag "$address" --max-lag 0
	expect_status 1
	hold 1
	mq lag "$address" --no-members
	expect_status 0
	# What is delivered and not acknowledged is not done with.
	mq lag "$address" --max-lag 0
	expect_status 1
}

# --- what there is not ------------------------------------------------------------------------

@test "without the management API: what AMQP tells, and what is unknown is not 0" {
	"$MQTK" create -q "$address"
	seq 3 | "$MQTK" produce -q "$address"
	hold 1
	address="amqp://$RABBITMQ/$queue?management=http://127.0.0.1:9"
	lag
	is "$(figures "$out")" "[null,2,null,1,1]"
	mq lag "$address"
	has "$out" "-X management=URL"
	mq lag "$address" --max-lag 100
	expect_status 3
	mq lag "${address/$queue/$queue-none}"
	expect_status 8
	mq lag "amqp://$RABBITMQ/?management=http://127.0.0.1:9"
	expect_status 4
	has "$err" "plugin rabbitmq_management"
}

@test "a queue has no groups: what to use instead is said" {
	"$MQTK" create -q "$address"
	mq lag "$address" billing
	expect_status 2
	has "$err" "queues have no groups"
	has "$err" "mqtk lag ADDR"
	mq group reset "$address" billing --to end --execute
	expect_status 2
	for sub in ls show; do
		mq group "$sub" "$address"
		expect_status 2
		has "$err" "RabbitMQ has no groups with positions"
		has "$err" "mqtk lag ${address%%\?*} shows"
	done
	mq lag "$(at "$queue-none")"
	expect_status 8
	has "$err" "there is no queue '$queue-none'"
}

# --- streams ----------------------------------------------------------------------------------

@test "a stream of which nobody stored an offset has an unknown lag, and is none of the queues" {
	"$MQTK" create -q --type stream "$address"
	seq 3 | "$MQTK" produce -q "$address"
	lag
	is "$(figures "$out")" "[null,null,null,0,0]"
	mq lag "$address"
	has "$out" "stored"
	mq lag -J "$(at '')"
	expect_status 0
	has_not "$out" "$queue"
}

@test "offsets of a stream that readers stored are its groups" {
	[ "${RABBITMQ_VERSION%%.*}" -ge 4 ] || skip "RabbitMQ $RABBITMQ_VERSION does not tell them"
	"$MQTK" create -q --type stream "$address"
	seq 100 | "$MQTK" produce -q "$address"
	stream=127.0.0.1:$(told overview | jq '.listeners[] | select(.protocol == "stream") | .port' | head -1)
	python3 "$root/tests/faults/store_offset.py" "$stream" "$queue" billing 39 audit 99
	lag
	is "$(jq -c '[.group, .committed, .end, .lag]' <<<"$out" | sort | paste -sd' ')" \
		'["audit",100,100,0] ["billing",40,100,60]'
	mq group ls -J "$(at '')"
	expect_status 0
	has "$out" '"group":"billing"'
	mq group show -J "$address" billing
	expect_status 0
	is "$(jq -c '.places[] | [.committed, .lag]' <<<"$out")" '[40,60]'
	mq consume "$address" --from 40 -c 1
	is "$out" 41
	mq lag "$address" billing --max-lag 59
	expect_status 1
	mq lag "$address" nobody
	expect_status 8
	mq lag -J "$(at '')"
	is "$(jq --arg q "$queue" 'select(.stream == $q) | .lag' <<<"$out" | sort -n | paste -sd' ')" "0 60"
}

@test "positions of a stream: begin, end, the last ones; a queue has none" {
	"$MQTK" create -q --type stream "$address"
	seq 0 9 | "$MQTK" produce -q "$address"
	for place in beginning=0 end=10 -3=7 @2001-01-01=0 @2101-01-01=10; do
		mq info -J "$address" --at "${place%=*}"
		expect_status 0
		is "$place $(jq .offset <<<"$out")" "$place ${place#*=}"
	done
	mq replay "$address" part.jsonl --from 4 --to 7
	expect_status 0
	is "$(jq -r .payload part.jsonl | paste -sd,)" 4,5,6
	"$MQTK" delete -q --yes "$address"
	"$MQTK" create -q "$address"
	echo one | "$MQTK" produce -q "$address"
	mq info -J "$address" --at end
	has "$err" "is a queue, which has no positions"
	mq replay "$address" queue.jsonl
	expect_status 0
	is "$(jq -r .payload queue.jsonl)" one
}

@test "a stream whose beginning was removed: what came and what was lost are all" {
	"$MQTK" create -q --type stream --max-bytes 40k --config x-stream-max-segment-size-bytes=10000 "$address"
	for _ in 1 2 3 4 5; do
		seq 10000 10999 | "$MQTK" produce -q "$address"
	done
	# What is too old goes when a segment is full.
	mq consume -e --from 0 -J "$address"
	expect_status 0
	first=$(head -1 <<<"$out" | jq .offset)
	[ "$first" -gt 0 ]
	has "$err" "offsets 0 to $((first - 1)) are gone; going on at $first"
	# Each segment begins with an offset that is no message.
	all=$(($(wc -l <<<"$out") + first))
	[ "$all" -ge 5000 ] && [ "$all" -le 5100 ]
	# Such gaps are no losses.
	mq consume -e --from "$first" "$address"
	expect_status 0
	has_not "$err" gone
	is "$(wc -l <<<"$out") $(tail -1 <<<"$out")" "$((all - first)) 10999"
	mq replay "$address" copy.jsonl --from 0
	expect_status 3
	has "$err" "$first messages of the range were gone"
}

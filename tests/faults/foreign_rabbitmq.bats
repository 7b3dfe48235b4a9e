#!/usr/bin/env bats
# Other clients and mqtk on the same queues: pika, and the amqp-tools. What one writes the other
# reads: bodies to the bit, properties, headers with their types.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
	requires_rabbitmq
	queue=$(unique foreign)
	address="amqp://$RABBITMQ/$queue?management=$RABBITMQ_MANAGEMENT"
	"$MQTK" create -q "$address"
}
teardown() { end_faults; }

client() { "$root/scripts/python.sh" --with pika "$BATS_TEST_DIRNAME/foreign_clients.py" "$1" "$RABBITMQ" "$2"; }
peer() { # amqp-get|amqp-publish ARG…
	local tool=$1
	shift
	"$tool" --server "${RABBITMQ%:*}" --port "${RABBITMQ#*:}" "$@"
}

@test "pika writes, mqtk reads and writes again, pika sees the same: every property, every type" {
	again="amqp://$RABBITMQ/$queue-again?management=$RABBITMQ_MANAGEMENT"
	"$MQTK" create -q "$again"
	client rabbit-write "$queue"
	mq consume -J -e "$address"
	expect_status 0
	is "$(wc -l <"$OUT")" 5
	is "$(jq -c 'select(.payload=="all") | [.message_id,.correlation_id,.content_type,.reply_to,.expiry_ms,.priority,.type,.app_id,.user_id,.ts]' "$OUT")" \
		'["m-1","c-1","text/plain","answers",600000,3,"order.paid","shop","guest",1700000000000]'
	is "$(jq -c 'select(.payload=="headers") | [.headers[]|select(.[0]=="text" or .[0]=="int" or .[0]=="none")]|sort' "$OUT")" \
		'[["int","5"],["none",null],["text","téxt"]]'
	cp "$OUT" in.jsonl
	mq produce -J "$again" in.jsonl
	expect_status 0
	client rabbit-read "$queue" >before
	client rabbit-read "$queue-again" >after
	is "$(wc -l <before)" 5
	# mqtk writes persistent messages unless told otherwise; the first two were not marked as such.
	diff <(sed 's/"delivery_mode": \["int", [12]\],\{0,1\} \{0,1\}//' before) \
		<(sed 's/"delivery_mode": \["int", [12]\],\{0,1\} \{0,1\}//' after)
}

@test "amqp-publish writes, mqtk reads; mqtk writes, amqp-get reads: the same bytes" {
	requires_peer amqp-publish
	"$root/scripts/python.sh" -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 40)' >body
	peer amqp-publish --routing-key "$queue" <body
	mq consume -e -D '' "$address"
	expect_status 0
	cmp body "$OUT"
	mq consume -e --ack -D '' "$address"
	expect_status 0
	cmp body "$OUT"
	mq produce "$address" body
	expect_status 0
	peer amqp-get --queue "$queue" >got
	cmp body got
	run peer amqp-get --queue "$queue"
	[ "$status" -ne 0 ] # nothing is left
}

@test "pika sees what mqtk says of a message" {
	mq produce -J "$address" <<-'EOF'
	{"key":"k","headers":[["a","1"],["b","2"]],"ts":1700000000123,"payload":"x","message_id":"m","priority":4,"expiry_ms":600000}
	EOF
	expect_status 0
	is "$(client rabbit-read "$queue" | jq -Sc '.[1]')" \
		'{"delivery_mode":["int",2],"expiration":["str","600000"],"headers":{"a":["str","1"],"b":["str","2"]},"message_id":["str","m"],"priority":["int",4],"timestamp":["int",1700000000]}'
}

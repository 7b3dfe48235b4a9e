#!/usr/bin/env bats
# Confluent's own Python serializers and a real registry: what they write is printed, what mqtk
# writes they read.
load ../lib/helpers
load ../lib/confluent

setup_file() {
	[ -n "${MQTK_TEST_REGISTRY:-}" ] || return 0
	confluent_python
}

setup() {
	common_setup
	requires_kafka
	requires_registry
	broker=kafka://$KAFKA
	topic=$(unique codec)
	export MQTK_REGISTRY=$REGISTRY MQTK_CONFIG=/dev/null
}

# python write|read KIND TOPIC N
python() {
	timeout 120 "$CONFLUENT_PYTHON" -W ignore "$root/tests/faults/codec_clients.py" \
		"$1" "$2" "$KAFKA" "$REGISTRY" "$3" "$4" 2>python.err || fail "$(cat python.err)"
}

# What the clients send as order N, as one line of JSON.
orders() {
	jq -cn --argjson n "$1" 'range($n) as $i | {id: $i,
		who: (if $i % 3 == 0 then null else "käufer \($i)" end),
		lines: [range($i % 4) as $k | {sku: "s\($k)", price: ($k + 0.5)}]}'
}

@test "Avro: written by Python, printed by --decode auto; and the other way" {
	mq create "$broker/$topic" --partitions 1
	python write avro "$topic" 100
	mq consume -e --decode auto,key=auto -J --bare-unions "$broker/$topic"
	expect_status 0
	cp out lines
	[ "$(jq -c .value lines)" = "$(orders 100)" ]
	[ "$(jq -c .key_value lines)" = "$(seq 0 99)" ]
	[ "$(jq -c '[has("payload"), has("key"), .value_schema_id > 0]' lines | sort -u)" = '[false,false,true]' ]
	# Encoded again by the subject's own schema, and by the id, it is the same bytes.
	mq create "$broker/$topic-2" --partitions 1
	mq produce -J --encode avro,key=avro --schema "registry:$topic-value" \
		--key-schema "registry:$topic-key" "$broker/$topic-2" <lines
	expect_status 0
	mq consume -e -f '%{key:hex} %{payload:hex}\n' "$broker/$topic"
	cp out bytes
	mq consume -e -f '%{key:hex} %{payload:hex}\n' "$broker/$topic-2"
	cmp out bytes
	# By the name of the stream.
	orders 5 >in
	mq produce --encode avro "$broker/$topic" <in
	expect_status 0
	python read avro "$topic" 105 >read.out
	[ "$(tail -5 read.out | jq -c .)" = "$(orders 5)" ]
	mq kcat -C -b "$KAFKA" -t "$topic" -e -o 1 -c 1 -J -s avro -r "$REGISTRY"
	expect_status 0
	[ "$(jq -c '[.key, .payload.who, .value_schema_id > 0]' <<<"$out")" = \
		'[1,{"string":"käufer 1"},true]' ]
}

@test "JSON Schema: written by Python, printed; and the other way" {
	mq create "$broker/$topic" --partitions 1
	python write json "$topic" 20
	mq consume -e --decode auto "$broker/$topic"
	expect_status 0
	[ "$(jq -c . out)" = "$(orders 20)" ]
	printf '{"id":7}\n{"id":"x"}\n' >in
	mq produce --encode auto "$broker/$topic" <in
	expect_status 3
	[[ $err == *"record 2 failed: value: /id: "* ]]
	python read json "$topic" 21 >read.out
	[ "$(tail -1 read.out)" = '{"id": 7}' ]
}

@test "Protobuf: written by Python, printed; and the other way" {
	local expected='{"who":"käufer 0","sums":["0","0"]}
{"who":"käufer 1","paid":true,"sums":["1","-1"]}'
	if ! mq_has_protobuf; then
		skip "this mqtk was built without libprotobuf"
	fi
	mq create "$broker/$topic" --partitions 1
	python write protobuf "$topic" 2
	mq consume -e --decode auto -J "$broker/$topic"
	expect_status 0
	[ "$(jq -c .value out)" = "$expected" ]
	jq -c .value out >in
	mq produce --encode protobuf --message shop.Order "$broker/$topic" <in
	expect_status 0
	mq consume -e -f '%{payload:hex}\n' "$broker/$topic"
	[ "$(head -2 out)" = "$(tail -2 out)" ]
	python read protobuf "$topic" 4 >read.out
	[ "$(tail -2 read.out | jq -c .)" = "$expected" ]
}

mq_has_protobuf() {
	echo 'syntax = "proto3"; message A { int32 a = 1; }' >a.proto
	mq schema show a.proto
	[[ $err != *"built without"* ]]
}

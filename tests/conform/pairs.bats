#!/usr/bin/env bats
# From each broker to each other one and back, by `consume -J A | produce -J B` alone: every field of
# the envelope that names the message itself is what it was. What two brokers cannot hold alike has to
# travel, and to come back.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

load ../lib/helpers
load varieties

setup() {
	variety_setup
	cat >in.jsonl <<-'EOF'
	{"key":"k1","headers":[["a","1"],["n",null],["e",""],["a","2"],["z",{"base64":"AP8="}]],"ts":1700000000001,"payload":"text \u00e9 \"quoted\"\n"}
	{"key":null,"headers":[],"ts":1700000000002,"payload":null}
	{"key":"","headers":[["b",""],["a",""]],"ts":1700000000003,"payload":""}
	{"key":{"base64":"/wA="},"headers":[],"ts":1700000000004,"payload":{"base64":"AAEC/w=="}}
	{"key":"p","headers":[],"ts":1700000000005,"payload":"x","message_id":"m-1","correlation_id":"c-1","content_type":"text/plain","content_encoding":"gzip","reply_to":"answers","expiry_ms":86400000,"priority":7,"type":"t","app_id":"app","user_id":"somebody"}
	{"key":null,"headers":[["n","42"],["t","true"],["s","42"]],"header_types":"ItS","ts":1700000000006,"payload":"typed"}
	{"key":"only","headers":[],"ts":1700000000008,"payload":null,"correlation_id":""}
	{"key":null,"headers":[],"ts":1700000000009,"payload":"{\"payload\":\"looks like one of ours\"}"}
	EOF
	# What is too long for AMQP's short strings.
	python3 -c 'import json
long = "k" * 300
print(json.dumps({"key": long, "headers": [["h" * 300, long], ["x" * 255, "v"]], "ts": 1700000000010,
                  "payload": "long", "message_id": long, "type": long}))' >>in.jsonl
}

# kept FILE: what is compared, in an order of its own.
kept() {
	jq -cS 'del(.stream,.partition,.offset,.id,.redelivered,.delivery_count,.exchange)' "$1" | sort
}

# moved FROM TO: everything in the stream FROM is produced to TO, and TO is printed to the file moved.
moved() {
	mq_limited 30 consume -q -J -e "$1"
	expect_status 0 || return
	mv "$OUT" from.jsonl
	mq produce -q -J "$2" <from.jsonl
	expect_status 0 || return
	mq_limited 30 consume -q -J -e "$2"
	expect_status 0 || return
	mv "$OUT" moved
}

# step NAME FROM TO: one more that does not come out as it went in is added to wrong, and shown.
step() {
	if ! moved "$2" "$3"; then
		wrong+=" $1"
	elif ! diff first <(kept moved) >differences; then
		wrong+=" $1"
		echo "$1:"
		grep '^[<>]' differences | cut -c1-200
	fi
}

# there_and_back VARIETY: to each other one and back to a stream of its own kind.
there_and_back() {
	local other a b c wrong=""
	for other in "$@" "${varieties[@]}"; do
		variety_requires "$other"
	done
	stream_of a "$1"
	mq produce -J "$a" in.jsonl
	expect_status 0
	mq consume -q -J -e "$a"
	kept "$OUT" >first
	# The first step already keeps what was given.
	diff <(jq -cS 'del(.header_types)' in.jsonl | sort) <(jq -cS 'del(.stream,.partition,.offset,.id,.ts_type,.redelivered,.delivery_count,.exchange,.header_types)' "$OUT" | sort) ||
		wrong+=" into-$1"
	for other in "${varieties[@]}"; do
		[ "$other" != "$1" ] || continue
		stream_of b "$other"
		stream_of c "$1"
		step "$1-$other" "$a" "$b"
		step "$1-$other-$1" "$b" "$c"
	done
	[ -z "$wrong" ] || fail "not the same:$wrong"
}

varieties=(local kafka rabbit-classic rabbit-quorum rabbit-stream redis redis-cluster)

@test "from the local store to every other broker and back" { there_and_back local; }
@test "from Kafka to every other broker and back" { there_and_back kafka; }
@test "from a classic queue to every other broker and back" { there_and_back rabbit-classic; }
@test "from a quorum queue to every other broker and back" { there_and_back rabbit-quorum; }
@test "from a RabbitMQ stream to every other broker and back" { there_and_back rabbit-stream; }
@test "from Redis to every other broker and back" { there_and_back redis; }
@test "from a Redis Cluster to every other broker and back" { there_and_back redis-cluster; }

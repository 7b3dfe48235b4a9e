#!/usr/bin/env bats
# replay from each broker to each other one, and through a file back: every field of the envelope that
# names the message itself is what it was, and where the source has positions a journal goes on.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

load ../lib/helpers
load varieties

setup() {
	variety_setup
	cat >in.jsonl <<-'EOT'
	{"key":"k1","headers":[["a","1"],["n",null],["e",""],["a","2"],["z",{"base64":"AP8="}]],"ts":1700000000001,"payload":"text \u00e9 \"quoted\"\n"}
	{"key":null,"headers":[],"ts":1700000000002,"payload":null}
	{"key":"","headers":[["b",""],["a",""]],"ts":1700000000003,"payload":""}
	{"key":{"base64":"/wA="},"headers":[],"ts":1700000000004,"payload":{"base64":"AAEC/w=="}}
	{"key":"p","headers":[],"ts":1700000000005,"payload":"x","message_id":"m-1","correlation_id":"c-1","content_type":"text/plain","content_encoding":"gzip","reply_to":"answers","expiry_ms":86400000,"priority":7,"type":"t","app_id":"app","user_id":"somebody"}
	{"key":null,"headers":[["n","42"],["t","true"],["s","42"]],"header_types":"ItS","ts":1700000000006,"payload":"typed"}
	{"key":"only","headers":[],"ts":1700000000008,"payload":null,"correlation_id":""}
	EOT
}

# kept FILE: what is compared, in an order of its own.
kept() {
	jq -cS 'del(.stream,.partition,.offset,.id,.ts_type,.redelivered,.delivery_count,.exchange)' "$1" | sort
}

# step NAME FROM TO FILE: replays, and what is in TO afterwards is what first holds.
step() {
	mq_limited 30 replay -q --no-provenance "$2" "$3"
	expect_status 0 || wrong+=" $1"
	if [[ $3 != *.jsonl ]]; then
		mq_limited 30 consume -q -J -e "$3"
		mv "$OUT" copies
	else
		cp "$3" copies
	fi
	if ! diff first <(kept copies) >differences; then
		wrong+=" $1"
		echo "$1:"
		grep '^[<>]' differences | cut -c1-200
	fi
}

to_all() { # VARIETY
	local other a b wrong=""
	for other in "$@" "${varieties[@]}"; do
		variety_requires "$other"
	done
	stream_of a "$1"
	mq produce -J "$a" in.jsonl
	expect_status 0
	mq consume -q -J -e "$a"
	kept "$OUT" >first
	for other in "${varieties[@]}"; do
		stream_of b "$other"
		step "$1-$other" "$a" "$b"
	done
	step "$1-file" "$a" backup.jsonl
	stream_of b "$1"
	step "file-$1" backup.jsonl "$b"
	[ -z "$wrong" ] || fail "not the same:$wrong"
}

# goes_on VARIETY: with a journal, in pieces of --count; each message once.
goes_on() {
	local a
	variety_requires "$1"
	stream_of a "$1"
	seq 100 | "$MQTK" produce -q "$a"
	mq replay -q --resume journal "$a" sqlite:whole.db/t
	expect_status 0
	mq replay -J --resume journal "$a" sqlite:whole.db/t
	expect_status 0
	[ "$(jq -r .ended "$OUT")" = nothing ]
	# What was written after the first run began is not of this replay.
	head -1 journal >again
	sed -n '/"at"/{p;q}' journal | sed 's/"done":[0-9]*/"done":0/' >>again
	seq 101 110 | "$MQTK" produce -q "$a"
	mq replay -q --from -5 "$a" sqlite:last.db/t
	expect_status 0
	[ "$("$MQTK" consume -q -e sqlite:last.db/t | xargs)" = "106 107 108 109 110" ]
	mq replay -J --resume again "$a" sqlite:whole.db/t
	expect_status 0
	[ "$(jq -c '[.read,.copied]' "$OUT")" = "[0,0]" ]
}

varieties=(local kafka rabbit-classic rabbit-quorum rabbit-stream redis redis-cluster)

@test "from the local store to every broker and a file" { to_all local; }
@test "from Kafka to every broker and a file" { to_all kafka; }
@test "from a classic queue to every broker and a file" { to_all rabbit-classic; }
@test "from a quorum queue to every broker and a file" { to_all rabbit-quorum; }
@test "from a RabbitMQ stream to every broker and a file" { to_all rabbit-stream; }
@test "from Redis to every broker and a file" { to_all redis; }
@test "from a Redis Cluster to every broker and a file" { to_all redis-cluster; }

@test "a journal goes on: the local store" { goes_on local; }
@test "a journal goes on: Kafka" { goes_on kafka; }
@test "a journal goes on: Redis" { goes_on redis; }
@test "a journal goes on: a Redis Cluster" { goes_on redis-cluster; }
@test "a journal goes on: a RabbitMQ stream" { goes_on rabbit-stream; }

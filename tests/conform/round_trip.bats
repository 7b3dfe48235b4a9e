#!/usr/bin/env bats
# From a pipe to Kafka, from Kafka to the local store, and out again: what arrives is what was sent.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load ../faults/faults
	use_faults
}
teardown() { end_faults; }

fields='[.key,.payload,.headers,.ts,.ts_type]'

round_trip() {
	printf 'k1:{"a":1}\nk2:\xff\x00\n' | "$MQTK" produce -K: "$address" &&
		"$MQTK" consume -J -e "$address" 2>>"$ERR" | "$MQTK" produce -J local/copy &&
		"$MQTK" consume -J -e local/copy >copy 2>>"$ERR"
	"$MQTK" consume -q -J -e "$address" | jq -c "$fields" | sort >there
	jq -c "$fields" copy | sort >here
	is "$(wc -l <here)" 2
	diff there here
	is "$(jq -c '[.key,.payload,.headers]' copy | sort)" '["k1","{\"a\":1}",[]]
["k2",{"base64":"/wA="},[]]'
	"$MQTK" consume -q -K: -e local/copy | sort | cmp - <(printf 'k1:{"a":1}\nk2:\xff\x00\n' | sort)
}

@test "there and back through a real Kafka" {
	real_topic
	round_trip
}

@test "there and back through the mock cluster" {
	mock_up
	mock_topic
	round_trip
}

@test "there and back with headers, nulls and times of its own, and back to Kafka" {
	mock_up
	mock_topic 2
	cat >in <<-'EOF'
	{"key":"k","ts":1700000000001,"headers":[["h","v"],["h",null],["b",{"base64":"AP8="}]],"payload":"x"}
	{"key":null,"ts":1700000000002,"headers":[],"payload":null}
	{"key":"","ts":1700000000003,"headers":[["e",""]],"payload":""}
	EOF
	mq produce -J "$address" in
	expect_status 0
	"$MQTK" consume -q -J -e "$address" | "$MQTK" produce -q -J local/copy
	topic=$topic-back
	mock_topic 2
	"$MQTK" consume -q -J -e local/copy | "$MQTK" produce -q -J "$address"
	"$MQTK" consume -q -J -e "$address" >out
	members='[.key,.ts,.headers,.payload]'
	diff <(jq -c "$members" in | sort) <(jq -c "$members" out | sort)
}

#!/usr/bin/env bats
# Other clients and mqtk on the same Redis streams: redis-cli and redis-py. What one writes the other
# reads, to the bit, whatever fields it has.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
	requires_redis
	key=$(unique foreign)
	address=redis://$REDIS/$key
}
teardown() { end_faults; }

client() { "$root/scripts/python.sh" --with redis "$BATS_TEST_DIRNAME/foreign_clients.py" "$1" "$REDIS" "$2"; }
cli() { redis-cli -h "${REDIS%:*}" -p "${REDIS#*:}" "$@"; }

@test "entries with any fields go through mqtk and come out as they were" {
	client redis-write "$key"
	mq consume -J -e "$address"
	expect_status 0
	is "$(wc -l <"$OUT")" 13
	cp "$OUT" in.jsonl
	mq produce -J --create "$address-again" in.jsonl
	expect_status 0
	client redis-read "$key" >before
	client redis-read "$key-again" >after
	# What is of our form gets the time that stands in the envelope, and nothing else.
	sed -i 's/, "6d71746b2d70726f70657274696573", "7b227473223a[0-9]*7d"//' after
	diff before after
	# And through another broker.
	"$MQTK" consume -q -J -e "$address" | "$MQTK" produce -q -J local/by-the-way
	"$MQTK" consume -q -J -e local/by-the-way | "$MQTK" produce -q -J --create "$address-back"
	client redis-read "$key-back" >back
	sed -i 's/, "6d71746b2d70726f70657274696573", "7b227473223a[0-9]*7d"//' back
	diff before back
}

@test "fields of others read as a JSON object, in their order" {
	cli xadd "$key" '*' temperature 19.8 sensor 1 note 'say "hi"' >/dev/null
	mq consume -e "$address"
	expect_status 0
	is "$(cat "$OUT")" '{"temperature":"19.8","sensor":"1","note":"say \"hi\""}'
}

@test "what mqtk writes, redis-cli and redis-py read: payload and key as fields of their own" {
	mq produce -K: --create "$address" < <(printf 'k1:v1\nk2:v 2\n')
	expect_status 0
	is "$(cli --raw xrange "$key" - + | grep -v -- '-[0-9]*$' | paste -sd,)" "payload,v1,key,k1,payload,v 2,key,k2"
	mq produce -D "\n--\n" --create "$address-bytes" < <(printf '\x00\xff\r\n\x80')
	expect_status 0
	is "$(client redis-read "$key-bytes")" '["7061796c6f6164", "00ff0d0a80"]'
}

@test "a group of redis-py's making is joined, and what mqtk settles is gone for the others" {
	for i in 1 2 3 4; do cli xadd "$key" '*' payload "m$i" >/dev/null; done
	cli xgroup create "$key" workers 0 >/dev/null
	cli xreadgroup group workers other count 1 streams "$key" '>' >/dev/null
	mq consume -e --group workers "$address"
	expect_status 0
	is "$(paste -sd' ' "$OUT")" "m2 m3 m4"
	is "$(cli --json xpending "$key" workers | jq -c '[.[0], .[3]]')" '[1,[["other","1"]]]'
}

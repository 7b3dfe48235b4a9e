#!/usr/bin/env bats
# Every JSON that mqtk prints is what schemas/ says, on the local store and on Kafka.

load ../lib/helpers

# fits_not SCHEMA LINE
fits_not() {
	printf '%s\n' "$2" >bad
	! fits "$1" bad || fail "schemas/$1.json takes $2"
}

# Whatever a message can hold.
write_messages() {
	cat >in.jsonl <<-'EOF'
	{"key":"k1","headers":[["a","1"],["n",null],["e",""],["a","2"]],"ts":1700000000123,"payload":"text \u00e9 \"quoted\"\n"}
	{"key":null,"headers":[],"ts":1700000000124,"payload":null}
	{"key":"","headers":[["bin",{"base64":"AP8="}]],"ts":1700000000125,"payload":""}
	{"key":{"base64":"/wA="},"headers":[],"ts":1700000000126,"payload":{"base64":"AAEC/w=="}}
	{"key":"p","headers":[],"ts":1700000000127,"payload":"x","message_id":"m-1","correlation_id":"c-1","content_type":"text/plain","reply_to":"answers","expiry_ms":60000,"priority":7,"type":"t","app_id":"app"}
	EOF
}

# all_outputs BROKER/: everything that prints JSON about a broker.
all_outputs() {
	local broker=$1 name
	name=$(unique schemas)
	write_messages
	mq create -q --partitions 2 "$broker$name"
	expect_status 0
	mq info -J "$broker$name"
	expect_status 0
	fits stream
	mq info -J --at @1700000000000 "$broker$name"
	expect_status 0
	fits position
	mq produce -q -J "$broker$name" in.jsonl
	expect_status 0
	mq consume -q -J -e "$broker$name"
	expect_status 0
	fits message
	[ "$(wc -l <out)" -eq 5 ]
	mq tail -q -J -e -n 3 "$broker$name"
	expect_status 0
	fits message
	mq produce -q -J --tee "$broker$name" in.jsonl
	expect_status 0
	fits message
	mq consume -q --group g -e "$broker$name"
	expect_status 0
	mq group ls -J "$broker"
	expect_status 0
	fits group
	mq group show -J "$broker$name" g
	expect_status 0
	fits group
	mq group reset -J --to -1 "$broker$name" g
	expect_status 0
	fits group-plan
	mq group reset -J --to 1 --execute "$broker$name" g
	expect_status 0
	fits group-plan
	mq group skip -J -c 1 "$broker$name" g
	expect_status 0
	fits group-plan
	mq lag -J "$broker$name" g
	expect_status 0
	fits lag
	mq ls -J "$broker"
	expect_status 0
	fits stream
	mq info -J "$broker$name"
	expect_status 0
	fits stream
	jq -e '.partitions | length == 2' out
	mq info -J "$broker"
	expect_status 0
	fits broker
	mq info -J --at @1700000000125 "$broker$name"
	expect_status 0
	fits position
	[ "$(wc -l <out)" -eq 2 ]
	mq ping -J "$broker$name"
	expect_status 0
	fits ping
	mq trim -J --dry-run --all "$broker$name"
	expect_status 0
	fits trim
	mq trim -q -J --yes --all "$broker$name"
	expect_status 0
	fits trim
	mq delete -q --yes "$broker$name"
	expect_status 0
}

@test "the check can fail: no line, no JSON, a name twice, a name that is not known" {
	: >empty
	! fits message empty || fail "no line at all is taken"
	fits_not message '{"stream":"s"'
	fits_not message '{"stream":"s","partition":0,"offset":1,"ts":1,"ts_type":"create","key":null,"key":"k","headers":[],"payload":""}'
	fits_not message '{"stream":"s","partition":0,"offset":1,"ts":1,"ts_type":"create","key":null,"headers":[],"payload":"","colour":1}'
	fits_not message '{"stream":"s","partition":0,"offset":NaN,"ts":1,"ts_type":"create","key":null,"headers":[],"payload":""}'
	fits_not stream '{"stream":"s"}'
	fits_not broker '{}'
	fits_not position '{"stream":"s","partition":"0"}'
	fits_not config '{}'
}

@test "the examples fit, and there is one for every schema that has a file of them" {
	for example in "$root"/schemas/examples/*.jsonl; do
		name=$(basename "$example" .jsonl)
		[ -e "$root/schemas/$name.json" ] || fail "no schema for $example"
		fits "$name" "$example"
	done
}

@test "what is said about schemas fits" {
	echo '{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}' >a.avsc
	echo '"string"' >b.avsc
	mq schema show -J a.avsc
	expect_status 0
	fits schema-show
	mq schema show -J b.avsc
	fits schema-show
	mq schema check -J --mode full a.avsc b.avsc
	expect_status 1
	fits schema-check
	mq schema check -J a.avsc a.avsc
	fits schema-check
	fits_not schema-check '{"compatible":true}'
	fits_not schema-show '{"type":"avro"}'
}

@test "the local store's outputs fit" {
	all_outputs "sqlite:$BATS_TEST_TMPDIR/store.db/"
}

@test "Kafka's outputs fit" {
	requires_kafka
	all_outputs "kafka://$KAFKA/"
	all_outputs "kafka://$KAFKA4/"
}

# dead_letters BROKER/: what the dlq commands print.
dead_letters() {
	local broker=$1 name
	name=$(unique schemas)
	mq create -q "$broker$name"
	mq create -q "$broker$name.DLT"
	printf 'a\nb\n' | "$MQTK" produce -q -H dlq-origin-stream="$name" -H dlq-reason=exit \
		-H dlq-error=$'\xff' -H dlq-attempts=3 -H dlq-time=1700000000000 "$broker$name.DLT"
	printf 'k:\n' | "$MQTK" produce -q -K: -Z "$broker$name.DLT"
	mq dlq ls -J --pattern "^$name" "$broker"
	expect_status 0
	fits dlq-ls
	jq -es --arg s "$name.DLT" 'any(.[]; .stream == $s and .depth == 3)' out
	mq dlq show -J "$broker$name.DLT"
	expect_status 0
	fits dlq-letter
	jq -es 'length == 3 and .[0].error == {"base64":"/w=="} and .[2].dialect == "unknown"' out
	mq dlq stats -J "$broker$name.DLT"
	expect_status 0
	fits dlq-stats
	jq -e '.letters == 3 and (.times | map(.count) | add) == 3' out
	mq dlq requeue -J --dry-run "$broker$name.DLT"
	expect_status 3
	fits dlq-preview
	mq dlq requeue -q -J --yes "$broker$name.DLT"
	expect_status 3
	fits replay
	mq delete -q --yes "$broker$name"
	mq delete -q --yes "$broker$name.DLT"
}

@test "dead letters fit, on the local store, Kafka and Redis" {
	dead_letters "sqlite:$BATS_TEST_TMPDIR/store.db/"
	requires_kafka
	dead_letters "kafka://$KAFKA/"
	requires_redis
	dead_letters "redis://$REDIS/"
}

@test "Redis' groups fit, with what is pending" {
	requires_redis
	stream=redis://$REDIS/$(unique schemas)
	seq 9 | "$MQTK" produce -q --create "$stream"
	mq group create -J "$stream" g
	expect_status 0
	fits group-plan
	redis-cli -h "${REDIS%:*}" -p "${REDIS##*:}" XREADGROUP GROUP g c1 COUNT 3 STREAMS \
		"${stream##*/}" '>' >/dev/null
	mq group ls -J "$stream"
	expect_status 0
	fits group
	mq group show -J --pending "$stream" g
	expect_status 0
	fits group
	jq -e '.pending_list | length == 3' out
	mq group claim -J --idle 0 --to c2 "$stream" g
	expect_status 0
	fits group-claim
	jq -e '.claimed == 3' out
	mq group skip -J -c 4 --force --execute "$stream" g
	expect_status 0
	fits group-plan
	jq -e '.settled == 3 and .skipped == 1' out
	mq group reset -J --to end "$stream" g
	expect_status 0
	fits group-plan
}

@test "failed records are written as messages that fit" {
	printf 'good\n' | "$MQTK" produce -q sqlite:s.db/t
	printf 'a:1\nb:2\n' >in
	mq produce -q -p 7 -K: --failed-to failed.jsonl sqlite:s.db/t <in
	expect_status 3
	[ "$(wc -l <failed.jsonl)" -eq 2 ]
	fits message failed.jsonl
}

@test "the configuration fits: without any, with profiles and secrets, with an address" {
	mq config -J
	expect_status 0
	fits config
	mkdir -p "$XDG_CONFIG_HOME/mqtk"
	cat >"$XDG_CONFIG_HOME/mqtk/config" <<-'EOF'
	default = prod
	[profile prod]
	url = kafka://alice@127.0.0.1:9092
	readonly = true
	password-command = echo secret
	session.timeout.ms = 7000
	[profile here]
	url = sqlite:here.db
	EOF
	chmod 600 "$XDG_CONFIG_HOME/mqtk/config"
	mq config -J
	expect_status 0
	fits config
	jq -e '.profiles | length >= 2' out
	mq config -J prod/orders
	expect_status 0
	fits config
	MQTK_PASSWORD=hidden MQTK_USER=bob MQTK_BROKER=sqlite:x.db mq config -J orders
	expect_status 0
	fits config
	! grep -q hidden out || fail "a secret"
}

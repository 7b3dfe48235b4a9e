#!/usr/bin/env bats
# dlq export, import and drop: what a letter carries goes through a file into every other broker and
# back; files that are cut; and bodies that a program edits on brokers that take.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set in the helpers; each test is a process

load faults

setup() { use_faults; }
teardown() {
	end_faults
	local one
	for one in "${made[@]-}"; do
		[ -z "$one" ] || "$MQTK" delete -q --yes "$one" >/dev/null 2>&1 || :
	done
}

# Letters with whatever a message can hold.
hostile_letters() {
	cat <<-'EOF'
	{"key":"k1","headers":[["dlq-origin-stream","orders"],["dlq-reason","exit"],["dlq-error",{"base64":"/wA="}],["a","1"],["n",null],["e",""],["a","2"]],"ts":1700000000123,"payload":"text é \"quoted\"\n"}
	{"key":null,"headers":[["dlq-origin-stream","orders"]],"ts":1700000000124,"payload":null}
	{"key":"","headers":[["bin",{"base64":"AP8="}]],"ts":1700000000125,"payload":""}
	{"key":{"base64":"/wA="},"headers":[],"ts":1700000000126,"payload":{"base64":"AAEC/w=="}}
	{"key":"p","headers":[["__connect.errors.topic","in"]],"ts":1700000000127,"payload":"x","message_id":"m-1","correlation_id":"c-1","content_type":"text/plain","reply_to":"answers","expiry_ms":60000000,"priority":7,"type":"t","app_id":"app"}
	EOF
}

# carried FILE: what has to be the same everywhere.
carried() {
	jq -c '[.key,.headers,.payload,.ts,.message_id,.correlation_id,.content_type,.reply_to,.expiry_ms,.priority,.type,.app_id]' "$1"
}

# through ADDRESS…: exported from the local store, imported, exported again; for each the same.
through() {
	local address n=0
	hostile_letters | "$MQTK" produce -q -J sqlite:s.db/dead
	mq dlq export sqlite:s.db/dead first.jsonl
	expect_status 0
	is "$(wc -l <first.jsonl)" 5
	cp first.jsonl before.jsonl
	for address; do
		made+=("$address")
		"$MQTK" create -q "$address"
		mq dlq import before.jsonl "$address"
		expect_status 0
		has "$err" "5 messages"
		rm -f "after$n.jsonl"
		mq dlq export "$address" "after$n.jsonl"
		expect_status 0
		diff <(carried first.jsonl) <(carried "after$n.jsonl") || fail "$address"
		"$MQTK" dlq show -J "$address" | jq -c 'del(.message)' >letters.now
		[ "$n" = 0 ] || diff letters.before letters.now || fail "letters of $address"
		mv letters.now letters.before
		mv "after$n.jsonl" before.jsonl
		n=$((n + 1))
	done
}

@test "letters go through files from the local store to each broker, and lose nothing" {
	requires_kafka
	requires_redis
	requires_rabbitmq
	through "kafka://$KAFKA/$topic" "redis://$REDIS/$topic" \
		"amqp://$RABBITMQ/$topic?management=$RABBITMQ_MANAGEMENT" sqlite:t.db/dead
}

@test "an export that was cut: whole lines are imported, the rest is said; adding to it is refused" {
	hostile_letters | "$MQTK" produce -q -J sqlite:s.db/dead
	"$MQTK" dlq export -q sqlite:s.db/dead e.jsonl
	head -c $(($(head -3 e.jsonl | wc -c) + 20)) e.jsonl >cut.jsonl
	mq dlq import cut.jsonl sqlite:t.db/dead
	expect_status 7
	has "$err" "the others were imported"
	is "$("$MQTK" consume -q -e sqlite:t.db/dead -J | wc -l)" 3
	mq dlq export sqlite:s.db/dead e.jsonl
	expect_status 2
	has "$err" "is not empty"
	mq dlq export --append sqlite:s.db/dead cut.jsonl
	expect_status 7
	mq dlq export sqlite:s.db/dead /dev/full
	expect_status 6
	"$MQTK" dlq export -q sqlite:s.db/dead - | head -1 >one
	carried one | diff - <(carried e.jsonl | head -1)
}

@test "RabbitMQ: --edit mends what it can, and the rest stays in its place; drop keeps first" {
	requires_rabbitmq
	local dead="amqp://$RABBITMQ/$topic.dead?management=$RABBITMQ_MANAGEMENT"
	local work="amqp://$RABBITMQ/$topic?management=$RABBITMQ_MANAGEMENT"
	made=("$dead" "$work")
	"$MQTK" create -q "$dead"
	"$MQTK" create -q --dead-letter-exchange '' --dead-letter-key "$topic.dead" --ttl 1ms "$work"
	seq 9 | "$MQTK" produce -q "$work"
	wait_until 20 there_are 9
	"$MQTK" delete -q --yes "$work"
	"$MQTK" create -q "$work"
	mq_within 60 dlq requeue --yes --edit 'read -r n; [ $((n % 3)) != 0 ] && echo "new $n"' "$dead"
	expect_status 3
	has "$err" "3 letters could not be edited and stay"
	is "$("$MQTK" consume -q --ack -e "$work")" $'new 1\n\nnew 2\n\nnew 4\n\nnew 5\n\nnew 7\n\nnew 8'
	is "$("$MQTK" consume -q -e "$dead")" $'3\n6\n9'
	mq dlq drop --yes --backup /dev/full "$dead"
	expect_status 6
	is "$("$MQTK" consume -q -e "$dead")" $'3\n6\n9'
	mq dlq drop --yes -c 2 "$dead"
	expect_status 0
	is "$(jq -r .payload "$topic".dead-dropped-*.jsonl)" $'3\n6'
	is "$("$MQTK" consume -q -e "$dead")" 9
}
there_are() {
	[ "$("$MQTK" info -J "$dead" | jq .messages)" = "$1" ]
}

@test "Redis: --edit, and drop of what was chosen" {
	requires_redis
	local dead=redis://$REDIS/$topic.dead
	made=("$dead" "redis://$REDIS/$topic")
	seq 9 | "$MQTK" produce -q --create -H "dlq-origin-stream=$topic" -H dlq-reason=exit "$dead"
	"$MQTK" create -q "redis://$REDIS/$topic"
	mq_within 60 dlq requeue --yes --edit 'read -r n; [ $((n % 3)) != 0 ] && printf "new %s" "$n"' "$dead"
	expect_status 3
	is "$("$MQTK" consume -q -e "redis://$REDIS/$topic")" $'new 1\nnew 2\nnew 4\nnew 5\nnew 7\nnew 8'
	is "$("$MQTK" consume -q -e "$dead")" $'3\n6\n9'
	mq dlq drop --yes --grep '^6$' "$dead"
	expect_status 0
	is "$(jq -r .payload "$topic".dead-dropped-*.jsonl)" 6
	is "$("$MQTK" consume -q -e "$dead")" $'3\n9'
}

@test "a signal while a program edits: it ends, what was put back is said, the rest stays" {
	seq 9 | "$MQTK" produce -q -H dlq-origin-stream=t sqlite:s.db/dead
	background dlq requeue --yes --edit 'read -r n; if [ "$n" = 3 ]; then : >hangs; sleep 100; fi; echo "$n"' \
		sqlite:s.db/dead 2>said
	wait_until 20 test -e hangs
	kill -INT "$pid"
	wait_for_end "$pid" 10
	[ "$status" -eq 130 ]
	mq dlq requeue --yes sqlite:s.db/dead
	expect_status 0
	is "$("$MQTK" consume -q -e sqlite:s.db/t | grep . | sort -nu)" "$(seq 9)"
}

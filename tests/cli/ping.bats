#!/usr/bin/env bats
# ping: exit codes, waiting, and that nothing is left behind. What happens when things break in the
# middle is in unit/test_round_trip.
# shellcheck disable=SC2030,SC2031 # each test has its own pids

load ../lib/helpers

setup() {
	common_setup
	pids=()
}

teardown() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	exec 7>&-
}

@test "the local store: there and back, the named stream untouched, nothing left" {
	echo one | "$MQTK" produce -q sqlite:s.db/t
	mq ping sqlite:s.db/
	expect_status 0
	[[ $out =~ ^sqlite:s.db/:\ connect\ [0-9.]+\ ms,\ prepare\ .*total\ [0-9.]+\ ms$ ]]
	[ -z "$err" ]
	mq ping -J sqlite:s.db/t
	expect_status 0
	[ "$(jq -c '[.stream, .tries]' out)" = '["t",1]' ]
	[ "$("$MQTK" ls -J sqlite:s.db/ | jq -c '[.stream, .messages]')" = '["t",1]' ]
	mq ping --in-stream sqlite:s.db/t
	expect_status 0
	[ "$("$MQTK" ls -J sqlite:s.db/ | jq -c '[.stream, .messages]')" = '["t",2]' ]
	[[ $("$MQTK" consume -q -e -o -1 sqlite:s.db/t) =~ ^mqtk\ ping\ [0-9a-f]{32}$ ]]
}

@test "exit codes: no such stream 8, nobody there 4, read-only 5, no stream to send through 2" {
	echo one | "$MQTK" produce -q sqlite:s.db/t
	mq ping sqlite:s.db/nothing
	expect_status 8
	mq ping --wait 60s sqlite:s.db/nothing
	expect_status 8
	mq ping --timeout 2s kafka://127.0.0.1:1/
	expect_status 4
	mq ping --in-stream sqlite:s.db/
	expect_status 2
	mkdir -p "$XDG_CONFIG_HOME/mqtk"
	printf '[profile p]\nurl = sqlite:%s/s.db\nreadonly = true\n' "$PWD" >"$XDG_CONFIG_HOME/mqtk/config"
	mq ping p/
	expect_status 5
	[[ $err == *read-only* ]]
	mq ping --in-stream p/t
	expect_status 5
}

@test "--wait gives up in time, quietly, and says with -v what it tries" {
	started=$SECONDS
	mq ping --wait 2s kafka://127.0.0.1:1/
	expect_status 4
	((SECONDS - started <= 4)) || fail "after $((SECONDS - started)) s"
	[[ $err == *"was not up within 2 s: "*refused* ]]
	[ "$(grep -c . err)" -le 2 ]
	mq ping -v --wait 5s kafka://127.0.0.1:1/
	expect_status 4
	[[ $err == *"try 1: "* ]]
}

@test "a signal ends the wait" {
	"$MQTK" ping -v --wait 60s kafka://127.0.0.1:1/ >out 2>err 3>&- &
	pids+=($!)
	wait_until 20 grep -q 'try 1' err
	kill -INT $!
	status=0
	wait "${pids[0]}" || status=$?
	expect_signal 2
}

@test "Kafka: there and back; the named topic must be there; no topic is left" {
	requires_kafka
	for broker in "kafka://$KAFKA" "kafka://$KAFKA4"; do
		t=$(unique ping)
		mq create -q "$broker/$t"
		mq ping -J "$broker/$t"
		expect_status 0
		[ "$("$MQTK" info -J "$broker/$t" | jq .messages)" = 0 ]
		mq ping --in-stream "$broker/$t"
		expect_status 0
		[ "$("$MQTK" info -J "$broker/$t" | jq .messages)" = 1 ]
		mq ping "$broker/$(unique none)"
		expect_status 8
		mq ping "$broker/"
		expect_status 0
		! "$MQTK" ls -J --quick "$broker/" | grep mqtk-ping- || fail "something is left"
		mq delete -q --yes "$broker/$t"
	done
}

@test "Kafka: who may do nothing is told so: 5" {
	requires_kafka
	MQTK_USER=alice MQTK_PASSWORD=alice-secret mq ping --wait 20s -X security.protocol=sasl_plaintext \
		-X sasl.mechanism=SCRAM-SHA-256 "kafka://$KAFKA_SASL/"
	expect_status 5
	MQTK_USER=alice MQTK_PASSWORD=wrong mq ping --wait 20s -X security.protocol=sasl_plaintext \
		-X sasl.mechanism=SCRAM-SHA-256 "kafka://$KAFKA_SASL/"
	expect_status 5
}

@test "Kafka: --wait goes on when the broker comes up" {
	requires_kafka
	echo refuse >rule
	mkfifo input
	"$(test_tool tcp_proxy)" "$KAFKA" rule <input >port 3>&- &
	pids+=($!)
	exec 7>input
	wait_until 10 test -s port
	"$MQTK" ping -J -v --wait 60s "kafka://127.0.0.1:$(cat port)/" >out 2>err 3>&- 7>&- &
	pids+=($!)
	wait_until 20 grep -q 'try 1' err
	echo pass >rule.new
	mv rule.new rule
	wait "${pids[1]}"
	[ "$(jq '.tries > 1 and .waited_us > 0' out)" = true ]
}

@test "RabbitMQ: there and back without the management API; no queue is left; queues are not pinged through" {
	requires_rabbitmq
	q=$(unique ping)
	broker=amqp://$RABBITMQ
	manage=(-X "management=$RABBITMQ_MANAGEMENT")
	mq create -q "${manage[@]}" "$broker/$q"
	expect_status 0
	for address in "$broker/" "$broker/$q"; do
		mq ping -J -X management=http://127.0.0.1:1 "$address"
		expect_status 0
		[ -z "$err" ]
		[ "$(jq .tries out)" = 1 ]
	done
	mq ping --in-stream "${manage[@]}" "$broker/$q"
	expect_status 2
	[[ $err == *"$q is a queue"* ]]
	mq ping -X exchange=amq.topic "$broker/"
	expect_status 2
	mq ping "${manage[@]}" "$broker/$q-none"
	expect_status 8
	MQTK_PASSWORD=wrong mq ping --wait 20s "$broker/"
	expect_status 5
	! "$MQTK" ls -J "${manage[@]}" "$broker/" | grep mqtk-ping- || fail "something is left"
	mq delete -q --yes "${manage[@]}" "$broker/$q"
	expect_status 0
}

@test "Redis: there and back; through a stream of one's own; no key is left" {
	requires_redis
	broker=redis://$REDIS
	s=$(unique ping)
	mq create -q "$broker/$s"
	expect_status 0
	mq ping -J "$broker/$s"
	expect_status 0
	[ "$("$MQTK" info -J "$broker/$s" | jq .messages)" = 0 ]
	mq ping --in-stream "$broker/$s"
	expect_status 0
	[ "$("$MQTK" info -J "$broker/$s" | jq .messages)" = 1 ]
	mq ping "$broker/$s-none"
	expect_status 8
	MQTK_PASSWORD=wrong mq ping --wait 20s "$broker/"
	expect_status 5
	! "$MQTK" ls -J "$broker/" | grep mqtk-ping- || fail "something is left"
	mq delete -q --yes "$broker/$s"
	expect_status 0
}

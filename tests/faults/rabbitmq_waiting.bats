#!/usr/bin/env bats
# RabbitMQ while nothing comes, or too much: a consumer that ended behind messages, a connection that
# is silent, a queue that gives nothing, a stream that is written all the time.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # set and used in the helpers; each test is a process

setup() {
	load faults
	use_faults
	requires_rabbitmq
	queue=$(unique waiting)
	address=$(at "$RABBITMQ")
}
teardown() {
	end_faults
	"$MQTK" delete -q --yes "$address" >/dev/null 2>&1 || :
}

at() { echo "amqp://$1/$queue?management=$RABBITMQ_MANAGEMENT"; }

# in_file TEXT FILE
in_file() { grep -q -- "$1" "$2"; }

# consumers N: so many consume from the queue.
consumers() {
	"$root/scripts/python.sh" --with pika - "$RABBITMQ" "$queue" "$1" <<'PYTHON'
import pika, sys
host, port = sys.argv[1].split(":")
channel = pika.BlockingConnection(pika.ConnectionParameters(host, int(port))).channel()
sys.exit(channel.queue_declare(sys.argv[2], passive=True).method.consumer_count != int(sys.argv[3]))
PYTHON
}

@test "a queue that is deleted right behind its last message: the message is printed, the end said" {
	mq create "$address"
	background consume --ack "$address" >printed 2>said
	wait_until 20 consumers 1
	kill -STOP "$pid"
	mq produce "$address" <<<last
	expect_status 0
	mq delete --yes "$address"
	expect_status 0
	kill -CONT "$pid"
	wait_for_end "$pid" 10
	expect_status 8
	[ "$(<printed)" = last ]
	in_file "queue '$queue' was deleted" said
}

@test "a broker that falls silent while nothing is expected of it is noticed by its heartbeats" {
	local line
	mq create "$address"
	rule pass
	mkfifo proxy.in proxy.out
	"$(test_tool tcp_proxy)" "$RABBITMQ" "$PWD/proxy.rule" <proxy.in >proxy.out 2>proxy.err 3>&- 4>&- &
	pids+=($!)
	exec {proxy_in}>proxy.in {proxy_out}<proxy.out
	read -r -t 10 -u "$proxy_out" line
	background consume --ack -X heartbeat=1 "$(at "127.0.0.1:$line")" >printed 2>said
	wait_until 20 consumers 1
	rule hole
	wait_until 15 in_file "has been silent for 3 s" said
	rule pass
	mq produce "$address" <<<after
	wait_until 20 in_file after printed
	kill -INT "$pid"
	wait_for_end "$pid" 10
}

@test "a look at a queue that gives its messages to somebody else ends by the time-out and says so" {
	mq create --config x-single-active-consumer=true "$address"
	expect_status 0
	mkfifo blocked
	exec {reading}<>blocked
	background consume --ack --prefetch 1 "$address" >blocked 2>said
	wait_until 20 consumers 1
	kill -STOP "$pid"
	mq produce "$address" < <(seq 20)
	expect_status 0
	mq_within 20 consume --timeout 2s "$address"
	expect_status 4
	is "$out" ""
	has "$err" "queue '$queue' has messages, but the broker has given none for 2 s"
}

@test "more messages than a prefetch can say are looked at, in a quorum queue too, and keep their order" {
	local n
	mq create --type quorum "$address"
	expect_status 0
	mq produce -q "$address" < <(seq 70000)
	expect_status 0
	for n in 66000 70000; do
		mq_within 60 consume -q -c "$n" "$address"
		expect_status 0
		seq "$n" | cmp - "$OUT"
	done
	mq_within 60 consume -q --ack -e "$address"
	expect_status 0
	seq 70000 | cmp - "$OUT"
}

@test "the end of a stream is found while it is written all the time" {
	mq create --type stream "$address"
	expect_status 0
	mq produce "$address" < <(seq 1000)
	background produce -q "$address" \
		< <(exec 3>&- 4>&- && timeout 40 "$root/scripts/python.sh" -c 'import time
try:
    while True:
        print("more", flush=True)
        time.sleep(0.002)
except BrokenPipeError:
    pass' 2>/dev/null) >/dev/null 2>&1
	# The writer is at it: what is there grows.
	wait_until 20 grown
	mq_within 10 consume -e --from 995 -c 5 "$address"
	expect_status 0
	is "$out" "$(seq 996 1000)"
	kill -INT "$pid"
	wait_for_end "$pid" 20
}
grown() { [ "$(timeout 5 "$MQTK" consume -q --from 1000 -c 1 --idle-timeout 2s "$address")" = more ]; }

@test "properties that fill their short strings need no larger frame" {
	local long
	mq create "$address"
	long=$(printf 'a%.0s' {1..255})
	mq produce -J "$address" <<<"{\"payload\":\"x\",\"content_encoding\":\"$long\",\"ts\":1000,\"expiry_ms\":100000,\"priority\":3}"
	expect_status 0
	mq consume -J "$address"
	expect_status 0
	has "$out" "\"content_encoding\":\"$long\""
}

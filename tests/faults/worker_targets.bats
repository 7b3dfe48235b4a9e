#!/usr/bin/env bats
# consume --exec on real brokers: where it writes to. Askers that wait, are gone, or never were;
# dead letters that are refused, or whose broker is away: nothing is settled then.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process
# shellcheck disable=SC2016 # the programs' own variables

load ../cli/saying
load faults
load worker

setup() { use_faults; }
teardown() { end_faults; }

rabbit_queue() { # $a, a queue of its own, and $queue, its name
	requires_rabbitmq
	queue=$(unique work)
	a=amqp://$RABBITMQ/$queue
	"$MQTK" create -q "$a"
}

client() { "$root/scripts/python.sh" --with pika "$BATS_TEST_DIRNAME/foreign_clients.py" "$1" "$RABBITMQ" "$2"; }

@test "RabbitMQ: pika asks over direct reply-to, a worker answers" {
	rabbit_queue
	background consume --ack --reply --exec 'read -r q; printf "re %s" "$q"' "$a" 2>err
	client rabbit-ask "$queue" >answers
	is "$(cat answers)" "c0 b're q0'
c1 b're q1'
c2 b're q2'"
	kill -INT "$pid"
	wait_for_end "$pid" 10
	is "$status" 130
	has "$(cat err)" "3 of 3 messages handled,"
}

@test "RabbitMQ: askers that are gone, and names that make no sense, do not stop the worker" {
	rabbit_queue
	export MQTK a
	"$MQTK" create -q "$a-first"
	"$MQTK" create -q "$a-answers"
	seq 1 | "$MQTK" produce -q --reply-to "$queue-first" "$a"
	client rabbit-gone "$queue" # the broker does not tell that nobody is there
	seq 1 | "$MQTK" produce -q --reply-to amq.rabbitmq.reply-to.g1h2AA5yZXBseUA0MDM0NTY4AABb.malformed "$a"
	seq 2 | "$MQTK" produce -q --reply-to "$queue-nobody" "$a"
	seq 3 | "$MQTK" produce -q --reply-to "$queue-answers" "$a"
	# The queue of the first reply is gone when the broker closes the connection over the malformed one.
	mq_within 60 consume -e --ack --reply --exec 'read -r n
		[ "${MQTK_REPLY_TO%malformed}" = "$MQTK_REPLY_TO" ] || "$MQTK" delete -q --yes "$a-first" >&2
		echo "$n"' "$a"
	expect_status 0
	has "$err" "8 of 8 messages handled (3 without a reply)"
	is "$("$MQTK" consume -q -e --ack "$a-answers" | grep . | paste -sd" ")" "1 2 3"
	depth_of_queue 0
}

depth_of_queue() { # N
	wait_until 10 depth_is_now "$1"
}
depth_is_now() {
	is "$("$MQTK" info -q -J "$a?management=$RABBITMQ_MANAGEMENT" 2>/dev/null | jq .messages)" "$1" 2>/dev/null
}

@test "RabbitMQ: a queue for dead letters that refuses: exit 3, everything stays" {
	rabbit_queue
	d=$a-dead
	"$MQTK" create -q --max-length 2 --config x-overflow=reject-publish "$d"
	seq 9 | "$MQTK" produce -q "$a"
	mq_within 30 consume -e --ack --retries 0 --dead-letter "$d" --exec 'read -r n; exit 1' "$a"
	expect_status 3
	has "$err" "the dead letter was not taken"
	local dead
	dead=$("$MQTK" consume -q --ack --idle-timeout 1s "$d" | wc -l)
	((dead >= 2))
	depth_of_queue $((9 - dead))
}

@test "RabbitMQ: a dead letter has no expiry, and nobody else's name" {
	rabbit_queue
	d=$a-dead
	"$MQTK" create -q "$d"
	seq 1 | "$MQTK" produce -q --expiry 1h --priority 2 -H 'a=b' "$a"
	mq_within 30 consume -e --ack --retries 0 --dead-letter "$d" --exec 'exit 1' "$a"
	expect_status 0
	is "$("$MQTK" consume -q -J "$d" | jq -c '[.expiry_ms, .priority, .headers[0]]')" '[null,2,["a","b"]]'
}

# target_away START STOP: while dead letters go there, their broker goes away.
target_away() {
	a=sqlite:s.db/t
	seq 50 | "$MQTK" produce -q "$a"
	background consume -e --group g --retries 0 --timeout 2s --dead-letter "$d" \
		--exec 'read -r n; echo "$n" >>seen; [ "$n" -lt 9 ] || until [ -e go ]; do sleep 0.01; done; exit 1' "$a" 2>err
	wait_until 10 grep -qsx 9 seen
	"$@"
	touch go
	wait_for_end "$pid" 60
	is "$status" 3
	has "$(cat err)" "the dead letter was not taken"
	is "$(committed)" "[8]"
}

@test "Redis is away when a dead letter comes: exit 3, nothing behind is settled; later all are there" {
	requires_redis
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a server of its own"
	# shellcheck source=tests/brokers/redis.sh
	source "$root/tests/brokers/redis.sh"
	redis_start own-worker 3>&-
	d=redis://$REDIS/dead
	"$MQTK" create -q "$d"
	target_away redis_kill own-worker
	redis_again own-worker 3>&-
	mq_within 60 consume -e --group g --retries 0 --dead-letter "$d" --exec 'exit 1' "$a"
	expect_status 0
	is "$(letters | cut -d" " -f1 | sort -nu)" "$(seq 50)"
	redis_stop own-worker
}

@test "Kafka and Redis: settings of the two sides; a missing target is said before anything is taken" {
	requires_redis
	real_topic 1
	a=$address
	d=redis://$REDIS/$(unique dead)
	seq 3 | "$MQTK" produce -q "$a"
	mq_within 30 consume -e --group "$topic" --exec 'exit 1' --dead-letter "$d" "$a"
	expect_status 8
	has "$err" "'mqtk create' makes it"
	"$MQTK" create -q "$d"
	mq_within 30 consume -e --group "$topic" --retries 0 --exec 'exit 1' --dead-letter "$d" \
		-X src.client.id=reader -X dst.nonesuch=1 "$a"
	expect_status 2
	has "$err" "nonesuch"
	# What only librdkafka knows is the source's, with and without a prefix.
	mq_within 30 consume -e --group "$topic" --retries 0 --exec 'exit 1' --dead-letter "$d" \
		-X src.client.id=reader -X session.timeout.ms=7000 "$a"
	expect_status 0
	is "$(letters | sort)" "1 exit 1
2 exit 1
3 exit 1"
	is "$("$MQTK" dlq show -q -J "$d" | jq -r '[.origin_broker, .origin_stream, .origin_offset] | join(" ")')" \
		"$(for n in 0 1 2; do echo "kafka://$broker/ $topic $n"; done)"
}

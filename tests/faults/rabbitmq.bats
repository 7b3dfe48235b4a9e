#!/usr/bin/env bats
# RabbitMQ while something goes wrong: what is returned, refused, blocked, closed or killed is said
# and counted, nothing is lost, and looking leaves a queue as it was.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
	requires_rabbitmq
	queue=$(unique rabbit)
	here "$RABBITMQ" "$RABBITMQ_MANAGEMENT"
}
teardown() {
	end_faults
	"$MQTK" delete -q --yes "$address" >/dev/null 2>&1 || :
	[ -z "${server-}" ] || rabbitmq_kill "$server" || :
}

# here HOST:PORT URL: the server that the test is about.
here() {
	broker=$1
	management=$2
	address=$(at "$queue")
}
at() { echo "amqp://$broker/$1?management=$management"; }

# own_server ARG…: a server of this test's own, $server.
own_server() {
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a broker of its own"
	# shellcheck source=tests/brokers/rabbitmq.sh
	source "$root/tests/brokers/rabbitmq.sh"
	server=own-rabbit-$$-$BATS_TEST_NUMBER
	rabbitmq_start "$server" "$@" 3>&- 4>&-
	here "$RABBITMQ" "$RABBITMQ_MANAGEMENT"
}

# api METHOD PATH: the management API itself, as guest.
api() {
	"$root/scripts/python.sh" - "$management" "$@" <<'PYTHON'
import base64, sys, urllib.request
url, method, path = sys.argv[1:4]
request = urllib.request.Request(url + path, method=method)
request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
sys.stdout.write(urllib.request.urlopen(request, timeout=10).read().decode())
PYTHON
}

# taken: everything that is in the queue, taken out of it.
taken() { "$MQTK" consume -q --ack --idle-timeout 2s "$address"; }

# --- producing ------------------------------------------------------------------------------------

@test "what no queue takes is returned: those records fail, by name, and the others are there" {
	mq create "$address"
	exchange=$queue-x
	mq create --exchange "$exchange" --type direct "$(at '')"
	expect_status 0
	mq create --bind "$exchange:good" "$(at "$queue-bound")"
	expect_status 0
	mq produce -X "exchange=$exchange" -K: --failed-to failed "$(at '')" \
		< <(printf 'good:1\nbad:2\ngood:3\nbad:4\nbad:2\ngood:5\n')
	expect_status 3
	has "$err" "record 2"
	has "$err" "no queue for the key 'bad'"
	is "$(jq -r .payload failed | tr '\n' ' ')" "2 4 2 "
	is "$("$MQTK" consume -q "$(at "$queue-bound")" | tr '\n' ' ')" "1 3 5 "
	mq delete -q --yes "$(at "$queue-bound")"
	api DELETE "/api/exchanges/%2F/$exchange"
}

@test "a queue that goes away while it is written to: what comes behind fails with its name" {
	mq create "$address"
	mkfifo in
	exec 7<>in
	background produce --failed-to failed "$address" <in 2>"$ERR" 7>&-
	echo one >&7
	wait_until 10 holds_messages 1
	mq delete -q --yes "$address"
	echo two >&7
	exec 7>&-
	wait_for_end "$pid" 20
	expect_status 3
	has "$(cat "$ERR")" "no queue '$queue'"
	is "$(jq -r .payload failed)" two
}
holds_messages() { [ "$("$MQTK" trim -q --all --dry-run -J "$address" 2>/dev/null | grep -oE '[0-9]+' | tail -1)" = "$1" ]; }

@test "a full queue that refuses: nacked records fail, what was confirmed is there" {
	mq create --max-length 5 --config x-overflow=reject-publish "$address"
	expect_status 0
	mq produce --failed-to failed "$address" < <(seq 100)
	expect_status 3
	has "$err" "nack"
	"$MQTK" consume -q "$address" >stored
	[ "$(wc -l <stored)" -ge 5 ]
	jq -r .payload failed >refused
	cat stored refused | sort -n | diff <(seq 100) -
}

@test "a record over the broker's limit: it fails alone, the others are there once and in order" {
	own_server --set 'max_message_size = 1000000'
	mq create "$address"
	big=$(head -c 1500000 /dev/zero | tr '\0' x)
	mq produce --failed-to failed "$address" < <(seq 1 500; echo "$big"; seq 501 1000; echo "$big"; seq 1001 1500)
	expect_status 3
	has "$err" "record 501"
	has "$err" "larger than configured max size 1000000"
	is "$(jq -r '.payload|length' failed | tr '\n' ' ')" "1500000 1500000 "
	"$MQTK" consume -q "$address" >got
	# What was under way with the large one may have come twice; nothing is missing.
	sort -nu got | diff <(seq 1500) -
}

@test "an alarm: it waits and says so, goes on behind it, and gives up at the time-out" {
	own_server
	mq create "$address"
	rabbitmq_ctl "$server" set_vm_memory_high_watermark 0.0000001 >&2
	mq_within 30 produce --timeout 2s --failed-to failed "$address" < <(seq 3)
	[ "$status" -eq 3 ] || [ "$status" -eq 4 ] || fail "status $status" "$err"
	has "$err" "takes no messages for now"
	is "$(jq -r .payload failed | wc -l)" 3
	background produce --timeout 60s "$address" <<<"patient" 2>"$ERR"
	wait_until 20 grep -q "takes no messages for now" "$ERR"
	rabbitmq_ctl "$server" set_vm_memory_high_watermark 0.8 >&2
	wait_for_end "$pid" 30
	expect_status 0
	"$MQTK" consume -q "$address" | grep -qx patient
}

@test "a connection that the broker closes in mid-flight: what has no answer is sent again and counted" {
	mq create "$address"
	mkfifo in
	exec 7<>in
	background produce "$address" <in 2>"$ERR" 7>&-
	seq 1 1000 >&7
	wait_until 20 holds_messages 1000
	wait_until 20 close_connections
	seq 1001 3000 >&7
	exec 7>&-
	wait_for_end "$pid" 30
	expect_status 0
	has "$(cat "$ERR")" "connecting again"
	"$MQTK" consume -q "$address" | sort -nu | diff <(seq 3000) -
}
# Only those of this test's queue's writer: named by their user are all, so by what is idle longest.
close_connections() {
	local name
	name=$(api GET "/api/channels" | jq -r '.[]|select(.confirm)|.connection_details.name' | head -1)
	[ -n "$name" ] || return 1
	api DELETE "/api/connections/$(jq -rn --arg n "$name" '$n|@uri')"
}

@test "killed and back while producing: nothing confirmed is lost, all is there" {
	own_server
	mq create "$address"
	rabbitmq_write "$server"
	mkfifo in
	exec 7<>in
	background produce --timeout 60s "$address" <in 2>"$ERR" 7>&-
	seq -f %09.0f 1 20000 >&7
	wait_until 20 holds_messages 20000
	seq -f %09.0f 20001 40000 >&7 &
	feeder=$!
	rabbitmq_kill "$server"
	rabbitmq_again "$server" 3>&- 4>&- 7>&-
	wait "$feeder"
	seq -f %09.0f 40001 41000 >&7
	exec 7>&-
	wait_for_end "$pid" 60
	expect_status 0
	taken >got
	complete 41000 got
}

# --- consuming ------------------------------------------------------------------------------------

@test "killed and back while taking: every message is printed" {
	own_server
	mq create "$address"
	rabbitmq_write "$server"
	mq produce "$address" < <(seq -f %09.0f 1 30000)
	expect_status 0
	slow consume --ack -e --timeout 60s --commit-interval 0s "$address"
	head -c 100000 <&6 >got
	rabbitmq_kill "$server"
	rabbitmq_again "$server" 3>&- 4>&- 6<&-
	cat <&6 >>got
	wait_for_end "$pid" 60
	expect_status 0
	has "$(cat "$ERR")" "connecting again"
	complete 30000 got
	is "$(taken | wc -l)" 0
}

@test "a queue that is deleted while it is taken from: exit 8, with its name" {
	mq create "$address"
	background consume --ack "$address" >got 2>"$ERR"
	wait_until 10 has_consumer
	mq delete -q --yes "$address"
	wait_for_end "$pid" 10
	expect_status 8
	has "$(cat "$ERR")" "queue '$queue' was deleted"
}
has_consumer() { [ "$(api GET "/api/queues/%2F/$queue" | jq '.consumer_details|length')" = 1 ]; }

@test "SIGINT while taking: what was not printed is still there" {
	mq create "$address"
	mq produce "$address" < <(seq -f %09.0f 1 20000)
	slow consume --ack "$address"
	head -c 5000 <&6 >got
	kill -INT "$pid"
	cat <&6 >>got
	wait_for_end "$pid" 10
	expect_status 130
	taken >rest
	cat got rest | sort | diff <(seq -f %09.0f 1 20000) -
}

@test "output that blocks for longer than the heartbeat: the connection lives on" {
	mq create "$address"
	mq produce "$address" < <(seq -f %09.0f 1 30000)
	slow consume -e --ack -X heartbeat=1 "$address"
	head -c 1000 <&6 >got
	sleep 4 # the broker gives up a peer that is silent for two or three intervals
	cat <&6 >>got
	wait_for_end "$pid" 20
	expect_status 0
	has_not "$(cat "$ERR")" "again"
	diff <(seq -f %09.0f 1 30000) got
}

@test "only so many are asked for as are wanted: none is marked as redelivered" {
	mq create "$address"
	mq produce "$address" < <(seq 100)
	mq consume -q --ack -c 10 "$address"
	is "$out" "$(seq 10)"
	mq consume -q --ack -c 30 --prefetch 7 -J "$address"
	is "$(jq -r .payload <<<"$out")" "$(seq 11 40)"
	is "$(jq -c 'select(.redelivered)' <<<"$out")" ""
	mq consume -q --ack -e -J "$address"
	is "$(jq -r .payload <<<"$out")" "$(seq 41 100)"
	is "$(jq -c 'select(.redelivered)' <<<"$out")" ""
}

# --- looking --------------------------------------------------------------------------------------

# look_keeps TYPE: whatever becomes of looks, the queue holds the same in the same order.
look_keeps() {
	mq create --type "$1" "$address"
	seq -f %09.0f 1 9000 >want
	mq produce "$address" <want
	for _ in 1 2; do
		mq consume -q "$address"
		diff want "$OUT"
	done
	mq consume -q -c 7 "$address"
	diff <(head -n 7 want) "$OUT"
	mq consume -q -c 1500 "$address"
	diff <(head -n 1500 want) "$OUT"
	mq consume -q -o -5 "$address"
	diff <(tail -n 5 want) "$OUT"
	mq consume -q "$address"
	diff want "$OUT"
	for signal in INT KILL; do
		slow consume "$address"
		head -c 100 <&6 >/dev/null
		kill -"$signal" "$pid"
		wait "$pid" || :
		exec 6<&-
		wait_until 10 has_all
	done
	mq consume -q "$address"
	diff want "$OUT"
	mq consume -q --ack -e "$address"
	diff want "$OUT"
}
# Not by looking: from 4.0 on a look too many is refused.
has_all() { [ "$("$MQTK" info -q -J "$address" | jq .ready)" = 9000 ]; }

@test "looking leaves a classic queue as it was: whole, in part, interrupted, killed" {
	look_keeps classic
}

@test "looking leaves a quorum queue as it was: whole, in part, interrupted, killed" {
	look_keeps quorum
}

@test "a look that could make the broker drop messages is refused without --force" {
	mq create --type quorum --delivery-limit 2 "$address"
	mq produce "$address" < <(seq 3)
	mq consume "$address"
	expect_status 2
	has "$err" "counts as a delivery"
	has "$err" "--force"
	mq consume -q --force "$address"
	expect_status 0
	is "$out" "$(seq 3)"
}

@test "what a stream or a queue cannot is said: --ack, offsets" {
	mq create --type stream "$address"
	mq consume --ack "$address"
	expect_status 2
	has "$err" "nothing to take"
	mq create "$(at "$queue-c")"
	mq consume -o 5 "$(at "$queue-c")"
	expect_status 2
	has "$err" "no offsets"
	mq delete -q --yes "$(at "$queue-c")"
}

# --- who and what ---------------------------------------------------------------------------------

@test "wrong user, rights, virtual host, exchange: the broker's words and the exit code" {
	mq create "$address"
	mq consume "amqp://guest:wrong-secret@$broker/$queue"
	expect_status 5
	has "$err" "ACCESS_REFUSED"
	has_not "$err" wrong-secret
	mq consume "amqp://alice:alice-secret@$broker/$queue"
	expect_status 5
	has "$err" "ACCESS_REFUSED"
	mq produce "amqp://$broker/nowhere/$queue" <<<x
	expect_status 8
	has "$err" "vhost nowhere not found"
	mq produce "amqp://alice:alice-secret@$broker/other/$queue" <<<x
	expect_status 5
	mq produce -X exchange=nowhere "$(at '')" <<<x
	expect_status 8
	has "$err" "no exchange 'nowhere'"
	mq consume -X nonsense=1 "$address"
	expect_status 2
}

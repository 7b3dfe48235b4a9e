#!/usr/bin/env bats
# The worker on RabbitMQ's queues: slow programs and the heartbeat, connections that are lost while
# programs run, the window, dead letters into queues and through exchanges, being killed.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process
# shellcheck disable=SC2016 # the programs' own variables

setup() {
	load faults
	use_faults
	requires_rabbitmq
	queue=$(unique worker)
	here "$RABBITMQ" "$RABBITMQ_MANAGEMENT"
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
}
teardown() {
	touch go
	end_faults
	[ -z "${server-}" ] || rabbitmq_kill "$server" || :
}

# here HOST:PORT URL: the server that the test is about.
here() {
	broker=$1
	management=$2
	address=$(at "$queue")
}
at() { echo "amqp://$broker/$1?management=$management"; }

# full N [TYPE]: $queue, with the numbers 1 … N.
full() {
	"$MQTK" create -q --type "${2:-classic}" "$address"
	seq "$1" | "$MQTK" produce -q "$address"
}

left() { "$MQTK" consume -q -e "$address" | wc -l; }
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; } 2>/dev/null

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

# A program that says that it has begun, and waits until it may end.
waiting='read -r n; echo "$n" >>ran; until [ -e go ]; do sleep 0.05; done'

@test "programs that take longer than the heartbeat allows: the connection lives, each runs once" {
	full 2
	mq_within 40 consume --ack -e -X heartbeat=1 --workers 2 --exec 'read -r n; echo "$n" >>ran; sleep 5' "$address"
	expect_status 0
	is "$(sort ran)" $'1\n2'
	has_not "$err" "again"
	is "$(left)" 0
}

@test "a connection that the broker closes while programs run: what they had comes again" {
	full 10
	background consume --ack --idle-timeout 4s --workers 2 --exec "$waiting" "$address" 2>said 4>&-
	wait_until 20 lines ran 2
	wait_until 30 close_consumer
	wait_until 20 grep -q "connecting again" said
	touch go
	wait_for_end "$pid" 30
	expect_status 0
	is "$(sort -nu ran)" "$(seq 10)"
	# Those that were at work ran again; what had not begun did not begin twice.
	is "$(sort -n ran | uniq -d)" $'1\n2'
	is "$(sort -n ran | uniq -c | awk '$1 > 2')" ""
	is "$(left)" 0
}

@test "a connection that is lost when all has come: -e works on what comes again, until nothing is left" {
	full 10
	background consume --ack -e --workers 2 --exec "$waiting" "$address" 2>said 4>&-
	wait_until 20 lines ran 2
	wait_until 30 close_consumer
	wait_until 20 grep -q "connecting again" said
	touch go
	wait_for_end "$pid" 30
	cat said >&2
	expect_status 0
	is "$(sort -nu ran)" "$(seq 10)"
	is "$(sort -n ran | uniq -d)" $'1\n2'
	is "$(left)" 0
}

close_consumer() {
	local name
	name=$(api GET "/api/queues/%2F/$queue" | jq -r '.consumer_details[0].channel_details.connection_name//""')
	[ -n "$name" ] || return 1
	api DELETE "/api/connections/$(jq -rn --arg n "$name" '$n|@uri')"
}

@test "the broker is killed and comes back: every message is worked on, none is left" {
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a broker of its own"
	# shellcheck source=tests/brokers/rabbitmq.sh
	source "$root/tests/brokers/rabbitmq.sh"
	server=own-worker-$$-$BATS_TEST_NUMBER
	rabbitmq_start "$server" 3>&- 4>&-
	here "$RABBITMQ" "$RABBITMQ_MANAGEMENT"
	full 1500
	rabbitmq_write "$server"
	background consume --ack --idle-timeout 4s --timeout 90s --workers 2 \
		--exec 'read -r n; echo "$n" >>ran; [ "$n" -ne 400 ] || until [ -e go ]; do sleep 0.05; done' \
		"$address" 2>said 4>&-
	wait_until 20 lines ran 500
	rabbitmq_kill "$server"
	touch go
	rabbitmq_again "$server" 3>&- 4>&-
	wait_for_end "$pid" 90
	cat said >&2
	expect_status 0
	has "$(cat said)" "connecting again"
	is "$(sort -nu ran)" "$(seq 1500)"
	is "$(left)" 0
}

@test "--prefetch is the window: others get what is behind it" {
	full 20
	background consume --ack -e --prefetch 3 --workers 2 --exec "$waiting" "$address" 2>said 4>&-
	wait_until 20 lines ran 2
	mq consume -q --ack -e "$address"
	is "$out" "$(seq 4 20)"
	touch go
	wait_for_end "$pid" 20
	cat said >&2
	expect_status 0
	is "$(sort -n ran)" "$(seq 3)"
	is "$(left)" 0
}

@test "dead letters go into a queue or through an exchange, and home again" {
	full 6 quorum
	dead=$(at "$queue-dead")
	"$MQTK" create -q --exchange "$queue-x" --type direct "$(at '')"
	"$MQTK" create -q --bind "$queue-x:gone" "$dead"
	mq consume --ack -c 3 --retries 0 --dead-letter "$dead" --exec 'echo no >&2; exit 9' "$address"
	expect_status 0
	"$MQTK" consume -q -e --ack "$address" >rest
	"$MQTK" produce -q -X "exchange=$queue-x" -K: "$(at '')" <<<"gone:7"
	mq dlq show -J "$dead"
	is "$(jq -c '[.origin_stream,.reason,.attempts,.dialect,(.error|rtrimstr("\n")),.message.payload]' out | head -3)" \
		"$(for n in 1 2 3; do echo "[\"$queue\",\"exit\",1,\"mqtk\",\"no\",\"$n\"]"; done)"
	mq consume -q --ack -e --retries 0 --dead-letter "amqp://$broker/?exchange=$queue-x" --exec 'exit 1' "$dead"
	expect_status 3 # those of a queue had no key that the exchange knows
	is "$("$MQTK" consume -q -e "$dead" | wc -l)" 4
	mq dlq requeue --yes --grep '[1-3]' "$dead"
	expect_status 0
	is "$("$MQTK" consume -q -e "$address")" "$(seq 3)"
	is "$(cat rest)" "$(seq 4 6)"
}

@test "a dead-letter queue that is full: it stops, exit 3, and the message is not taken" {
	full 3
	"$MQTK" create -q --max-length 1 --config x-overflow=reject-publish "$(at "$queue-dead")"
	"$MQTK" produce -q "$(at "$queue-dead")" < <(echo there)
	mq consume --ack -e --retries 0 --dead-letter "$(at "$queue-dead")" \
		--exec 'read -r n; [ "$n" != 2 ]' "$address"
	expect_status 3
	has "$err" "nack"
	"$MQTK" consume -q -e "$address" | grep -qx 2
	is "$("$MQTK" consume -q -e "$(at "$queue-dead")")" there
}

@test "a stream keeps its messages: refused, with what to do" {
	"$MQTK" create -q --type stream "$address"
	mq consume --ack -e --exec cat "$address"
	expect_status 2
	has "$err" "is a stream"
	has "$err" "mqtk replay"
}

# killed TYPE: at random moments, then once more to its end.
killed() {
	local i n=$((${MQTK_TEST_KILLS:-6} * 100))
	full "$n" "$1"
	for ((i = 0; i < ${MQTK_TEST_KILLS:-6}; i++)); do
		background consume -q --ack -e --exec-lines 'while read -r n; do echo "$n" >>ran; echo ok; sleep 0.002; done' \
			"$address" 2>>"$ERR" 4>&-
		printf -v moment '0.%03d' $((20 + RANDOM % 400))
		timeout "$moment" tail -q --pid="$pid" -s 0.01 -f /dev/null || :
		kill -9 "$pid" || :
		wait "$pid" || :
	done
	mq consume --ack -e --exec-lines 'while read -r n; do echo "$n" >>ran; echo ok; done' "$address"
	expect_status 0
	is "$(sort -nu ran)" "$(seq "$n")"
	is "$(left)" 0
}

@test "killed at any moment: every message was worked on: classic" {
	killed classic
}

@test "killed at any moment: every message was worked on: quorum" {
	killed quorum
}

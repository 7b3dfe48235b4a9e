#!/usr/bin/env bats
# What mqtk tells of a RabbitMQ and changes there, beside what the management API itself says: every
# figure of info and ls, exchanges and bindings, policies; and a management API that is not there,
# refuses or is something else.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
	requires_rabbitmq
	queue=$(unique admin)
	address=$(at "$queue")
}
teardown() {
	end_faults
	local name
	for name in "${policies[@]-}"; do
		[ -z "$name" ] || api DELETE "/api/policies/%2F/$name" >/dev/null 2>&1 || :
	done
	"$MQTK" delete -q --yes "$address" >/dev/null 2>&1 || :
}

# at NAME [VHOST]: the address of a queue, or of the broker.
at() { echo "amqp://$RABBITMQ/${2:+$2/}$1?management=$RABBITMQ_MANAGEMENT"; }

# api METHOD PATH [JSON]: the management API itself, as guest.
api() {
	"$root/scripts/python.sh" --with json - "$RABBITMQ_MANAGEMENT" "$@" <<'PYTHON'
import base64, sys, urllib.request
url, method, path = sys.argv[1:4]
body = sys.argv[4].encode() if len(sys.argv) > 4 else None
request = urllib.request.Request(url + path, method=method, data=body)
request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
request.add_header("Content-Type", "application/json")
sys.stdout.write(urllib.request.urlopen(request, timeout=10).read().decode())
PYTHON
}

# hold QUEUE N: a consumer `holder` gets N messages of it and keeps them until the end of the test.
hold() {
	"$root/scripts/python.sh" --with pika - "$RABBITMQ" "$@" >held 2>&1 3>&- 4>&- <<'PYTHON' &
import pika, sys
host, port = sys.argv[1].split(":")
channel = pika.BlockingConnection(pika.ConnectionParameters(host, int(port))).channel()
channel.basic_qos(prefetch_count=int(sys.argv[3]))
channel.basic_consume(sys.argv[2], lambda *delivery: print("got", flush=True), consumer_tag="holder")
channel.start_consuming()
PYTHON
	pids+=($!)
	wait_until 20 looked_at "$2"
}
looked_at() { [ "$(grep -c got held)" = "$1" ]; }

# sampled QUEUE FILTER: the broker has a sample of the queue of which the jq filter is true.
sampled() { api GET "/api/queues/%2F/$1" | jq -e "$2" >/dev/null; }

info() {
	mq info -J --all-config "$@"
	expect_status 0
	is "$err" ""
	fits stream
}
config() { jq -r --arg name "$1" '.config[] | select(.name == $name) | .value' "$OUT"; }

# --- what is told ---------------------------------------------------------------------------------

@test "info: every figure of a classic queue is the management API's" {
	mq create --max-length 100 --dead-letter-exchange dead --ttl 1h --bind 'amq.topic:a.#' "$address"
	expect_status 0
	mq produce "$address" < <(seq 1000 1009)
	expect_status 0
	hold "$queue" 3
	wait_until 40 sampled "$queue" \
		'.messages == 10 and .messages_unacknowledged == 3 and .consumers == 1 and .message_bytes == 40 and (.consumer_details | length) == 1'
	api GET "/api/queues/%2F/$queue" >told
	channel=$(jq -r '.consumer_details[0].channel_details.name|@uri' told)
	wait_until 20 holding "$channel" 3
	info "$address"
	is "$(jq -c '[.type, .messages, .ready, .unacked, .consumers, .bytes, .policy]' "$OUT")" \
		"$(jq -c '[.type, .messages, .messages_ready, .messages_unacknowledged, .consumers, .message_bytes, .policy]' told)"
	is "$(jq -c '[.ready, .unacked]' "$OUT")" '[7,3]'
	is "$(jq -c '.members[] | [.name, .from, .pending]' "$OUT")" \
		"$(jq -c '.consumer_details[] | [.consumer_tag, "\(.channel_details.peer_host):\(.channel_details.peer_port)", 3]' told)"
	is "$(jq -c '.bindings' "$OUT")" '[{"exchange":"amq.topic","key":"a.#","arguments":null}]'
	is "$(config max-length) $(config dead-letter-exchange) $(config message-ttl)" "100 dead 3600000"
	is "$(config durable) $(config auto-delete) $(config exclusive) $(config state)" "true false false running"
	is "$(config node)" "$(jq -r .node told)"
}
holding() { [ "$(api GET "/api/channels/$1" | jq .messages_unacknowledged)" = "$2" ]; }

@test "info: what was produced just now is counted, on classic and quorum queues" {
	for type in classic quorum; do
		address=$(at "$queue-$type")
		mq create --type "$type" "$address"
		expect_status 0
		mq produce "$address" < <(seq 20)
		expect_status 0
		info "$address"
		is "$(jq -c '[.type, .messages, .ready, .unacked, .consumers]' "$OUT")" "[\"$type\",20,20,0,0]"
		mq ls -J "$address"
		is "$(jq -c '[.stream, .type, .messages, .ready, .unacked]' "$OUT")" \
			"[\"$queue-$type\",\"$type\",20,20,0]"
		mq delete --yes "$address"
		expect_status 0
	done
}

@test "info: a quorum queue's delivery limit, leader and members" {
	mq create --type quorum --delivery-limit 7 "$address"
	expect_status 0
	info "$address"
	is "$(config delivery-limit)" 7
	api GET "/api/queues/%2F/$queue" >told
	is "$(config leader)" "$(jq -r .leader told)"
	is "$(config members)" "$(jq -c .members told)"
	mq delete --yes "$address"
	# Without a limit of its own it has that of the version.
	mq create --type quorum "$address"
	info "$address"
	case $RABBITMQ_VERSION in
	3.*) is "$(config delivery-limit)" "" ;;
	*) is "$(config delivery-limit)" 20 ;;
	esac
}

@test "info: a stream's messages and settings" {
	mq create --type stream --retention 2h --max-bytes 50M "$address"
	expect_status 0
	mq produce "$address" < <(seq 30)
	expect_status 0
	wait_until 40 sampled "$queue" '.messages == 30'
	info "$address"
	is "$(jq -c '[.type, .messages, .ready, .unacked]' "$OUT")" '["stream",30,null,null]'
	is "$(config max-age) $(config max-length-bytes)" "2h 52428800"
	is "$(jq -c '.partitions | length' "$OUT")" 1
}

@test "ls: every queue of the vhost with its figures, over several pages" {
	page=$(unique page)
	"$root/scripts/python.sh" --with pika - "$RABBITMQ" "$page" >made 2>&1 3>&- 4>&- <<'PYTHON' &
import pika, sys
host, port = sys.argv[1].split(":")
connection = pika.BlockingConnection(pika.ConnectionParameters(host, int(port), "other"))
channel = connection.channel()
for i in range(1003):
    channel.queue_declare("%s-%d" % (sys.argv[2], i), exclusive=True)
print(channel.queue_declare("", exclusive=True).method.queue, flush=True)
for i in range(3):
    channel.basic_publish("", sys.argv[2] + "-7", b"12345")
print("made", flush=True)
while True:
    connection.process_data_events(1)
PYTHON
	pids+=($!)
	wait_until 60 grep -q made made
	mq ls -J "$(at "" other)"
	expect_status 0
	fits stream
	is "$(jq -r .stream "$OUT" | grep "^$page")" \
		"$(seq -f "$page-%.0f" 0 1002 | LC_ALL=C sort)"
	is "$(jq -c --arg name "$page-7" 'select(.stream == $name) | [.type, .messages, .ready, .unacked]' "$OUT")" \
		'["classic",3,3,0]'
	# What the broker names itself is not shown unless asked for.
	named=$(head -n 1 made)
	has "$named" amq.gen-
	has_not "$out" "$named"
	mq ls -Ja "$(at "" other)"
	has "$out" "$named"
	mq ls -J --quick "$(at "$page-8" other)"
	is "$(jq -c '[.stream, .type, .messages]' "$OUT")" "[\"$page-8\",\"classic\",null]"
	mq ls "$(at "$page-8")"
	expect_status 8
}

@test "info BROKER: cluster, version, nodes, and exchanges with what is bound to them" {
	events=$(unique events)
	mq create --exchange "$events" --type topic "$(at "")"
	expect_status 0
	mq create --bind "$events:orders.#" --bind "$events:two words" "$address"
	expect_status 0
	mq info -J "$(at "")"
	expect_status 0
	is "$err" ""
	fits broker
	api GET /api/overview >told
	is "$(jq -c '[.broker, .version]' "$OUT")" "$(jq -c '[.cluster_name, .rabbitmq_version]' told)"
	is "$(jq -c '.nodes[0] | [.host, .port]' "$OUT")" "[$(jq .node told),${RABBITMQ#*:}]"
	is "$(jq -c '.exchanges | map([.name, .type, .durable]) | sort' "$OUT")" \
		"$(api GET /api/exchanges/%2F | jq -c 'map([.name, .type, .durable]) | sort')"
	is "$(jq -c --arg name "$events" '.exchanges[] | select(.name == $name) | .bindings | map([.[]|strings]) | sort' "$OUT")" \
		"[[\"$queue\",\"orders.#\"],[\"$queue\",\"two words\"]]"
	mq info -J -X exchange="$events" "$(at "")"
	expect_status 0
	is "$(jq -c '.exchanges | map([.name, .type, (.bindings | length)])' "$OUT")" "[[\"$events\",\"topic\",2]]"
	mq info -X exchange=none "$(at "")"
	expect_status 8
	has "$err" "exchange 'none'"
	mq delete --yes --exchange "$events" "$(at "")"
	expect_status 0
}

# --- what is changed ------------------------------------------------------------------------------

@test "alter: limits hold, and what a policy said before still does" {
	policies=("above-$queue")
	mq create "$address"
	expect_status 0
	mq alter --yes --max-length 3 "$address"
	expect_status 0
	has "$err" "the policy 'mqtk:$queue' (priority 0) applies"
	has "$err" "arguments stay"
	wait_until 10 limited 3 5
	# Another one with a higher priority takes its place, and is repeated by the next change.
	api PUT "/api/policies/%2F/above-$queue" \
		"{\"pattern\":\"^$queue\",\"definition\":{\"message-ttl\":600000,\"max-length\":4},\"priority\":6}"
	wait_until 10 limited 4 5
	info "$address"
	is "$(jq -r .policy "$OUT")" "above-$queue"
	mq alter --yes --max-length 2 "$address"
	expect_status 0
	has "$err" "priority 7"
	has "$err" "repeats 'above-$queue'"
	is "$(api GET "/api/policies/%2F/mqtk%3A$queue" | jq -cS '[.pattern, .definition, .priority]')" \
		"[\"^$queue\$\",{\"max-length\":2,\"message-ttl\":600000},7]"
	info "$address"
	is "$(config max-length) $(config message-ttl) $(jq -r .policy "$OUT")" "2 600000 mqtk:$queue"
	wait_until 10 limited 2 5
	# Its policy goes with the queue.
	mq delete --yes "$address"
	expect_status 0
	is "$(policies_of "$queue")" "[\"above-$queue\"]"
}
# policies_of QUEUE: other tests have theirs.
policies_of() {
	api GET /api/policies/%2F | jq -c --arg name "$1" 'map(.name | select(endswith($name)))'
}
# limited N M: of M messages more, the queue keeps N in all.
limited() {
	mq produce "$address" < <(seq "$2")
	expect_status 0
	mq info -J "$address"
	[ "$(jq .messages "$OUT")" = "$1" ]
}

@test "alter: what the queue was declared with wins, and that is said" {
	mq create --max-length 10 --dead-letter-exchange one "$address"
	expect_status 0
	mq alter --yes --max-length 11 "$address"
	expect_status 2
	has "$err" "x-max-length = 10"
	mq alter --yes --dead-letter-exchange two "$address"
	expect_status 2
	mq alter --yes --delivery-limit 3 "$address"
	expect_status 2
	has "$err" "only quorum queues"
	mq alter --yes --config no-such-rule=1 "$address"
	expect_status 2
	has "$err" "not recognised policy settings"
	mq alter --yes --type quorum "$address"
	expect_status 2
	is "$(policies_of "$queue")" "[]"
	mq alter --yes --max-length 9 "$address"
	expect_status 0
	info "$address"
	is "$(config max-length)" 9
}

@test "alter: a quorum queue's delivery limit, a stream's retention, a binding" {
	mq create --type quorum "$address"
	mq alter --yes --delivery-limit 4 --dead-letter-exchange amq.fanout --dead-letter-key dead "$address"
	expect_status 0
	info "$address"
	is "$(config delivery-limit) $(config dead-letter-exchange) $(config dead-letter-routing-key)" \
		"4 amq.fanout dead"
	mq alter --bind amq.topic:late.# "$address"
	expect_status 0
	mq produce -X exchange=amq.topic -k late.one "$(at "")" < <(echo arrived)
	expect_status 0
	info "$address"
	is "$(jq -c '[.messages, .bindings[0].key]' "$OUT")" '[1,"late.#"]'
	mq alter --yes --bind nowhere:x --delivery-limit 5 "$address"
	expect_status 8
	info "$address"
	is "$(config delivery-limit)" 4 # all or nothing
	mq delete --yes "$address"
	mq create --type stream "$address"
	mq alter --yes --retention 90m "$address"
	expect_status 0
	info "$address"
	is "$(config max-age)" 5400s
}

# --- when there is none to ask ---------------------------------------------------------------------

@test "no management API: info tells what AMQP knows, ls and alter say where one was looked for" {
	mq create "$address"
	mq produce "$address" < <(seq 4)
	expect_status 0
	nobody="amqp://$RABBITMQ/$queue?management=http://127.0.0.1:1"
	mq info -J "$nobody"
	expect_status 0
	is "$(jq -c '[.stream, .type, .ready, .messages, .consumers]' "$OUT")" "[\"$queue\",null,4,null,0]"
	is "$(grep -c 'http://127.0.0.1:1' <<<"$err")" 1
	has "$err" "-X management="
	mq ls "amqp://$RABBITMQ/?management=http://127.0.0.1:1"
	expect_status 4
	has "$err" "http://127.0.0.1:1"
	has "$err" "-X management="
	mq alter --yes --max-length 3 "$nobody"
	expect_status 4
	mq info "amqp://$RABBITMQ/$queue-none?management=http://127.0.0.1:1"
	expect_status 8
	# Whatever else is there.
	mq ls "amqp://$RABBITMQ/?management=http://$RABBITMQ"
	expect_status 7
	has "$err" "http://$RABBITMQ"
	mq ls "amqp://$RABBITMQ/?management=$RABBITMQ_MANAGEMENT/js"
	expect_status 7
	mq info "amqp://$RABBITMQ/?management=$RABBITMQ_MANAGEMENT/js"
	expect_status 7
	mq ls "amqp://$RABBITMQ/?management=$RABBITMQ"
	expect_status 2
}

@test "no libcurl: only what AMQP tells, and the package's name" {
	if ldd "$MQTK" | grep -q libcurl; then
		skip "another library of the program needs libcurl here: without it nothing starts"
	fi
	mq create "$address"
	mkdir lib
	echo "no library" >lib/libcurl.so.4
	export LD_LIBRARY_PATH=$PWD/lib
	mq ls "$(at "")"
	expect_status 2
	has "$err" libcurl4
	mq info -J "$address"
	expect_status 0
	is "$(jq .ready "$OUT")" 0
	has "$err" libcurl4
	unset LD_LIBRARY_PATH
}

@test "users: the URL's own, a wrong password, one without the tag; no password is told" {
	mq create "$address"
	bare=${RABBITMQ_MANAGEMENT#http://}
	mq ls "amqp://nobody:s3cr3t@$RABBITMQ/$queue?management=http://guest:guest@$bare/api/"
	expect_status 0
	mq ls "amqp://$RABBITMQ/$queue?management=http://guest:s3cr3t@$bare"
	expect_status 5
	has "$err" "the management API refuses this user"
	has_not "$err$out" s3cr3t
	mq ls "amqp://alice:alice-secret@$RABBITMQ/?management=$RABBITMQ_MANAGEMENT"
	expect_status 5
	has "$err" "tag management"
	has_not "$err$out" alice-secret
	# To look at a queue is something else than to manage.
	mq info -J "amqp://$RABBITMQ/$queue?management=http://guest:s3cr3t@$bare"
	expect_status 0
	is "$(jq .ready "$OUT")" 0
	has_not "$err$out" s3cr3t
}

@test "vhosts: each has its own, and one that is not there is said" {
	address=$(at "$queue" other)
	mq create "$address"
	expect_status 0
	info "$address"
	is "$(jq -r .stream "$OUT")" "$queue"
	mq ls "$(at "$queue")"
	expect_status 8
	mq ls "$(at "" none)"
	expect_status 8
	has "$err" "there is no vhost 'none'"
}

@test "no right to write: every record is accounted for, and not each of them is tried" {
	mq create "$address"
	api PUT /api/users/reader '{"password":"reader-secret","tags":""}'
	api PUT /api/permissions/%2F/reader '{"configure":".*","write":"^$","read":".*"}'
	seq 20000 >in
	status=0
	timeout 30 "$MQTK" produce --failed-to failed.jsonl \
		"amqp://reader:reader-secret@$RABBITMQ/$queue?management=$RABBITMQ_MANAGEMENT" \
		<in >"$OUT" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	mq_result
	expect_status 5
	has "$err" "refused for user 'reader'"
	diff in <(jq -r .payload failed.jsonl)
	info "$address"
	is "$(jq .ready "$OUT")" 0
}

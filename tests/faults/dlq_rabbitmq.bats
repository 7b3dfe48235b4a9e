#!/usr/bin/env bats
# Dead letters on RabbitMQ, as its own dead-lettering makes them: read exactly, put back to where they
# died, some taken while the others stay in their places; being killed, and a broker that is, lose none.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
	requires_rabbitmq
	queue=$(unique letters)
	vhost=/
	here "$RABBITMQ" "$RABBITMQ_MANAGEMENT"
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
}
teardown() {
	end_faults
	[ -z "${server-}" ] || rabbitmq_kill "$server" || :
}

# here HOST:PORT URL: the server that the test is about.
here() {
	broker=$1
	management=$2
}
at() { echo "amqp://$broker/$1?management=$management"; }

own_server() {
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a broker of its own"
	# shellcheck source=tests/brokers/rabbitmq.sh
	source "$root/tests/brokers/rabbitmq.sh"
	server=own-letters-$$-$BATS_TEST_NUMBER
	rabbitmq_start "$server" 3>&- 4>&-
	here "$RABBITMQ" "$RABBITMQ_MANAGEMENT"
}

# peer COMMAND…: see letters_rabbitmq.py.
peer() {
	"$root/scripts/python.sh" --with pika "$BATS_TEST_DIRNAME/letters_rabbitmq.py" "$broker" "$vhost" "$@"
}

# mortal TYPE [ARGUMENTS]: $queue, whose dead go to $queue-dead; both of that type.
mortal() {
	peer declare "$queue-dead" "{\"x-queue-type\":\"$1\"}" -- \
		declare "$queue" "{\"x-queue-type\":\"$1\",\"x-dead-letter-exchange\":\"\",\"x-dead-letter-routing-key\":\"$queue-dead\"${2-}}"
}

payloads() { "$MQTK" consume -q -e "$(at "$1")"; }
taken() { "$MQTK" consume -q -e --ack "$(at "$1")"; }

# chosen_go TYPE: of 5,000 letters those that are chosen go, and the others stay as they lie; twice.
chosen_go() {
	local digit
	"$MQTK" create -q --type "$1" "$(at "$queue")"
	"$MQTK" create -q --type "$1" "$(at "$queue-to")"
	seq 5000 | "$MQTK" produce -q "$(at "$queue")"
	for digit in $((RANDOM % 10)) $((RANDOM % 10))$((RANDOM % 10)); do
		payloads "$queue" >before
		mq dlq move -q --yes --grep "$digit\$" "$(at "$queue")" "$(at "$queue-to")"
		expect_status 0
		payloads "$queue" | diff <(grep -v "$digit\$" before) -
		taken "$queue-to" | diff <(grep "$digit\$" before) -
	done
	mq dlq requeue -q --yes -c 7 --to "$(at "$queue-to")" "$(at "$queue")"
	expect_status 0
	taken "$queue" | diff <(grep -v "$digit\$" before | tail -n +8) -
	taken "$queue-to" | diff <(grep -v "$digit\$" before | head -n 7) -
}

# reads_deaths TYPE
reads_deaths() {
	peer kill-all "$1" "$queue"
	peer deaths "$queue-dead" | jq -c . >want
	is "$(jq -r '.[2]' want | sort -u | tr '\n' ' ')" "$2"
	mq dlq show -J "$(at "$queue-dead")"
	expect_status 0
	jq -c '[.message.payload,.origin_stream,.reason,.origin_exchange,.origin_key,.attempts,.died_ts]' out |
		diff want -
	jq -es 'all(.[]; .dialect=="rabbitmq" and .exception==null and .origin_partition==null and .origin_offset==null)' \
		out >/dev/null
	mq dlq stats -J "$(at "$queue-dead")"
	is "$(jq -c '[.letters,(.reasons|map(.count)|add)]' out)" "[6,6]"
	mq dlq show -J --reason expired --origin "$queue-waiting" "$(at "$queue-dead")"
	is "$(jq -r .message.payload out)" twice
}

@test "reject, two kinds of TTL, length and refusal tell why, in a classic queue" {
	reads_deaths classic "expired maxlen rejected "
}

@test "reject, two kinds of TTL, length and delivery limit tell why, in a quorum queue" {
	reads_deaths quorum "delivery_limit expired maxlen rejected "
}

@test "chosen letters go, the others stay in their places: classic" {
	chosen_go classic
}

@test "chosen letters go, the others stay in their places: quorum" {
	chosen_go quorum
}

# goes_home TYPE
goes_home() {
	mortal "$1"
	peer fan "$queue-events" "$queue" "$queue-other" -- \
		publish "$queue-events" orders.paid 4 '{"headers":{"app":"shop"},"user_id":"guest","message_id":"m"}' -- \
		reject "$queue" 4 -- wait "$queue-dead" 4
	mq dlq requeue --yes --grep '[23]' "$(at "$queue-dead")"
	expect_status 0
	has "$err" "rejected"
	peer read "$queue" >got
	is "$(jq -r .payload got)" $'2\n3'
	# What told of the death is gone; ours and the sender's are there.
	is "$(jq -c '[.user_id,.message_id,.headers]' got | sort -u)" \
		"[\"guest\",\"m\",[[\"app\",\"shop\"],[\"mqtk-replay-count\",\"1\"],[\"mqtk-replay-source\",\"$queue-dead\"]]]"
	# The exchange was not asked: it would have given another copy to each of its queues.
	is "$(peer read "$queue-other" | jq -r .payload | tr '\n' ' ')" "1 2 3 4 "
	is "$(payloads "$queue-dead")" $'1\n4'
	# Asked for, it does; the key is the one from before the death.
	mq dlq requeue --yes --to "amqp://$broker/" -X "dst.exchange=$queue-events" "$(at "$queue-dead")"
	expect_status 0
	is "$(peer read "$queue" | jq -r .payload | tr '\n' ' ')" "1 4 "
	mq consume -J -e "$(at "$queue-other")"
	is "$(jq -c '[.payload,.key]' out)" $'["1","orders.paid"]\n["4","orders.paid"]'
}

@test "home is the queue where it died, and no other; without what told of the death: classic" {
	goes_home classic
}

@test "home is the queue where it died, and no other; without what told of the death: quorum" {
	goes_home quorum
}

@test "what Spring AMQP republished: home where that is known, and --to an exchange where it is not" {
	peer declare "$queue" -- declare "$queue-dead" -- fan "$queue-x" "$queue" "$queue-other" -- \
		publish "" "$queue-dead" 1 '{"headers":{"x-original-exchange":"","x-original-routingKey":"'"$queue"'","x-exception-message":"e"}}' -- \
		publish "" "$queue-dead" 1 '{"headers":{"x-original-exchange":"'"$queue-x"'","x-original-routingKey":"orders.b"}}'
	mq dlq requeue --yes "$(at "$queue-dead")"
	expect_status 3
	is "$("$MQTK" consume -q -e --ack -J "$(at "$queue")" | jq -c '[.key,.exchange]')" '[null,null]'
	mq dlq requeue --yes --to "$(at "")&exchange=$queue-x" "$(at "$queue-dead")"
	expect_status 0
	for q in "$queue" "$queue-other"; do
		is "$("$MQTK" consume -q -e --ack -J "$(at "$q")" | jq -c '[.key,.exchange]')" "[\"orders.b\",\"$queue-x\"]"
	done
}

@test "queues that are gone or full: those letters stay, the others go, exit 3" {
	mortal classic ',"x-max-length":2,"x-overflow":"reject-publish"'
	peer declare "$queue-gone" "{\"x-dead-letter-exchange\":\"\",\"x-dead-letter-routing-key\":\"$queue-dead\"}" -- \
		publish '' "$queue" 2 -- reject "$queue" 2 -- wait "$queue-dead" 2 -- \
		publish '' "$queue-gone" 2 -- reject "$queue-gone" 2 -- wait "$queue-dead" 4 -- \
		publish '' "$queue" 2 -- reject "$queue" 2 -- wait "$queue-dead" 6
	"$MQTK" delete -q --yes "$(at "$queue-gone")"
	mq dlq requeue --yes "$(at "$queue-dead")"
	expect_status 3
	has "$err" "$queue-gone"
	has "$err" "$queue: the broker did not take the message (nack)"
	has "$err" "4 of 6"
	has "$err" "--to ADDR"
	is "$(payloads "$queue" | tr '\n' ' ')" "1 2 "
	is "$("$MQTK" dlq show -q -J "$(at "$queue-dead")" | jq -r '.origin_stream+" "+.message.payload')" \
		"$queue-gone 1
$queue-gone 2
$queue 1
$queue 2"
	mq dlq requeue --yes --to "$(at "$queue-nowhere")" "$(at "$queue-dead")"
	expect_status 8
	has "$err" "$queue-nowhere"
	mq dlq requeue --yes --to "$(at "$queue")" "$(at "$queue-dead")"
	expect_status 3
	is "$(payloads "$queue-dead" | wc -l)" 4
}

@test "a queue that rejects again: it ends, and --max-replays holds back what came again" {
	mortal classic
	peer publish '' "$queue" 200 -- reject "$queue" 200 -- wait "$queue-dead" 200
	"$root/scripts/python.sh" --with pika "$BATS_TEST_DIRNAME/letters_rabbitmq.py" "$broker" / rejecting "$queue" >said 3>&- 4>&- &
	rejecter=$!
	pids+=("$rejecter")
	wait_until 20 grep -q ready said
	mq_within 60 dlq requeue --yes "$(at "$queue-dead")"
	expect_status 0
	has "$err" "200 messages"
	peer wait "$queue-dead" 200
	mq_within 60 dlq requeue --yes --max-replays 2 -c 150 "$(at "$queue-dead")"
	expect_status 0
	peer wait "$queue-dead" 200
	mq_within 60 dlq requeue --yes --max-replays 2 "$(at "$queue-dead")"
	expect_status 0
	peer wait "$queue-dead" 200
	is "$("$MQTK" consume -q -e -J "$(at "$queue-dead")" |
		jq -r '.headers[]|select(.[0]=="mqtk-replay-count")[1]' | sort | uniq -c | tr -s ' \n' ' ')" " 200 2 "
	mq_within 60 dlq requeue --yes --max-replays 2 --to "$(at "$queue")" "$(at "$queue-dead")"
	is "$("$MQTK" consume -q -e "$(at "$queue-dead")" | sort -nu)" "$(seq 200)"
	kill "$rejecter"
	wait "$rejecter" || :
}

@test "export, import, drop: nothing that a letter carries is lost" {
	mortal quorum
	peer publish '' "$queue" 3 '{"headers":{"n":7,"t":true},"correlation_id":"c","priority":3,"expiration":"90000"}' -- \
		reject "$queue" 3 -- wait "$queue-dead" 3
	mq dlq export "$(at "$queue-dead")" letters.jsonl
	expect_status 0
	is "$(payloads "$queue-dead" | wc -l)" 3
	"$MQTK" create -q "$(at "$queue-again")"
	mq dlq import letters.jsonl "$(at "$queue-again")"
	expect_status 0
	mq dlq drop --yes "$(at "$queue-dead")"
	expect_status 0
	is "$(payloads "$queue-dead")" ""
	# How often a queue has delivered it, and what brought it there, is no part of a letter.
	carried='{payload,key,correlation_id,priority,expiry_ms,headers:(.headers|map(select(.[0]|test("^x-(delivery|acquired)-count$")|not))),header_types}'
	jq -c "$carried" letters.jsonl >want
	jq -c "$carried" "$queue-dead-dropped-"*.jsonl | diff want -
	"$MQTK" consume -q -e -J "$(at "$queue-again")" | jq -c "$carried" | diff want -
	mq dlq show -J "$(at "$queue-again")"
	is "$(jq -c '[.origin_stream,.reason]' out | sort -u)" "[\"$queue\",\"rejected\"]"
	# For other programs the moment of the death is still one.
	is "$(peer deaths "$queue-again" | jq '.[6]')" "$(jq .died_ts out)"
}

@test "virtual hosts, names of every kind, no management API" {
	local name="$queue a/ä%?#&"
	vhost=other
	peer declare "$name.dead" -- declare "$name" "{\"x-dead-letter-exchange\":\"\",\"x-dead-letter-routing-key\":\"$name.dead\"}" -- \
		publish '' "$name" 2 -- reject "$name" 2 -- wait "$name.dead" 2
	mq dlq requeue --yes "amqp://$broker/other/$(jq -rn --arg n "$name.dead" '$n|@uri')?management=http://127.0.0.1:1"
	expect_status 0
	is "$(peer read "$name" | jq -r .payload | tr '\n' ' ')" "1 2 "
	is "$(peer read "$name.dead")" ""
}

@test "where a look could make the broker drop letters nothing is tried without --force" {
	case $RABBITMQ_VERSION in
	3.* | 4.[012].*) ;;
	*) skip "RabbitMQ $RABBITMQ_VERSION does not count what is given back" ;;
	esac
	peer declare "$queue-dead" '{"x-queue-type":"quorum","x-delivery-limit":3}'
	seq 9 | "$MQTK" produce -q "$(at "$queue-dead")"
	"$MQTK" create -q "$(at "$queue")"
	mq dlq requeue --yes --to "$(at "$queue")" "$(at "$queue-dead")"
	expect_status 2
	has "$err" "--force"
	mq dlq show "$(at "$queue-dead")"
	expect_status 2
	mq dlq requeue --yes --force --grep '[1-4]' --to "$(at "$queue")" "$(at "$queue-dead")"
	expect_status 0
	is "$(taken "$queue-dead" | tr '\n' ' ')" "5 6 7 8 9 "
}

# --- being killed ---------------------------------------------------------------------------------

# moment LEAST MOST: sets $moment, a number of seconds, from milliseconds.
moment() { printf -v moment '0.%03d' $(($1 + RANDOM % ($2 - $1))); }

# killed LETTERS ARG…: dlq, killed at random moments, then once more to its end.
killed() {
	local i
	for ((i = 0; i < ${MQTK_TEST_KILLS:-5}; i++)); do
		background dlq "$@" 2>>"$ERR" 4>&-
		moment 5 250
		timeout "$moment" tail -q --pid="$pid" -s 0.01 -f /dev/null || :
		kill -9 "$pid" || :
		wait "$pid" || :
	done
	mq dlq "$@"
	expect_status 0
}

# requeue_killed TYPE, move_killed TYPE: all are there in the end, and none is left.
requeue_killed() {
	local n=$((${MQTK_TEST_KILLS:-5} * 400))
	mortal "$1"
	seq $n | "$MQTK" produce -q "$(at "$queue")"
	peer reject "$queue" $n -- wait "$queue-dead" $n
	killed requeue -q --yes --rate 4000 "$(at "$queue-dead")"
	taken "$queue" >got
	sort -nu got | diff <(seq $n) -
	is "$(payloads "$queue-dead" | wc -l)" 0
}
move_killed() {
	local n=$((${MQTK_TEST_KILLS:-5} * 800))
	"$MQTK" create -q --type "$1" "$(at "$queue")"
	"$MQTK" create -q --type "$1" "$(at "$queue-to")"
	seq $n | "$MQTK" produce -q "$(at "$queue")"
	killed move -q --yes --grep '[02468]$' "$(at "$queue")" "$(at "$queue-to")"
	payloads "$queue" >got
	# A quorum queue puts what the dead one held behind what it never held.
	[ "$1" = classic ] || sort -no got got
	seq 1 2 $n | diff - got
	killed move -q --yes "$(at "$queue")" "$(at "$queue-to")"
	taken "$queue-to" | sort -nu | diff <(seq $n) -
	is "$(payloads "$queue" | wc -l)" 0
}

@test "requeue killed at any moment: none is lost: classic" {
	requeue_killed classic
}

@test "requeue killed at any moment: none is lost: quorum" {
	requeue_killed quorum
}

@test "move killed at any moment: none is lost, what stays keeps its order: classic" {
	move_killed classic
}

@test "move killed at any moment: none is lost: quorum" {
	move_killed quorum
}

@test "the broker is killed and comes back in the middle: it goes on, none is lost" {
	own_server
	mortal classic
	rabbitmq_write "$server"
	# What the broker itself buries is confirmed to nobody, and from 4.0 on it loses that when it
	# is killed.
	seq 3000 | "$MQTK" produce -q -H "dlq-origin-stream=$queue" -H dlq-reason=rejected "$(at "$queue-dead")"
	background dlq requeue --yes --rate 500 --timeout 90s "$(at "$queue-dead")" 2>"$ERR" 4>&-
	wait_until 20 went 200
	rabbitmq_kill "$server"
	rabbitmq_again "$server" 3>&- 4>&-
	wait_for_end "$pid" 90
	err=$(cat "$ERR")
	expect_status 0
	has "$err" "connecting again"
	taken "$queue" | sort -nu | diff <(seq 3000) -
	is "$(payloads "$queue-dead" | wc -l)" 0
}
went() { [ "$(peer depth "$queue")" -ge "$1" ]; }

@test "a queue that another consumer has for itself: told as that, and not as a right that is missing" {
	mortal classic
	peer publish '' "$queue-dead" 3
	"$root/scripts/python.sh" --with pika - "$broker" "$queue-dead" >held 2>&1 3>&- 4>&- <<-'PYTHON' &
		import pika, sys
		host, port = sys.argv[1].split(":")
		channel = pika.BlockingConnection(pika.ConnectionParameters(host, int(port))).channel()
		channel.basic_qos(prefetch_count=1)
		channel.basic_consume(sys.argv[2], lambda *delivery: print("got", flush=True), exclusive=True)
		channel.start_consuming()
	PYTHON
	pids+=($!)
	wait_until 20 grep -q got held
	mq_within 30 dlq requeue --yes --to "$(at "$queue")" "$(at "$queue-dead")"
	expect_status 5
	has "$err" "in exclusive use"
	has "$err" "another consumer has it for itself"
	has_not "$err" set_permissions
}

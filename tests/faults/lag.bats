#!/usr/bin/env bats
# mqtk lag on real servers: its figures number by number against those of the brokers' own tools, and
# what is said when nodes are down, topics are gone, and members come and go.
# shellcheck disable=SC2154 # set in the helpers

setup() {
	load faults
	use_faults
}
teardown() { end_faults; }

terminal() {
	"$root/scripts/python.sh" --with termios "$root/tests/lib/terminal.py" "$@" >&2
}

# ours GROUP…: "group topic partition committed end lag", as the Java tool says it.
ours() {
	mq lag -J --no-age "kafka://$broker/" "$@"
	expect_status 0
	fits lag
	jq -r '[.group, .stream, .partition, .committed, .end, .lag] | map(. // "-") | join(" ")' out |
		sort
}

# javas GROUP…: the same by the Java tool; and the ids of members behind it, in a file of their own.
javas() {
	local group args=()
	for group in "$@"; do args+=(--group "$group"); done
	kafka_tool "${own:-kafka3}" org.apache.kafka.tools.consumer.group.ConsumerGroupCommand \
		--bootstrap-server "$broker" --describe "${args[@]}" >java.out 2>java.err
	awk 'NF >= 6 && $1 != "GROUP" { print $1, $2, $3, $4, $5, $6 }' java.out | sort
}

use_java() {
	requires_kafka
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, for the Java tool"
	# shellcheck source=tests/brokers/kafka.sh
	source "$root/tests/brokers/kafka.sh"
	broker=$KAFKA
}

@test "Kafka: every figure is the Java tool's" {
	use_java
	run=$(unique run)
	for partitions in 1 3 10; do
		mq create -q --partitions "$partitions" "kafka://$broker/$run-$partitions"
		seq $((partitions * 200)) | sed 's/.*/&:&/' | "$MQTK" produce -q -K: "kafka://$broker/$run-$partitions"
	done
	mq create -q --partitions 2 "kafka://$broker/$run-empty"
	# Read to the end; read in part; two topics; nothing in it.
	"$MQTK" consume -q -g "$run-full" -e "kafka://$broker/$run-10" >/dev/null
	"$MQTK" consume -q -g "$run-part" -e "kafka://$broker/$run-3" >/dev/null
	"$MQTK" consume -q -g "$run-two" -e "kafka://$broker/$run-1" "kafka://$broker/$run-3" >/dev/null
	"$MQTK" consume -q -g "$run-empty" -e "kafka://$broker/$run-empty" >/dev/null
	# More comes, some of it in transactions, whose marks count as offsets.
	seq 77 | sed 's/.*/&:&/' | "$MQTK" produce -q -K: "kafka://$broker/$run-3"
	seq 5 | "$MQTK" produce -q --transactional -p 0 "kafka://$broker/$run-1"
	# And what one group has read is truncated behind another's place.
	mq trim -q --yes --max-length 20 "kafka://$broker/$run-3"
	expect_status 0
	# One has a member that has committed nothing.
	background consume -q -g "$run-live" --from end "kafka://$broker/$run-3" >/dev/null
	has_member() { "$MQTK" lag -q --no-members --no-age --allow-unknown "kafka://$broker/" "$run-live"; }
	wait_until 30 has_member >/dev/null 2>&1
	groups=("$run-full" "$run-part" "$run-two" "$run-empty" "$run-live")
	ours "${groups[@]}" >ours.all
	javas "${groups[@]}" >javas.all
	# What nobody has committed and nobody reads the Java tool leaves out.
	grep -vE -- ' - [0-9-]+ -$' ours.all >ours.known
	grep -vE -- ' - [0-9-]+ -$' javas.all >javas.known
	diff javas.known ours.known
	[ "$(wc -l <ours.known)" -ge 17 ]
	diff <(grep "$run-live" javas.all) <(grep "$run-live" ours.all)
	# The sums, too.
	mq lag -J --no-age --totals "kafka://$broker/" "$run-part"
	is "$(jq .lag out)" "$(awk -v g="$run-part" '$1 == g { n += $6 } END { print n }' javas.all)"
}

@test "Kafka: ages are those of the oldest unread messages" {
	real_topic 2
	now=$(date +%s%3N)
	printf '{"payload":"a","partition":0,"ts":%d}\n{"payload":"b","partition":0,"ts":%d}\n' \
		$((now - 3600000)) $((now - 60000)) | "$MQTK" produce -q -J "$address"
	"$MQTK" consume -q -g "$topic" -c 1 "$address" >/dev/null
	mq lag -J "$address" "$topic"
	expect_status 0
	jq -es 'map(select(.partition == 0))[0] | .lag == 1 and .age_ms >= 60000 and .age_ms < 120000' out
	mq lag "$address" "$topic" --max-age 5m --allow-unknown
	expect_status 0
	mq lag "$address" "$topic" --max-age 30s --allow-unknown
	expect_status 1
	has "$err" "group $topic on $topic: the oldest unread message is"
	mq lag -J --no-age "$address" "$topic"
	jq -es 'map(select(.partition == 0))[0] | .age_ms == null' out
}

@test "Kafka: a group whose topic is gone, a topic without a commit, groups nobody has" {
	real_topic 2
	seq 10 | "$MQTK" produce -q -p 0 "$address"
	"$MQTK" consume -q -g "$topic" -e "$address" >/dev/null
	mq create -q "kafka://$broker/$topic-other"
	seq 3 | "$MQTK" produce -q "kafka://$broker/$topic-other"
	"$MQTK" consume -q -g "$topic" -e "kafka://$broker/$topic-other" >/dev/null
	mq delete -q --yes "$address"
	mq_within 30 lag -J "kafka://$broker/" "$topic"
	expect_status 0
	fits lag
	# The broker forgets the positions in the topic a little later; until then the row says so.
	jq -es --arg t "$topic" 'map(select(.stream == $t)) | all(.lag == null and (.error | length > 0))' out
	jq -es --arg t "$topic-other" 'map(select(.stream == $t)) | length == 1 and .[0].lag == 0' out
	mq_within 30 lag "$address" "$topic"
	expect_status 8
	has "$err" "$topic"
	mq_within 30 lag "kafka://$broker/" "$topic-x"
	expect_status 8
	has "$err" "did you mean $topic?"
}

@test "Kafka: a topic is deleted while lag looks on" {
	real_topic 3
	seq 30 | "$MQTK" produce -q "$address"
	mq create -q "kafka://$broker/$topic-other"
	seq 3 | "$MQTK" produce -q "kafka://$broker/$topic-other"
	"$MQTK" consume -q -g "$topic" -e "$address" "kafka://$broker/$topic-other" >/dev/null
	background lag -J --no-age --watch=200ms "kafka://$broker/" "$topic" >looks 2>looks.err
	looks() { jq -r .ts looks 2>/dev/null | uniq | wc -l; }
	looked() { [ "$(looks)" -ge "$1" ]; }
	wait_until 30 looked 2
	mq delete -q --yes "$address"
	said() { jq -es --arg t "$topic" 'any(.stream == $t and .error)' looks >/dev/null; }
	wait_until 30 said
	wait_until 30 looked $(($(looks) + 3))
	kill -INT "$pid"
	wait_for_end "$pid" 10
	is "$status" 130
	cp looks out
	fits lag
	# The other one was told all the time.
	is "$(jq -r --arg t "$topic-other" 'select(.stream == $t) | .lag' looks | sort -u)" 0
}

@test "Kafka: a node is down: a partial table, exit 3, and what is missing is said; all of them: 4" {
	own_cluster --nodes 3 --set broker.session.timeout.ms=3000 --set broker.heartbeat.interval.ms=500
	# Each partition on one node alone.
	mq create -q --partitions 6 --replicas 1 "$address"
	expect_status 0
	seq 600 | sed 's/.*/&:&/' | "$MQTK" produce -q -K: "$address"
	"$MQTK" consume -q -g g -e "$address" >/dev/null
	seq 600 | sed 's/.*/&:&/' | "$MQTK" produce -q -K: "$address"
	mq lag -J --no-age "$address" g
	expect_status 0
	cp out before
	is "$(jq -s 'map(.lag) | add' before)" 600
	coordinator=$(kafka_tool "$own" org.apache.kafka.tools.consumer.group.ConsumerGroupCommand \
		--bootstrap-server "$broker" --describe --state --group g 2>/dev/null |
		sed -n 's/^g .*(\([0-9]*\)).*/\1/p')
	[ -n "$coordinator" ]
	victim=$((coordinator % 3 + 1)) # another one
	kafka_kill "$own" "$victim"
	# At once, and when the cluster has noticed.
	mq_within 60 lag -J --no-age --timeout 5s "$address" g
	expect_status 3
	has "$err" "${topic}["
	fits lag
	noticed() { "$MQTK" info -J "$address" | jq -e 'any(.partitions[]; .leader == null)' >/dev/null; }
	wait_until 60 noticed
	mq_within 60 lag -J --no-age --timeout 5s "$address" g
	expect_status 3
	fits lag
	[ -n "$err" ]
	# What is known is right, and what is not is null.
	jq -es --slurpfile before before 'all(.[]; . as $r | .lag == null or
		.lag == ($before[] | select(.partition == $r.partition) | .lag))
		and any(.[]; .lag == null) and any(.[]; .lag != null)' out
	mq_within 60 lag --no-age --timeout 5s --max-lag 100000 "$address" g
	expect_status 3
	mq_within 60 lag --no-age --timeout 5s --max-lag 0 "$address" g
	expect_status 1
	has "$err" "group g on $topic: lag at least"
	mq_within 60 lag --format prometheus --no-age --timeout 5s "$address" g
	"$root/scripts/python.sh" --with prometheus_client "$root/tests/lib/prometheus.py" out >samples
	grep -q '^mqtk_lag_complete{.*} 0$' samples
	for node in 1 2 3; do
		[ "$node" = "$victim" ] || kafka_kill "$own" "$node"
	done
	mq_within 30 lag --timeout 3s "$address" g
	expect_status 4
	mq_within 30 lag --timeout 2s "$address" g --max-lag 0 --wait 3s
	expect_status 4
}

@test "Kafka: a group's coordinator goes: no crash while it is away and when another takes over" {
	own_cluster --nodes 3 --set broker.session.timeout.ms=3000 --set broker.heartbeat.interval.ms=500
	mq create -q --partitions 6 --replicas 1 "$address"
	seq 60 | sed 's/.*/&:&/' | "$MQTK" produce -q -K: "$address"
	"$MQTK" consume -q -g g -e "$address" >/dev/null
	background lag -J --no-age --watch=200ms --timeout 3s "$address" g >looks 2>looks.err
	round() {
		local coordinator
		is_told() {
			coordinator=$(kafka_tool "$own" org.apache.kafka.tools.consumer.group.ConsumerGroupCommand \
				--bootstrap-server "$broker" --describe --state --group g 2>/dev/null |
				sed -n 's/^g .*(\([0-9]*\)).*/\1/p')
			[ -n "$coordinator" ]
		}
		wait_until 60 is_told
		kafka_kill "$own" "$coordinator"
		# Some are given up before another node takes over, some see it come, some come later.
		known() {
			mq_within 30 lag -J --no-age --timeout "$1" "$address" g
			((status == 3 || status == 4)) || fail "status $status" "$err"
			((status == 3))
		}
		wait_until 60 known 4s
		! known 1s || :
		kafka_again "$own" "$coordinator" 3>&-
	}
	round
	round
	kill -0 "$pid"
	all() {
		mq_within 30 lag -J --no-age "$address" g
		((status == 0))
	}
	wait_until 60 all
	seen() { tail -n 1 looks | jq -e '.lag == 0' >/dev/null; }
	wait_until 60 seen
	kill -INT "$pid"
	wait_for_end "$pid" 10
	is "$status" 130
}

@test "Kafka: watching on a terminal survives the broker's absence, and q is heard meanwhile" {
	own_cluster
	mq create -q --partitions 1 "$address"
	seq 42 | "$MQTK" produce -q "$address"
	"$MQTK" consume -q -g readers -c 2 "$address" >/dev/null
	printf '%s\n' "source '$root/tests/brokers/kafka.sh'" "\"\$@\"" >control
	export MQTK_TEST_DIR MQTK_TEST_BIN
	terminal expect readers expect ' 40 ' expect 'q quit' \
		run "bash control kafka_kill $own 1" lacks 'q quit' expect readers \
		run "bash control kafka_again $own 1 3>&-" expect 'q quit' expect ' 40 ' \
		run "bash control kafka_kill $own 1" lacks 'q quit' send q status 0 \
		-- "$MQTK" lag --watch=300ms --timeout 3s "$address"
}

@test "Redis: every figure is that of XINFO" {
	requires_redis
	address=redis://$REDIS/$topic
	seq 300 | "$MQTK" produce -q --create "$address"
	"$MQTK" consume -q -g full -e "$address" >/dev/null
	"$MQTK" consume -q -g part -c 40 "$address" >/dev/null
	redis() { redis-cli --no-raw -h "${REDIS%:*}" -p "${REDIS##*:}" "$@"; }
	redis xreadgroup group part dead count 7 streams "$topic" '>' >/dev/null
	redis --json xinfo groups "$topic" >groups.json 2>/dev/null || skip "this redis-cli has no --json"
	mq lag -J "$address"
	expect_status 0
	fits lag
	jq -es --slurpfile groups groups.json '
		map({(.group): {lag, pending, members, committed}}) | add as $ours
		| ($groups[0] | map({(.name): {lag, pending, members: .consumers,
			committed: ."last-delivered-id"}}) | add) == $ours' out
	jq -es 'map(select(.group == "part"))[0] | .age_ms >= 0 and .oldest_idle_ms >= 0' out
	mq lag "$address" part --max-lag 0
	expect_status 1
	has "$err" "group part on $topic: lag"
	mq lag "$address" full --max-lag 0
	expect_status 0
}

@test "RabbitMQ: every figure is that of the management API; without it what is unknown says so" {
	requires_rabbitmq
	address=amqp://$RABBITMQ/$topic
	mq create -q --type quorum "$address"
	expect_status 0
	# One consumer holds some of them: its output is a pipe that nobody empties.
	seq -f %020000.0f 30 | "$MQTK" produce -q "$address"
	slow consume -q --ack --prefetch 7 "$address"
	figures() { # once the statistics have caught up
		told "queues/%2F/$topic" >api.json
		mq lag -J -X "management=$RABBITMQ_MANAGEMENT" "$address"
		expect_status 0
		jq -e --slurpfile api api.json '$api[0] as $a | .group == null and .consumers == 1 and .unacked > 0
			and .lag == $a.messages and .ready == $a.messages_ready
			and .unacked == $a.messages_unacknowledged and .consumers == $a.consumers' out >/dev/null
	}
	wait_until 60 figures
	fits lag
	kill -9 "$pid"
	exec 6<&-
	gone() {
		mq lag -J -X "management=$RABBITMQ_MANAGEMENT" "$address"
		jq -e '.consumers == 0 and .lag > 0 and .state == "stop"' out >/dev/null
	}
	wait_until 60 gone
	mq lag -X "management=$RABBITMQ_MANAGEMENT" --max-lag 0 --no-members "$address"
	expect_status 1
	has "$err" "$topic: lag"
	has "$err" "$topic: no members"
	# Nobody listens there.
	mq lag -X management=http://127.0.0.1:1 --max-lag 1000 "$address"
	expect_status 3
	has "$err" "the lag is unknown"
	mq lag -X "management=$RABBITMQ_MANAGEMENT" "$address" group
	expect_status 2
	mq delete -q --yes "$address"
}

#!/usr/bin/env bats
# run: first
# Where groups stand on real Kafka servers: figures as Kafka's own tool prints them, members, topics
# that go away, nodes that are down, transactions. The C part is tests/unit/test_kafka_places.c.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
	group=$(unique group)
}
teardown() { end_faults; }

# theirs: what Kafka's tool says of $group, a line "topic partition committed end lag member" for
# each partition, - where it knows nothing.
theirs() {
	# shellcheck source=tests/brokers/kafka.sh
	source "$root/tests/brokers/kafka.sh"
	kafka_tool kafka3 org.apache.kafka.tools.consumer.group.ConsumerGroupCommand \
		--bootstrap-server "$broker" --describe --group "$group" 2>>"$ERR" |
		awk -v group="$group" '$1 == group { print $2, $3, $4, $5, $6, $7 }' | sort
}

# ours: the same of mqtk.
ours() {
	"$MQTK" group show -J "kafka://$broker/" "$group" >shown.json || return
	jq -r '.places[]? | select(.committed != null or .member != null) |
		"\(.stream) \(.partition) \(.committed // "-") \(.end // "-") \(.lag // "-") \(.member // "-")"' \
		shown.json | sort
}

same_figures() {
	theirs >their.figures
	ours >our.figures
	[ -s their.figures ] || fail "Kafka's tool shows nothing"
	diff their.figures our.figures
}

put() { # PARTITION N
	"$MQTK" produce -q -p "$1" "$address" < <(seq "$2")
}

move() { # PARTITION OFFSET
	mq group reset --execute -q -p "$1" --to "$2" "$address" "$group"
	expect_status 0
}

lag_of() { # PARTITION
	jq -r "select(.partition == $1) | .lag" "$BATS_TEST_TMPDIR/out"
}

@test "ranges, lost messages, transactions with positions: against the real broker" {
	local program=$MQTK_TEST_BIN/unit/test_kafka_places
	requires_kafka
	for one in "$KAFKA" ${KAFKA4:+"$KAFKA4"}; do
		MQTK_TEST_KAFKA=$one timeout 100 "$program" >"$OUT" 2>&1 || fail "$(cat "$OUT")"
		has_not "$(cat "$OUT")" SKIPPED
	done
}

@test "figures are those of Kafka's own tool: partly committed, behind, ahead of retention" {
	real_topic 4
	put 0 100
	put 1 50
	put 3 7
	mq consume -e --group "$group" "$address"
	expect_status 0
	# Nothing was ever in partition 2, so nothing is committed there.
	same_figures
	is "$(wc -l <our.figures)" 3
	move 0 30
	put 1 5
	put 2 9
	same_figures
	grep -qx "$topic 0 30 100 70 -" our.figures
	grep -qx "$topic 1 50 55 5 -" our.figures
	mq trim --yes -q --before 40 "$address"
	expect_status 0
	same_figures
	mq lag -J "$address" "$group"
	expect_status 0
	is "$(lag_of 0)" 70
	is "$(lag_of 2)" null
	mq group show "$address" "$group"
	has "$out" "offsets 30..39 are gone"
}

@test "figures are those of Kafka's own tool: members, one of them without a commit" {
	requires_peer kcat
	real_topic 3
	put 0 20
	put 1 20
	for one in 1 2; do
		kcat -b "$broker" -G "$group" -X session.timeout.ms=6000 -X auto.offset.reset=latest \
			-X enable.auto.commit=false -X client.id="reader-$one" "$topic" >/dev/null 2>"kcat.$one" 3>&- &
		pids+=($!)
	done
	wait_until 30 both_are_there
	same_figures
	is "$(wc -l <our.figures)" 3
	jq -e '.members == 2 and ([.member_list[].client] | sort) == ["reader-1", "reader-2"] and
		([.places[].member] | unique | length) == 2' shown.json
	# Who reads is left alone.
	mq group reset --execute --to beginning "$address" "$group"
	expect_status 2
	has "$err" "2 active members"
	has "$err" "stop them first"
	mq group reset --execute --force --to beginning "$address" "$group"
	expect_status 2
	has "$err" "--force or not"
	mq group delete --yes "kafka://$broker/" "$group"
	expect_status 2
	has "$err" "active members"
}
both_are_there() {
	"$MQTK" group show -J "kafka://$broker/" "$group" 2>/dev/null >shown.json || return
	jq -e '.state == "Stable" and .members == 2 and ([.places[].member | select(.)] | length) == 3' \
		shown.json >/dev/null
}

@test "figures are those of Kafka's own tool: an open transaction counts, an aborted one too" {
	real_topic 1
	put 0 10
	mq consume -e --group "$group" "$address"
	mkfifo pipe
	exec 7<>pipe
	background produce --transactional "$address" <pipe >/dev/null 2>produce.err 7>&-
	seq 5 >&7
	wait_until 20 end_is 15
	same_figures
	grep -qx "$topic 0 10 15 5 -" our.figures
	# Nobody can read it yet: its age is unknown, and that takes no time to find out.
	mq_within 5 lag -J "$address" "$group"
	expect_status 0
	is "$(jq -c '[.lag, .age_ms]' "$OUT")" "[5,null]"
	kill -TERM "$pid"
	exec 7>&-
	wait_for_end "$pid" 20
	wait_until 20 end_is 16
	same_figures
	mq_within 5 lag -J "$address" "$group"
	is "$(jq -c '[.lag, .age_ms]' "$OUT")" "[6,null]"
}
end_is() { # N
	"$MQTK" group show -J "$address" "$group" | jq -se ".[0].places[0].end == $1" >/dev/null
}

@test "ages: of the message at the position, of the next where that is gone, of each group its own" {
	real_topic 2
	now=$(($(date +%s) * 1000))
	for one in 1 2 3 4 5 6; do
		echo "{\"payload\":\"$one\",\"ts\":$((now - 3600000 * (10 - one)))}"
	done | "$MQTK" produce -q -J -p 0 "$address"
	for one in 0:first 2:second 6:third; do
		mq group create --to "${one%:*}" "$address" "$group-${one#*:}"
		expect_status 0
	done
	mq trim --yes -q --before 1 "$address"
	mq lag -J "$address" "$group-first" "$group-second" "$group-third"
	expect_status 0
	# Hours; the first group's message is gone, and the next is meant.
	is "$(jq -s -c '[.[] | select(.partition == 0)] | sort_by(.group) |
		map([.lag, (.age_ms / 3600000 | floor)])' "$BATS_TEST_TMPDIR/out")" '[[6,8],[4,7],[0,0]]'
}

@test "what is not there: groups, topics, topics of a group, and streams that do not match" {
	real_topic 2
	put 0 10
	other=$(unique other)
	"$MQTK" create -q "kafka://$broker/$other"
	"$MQTK" produce -q "kafka://$broker/$other" < <(seq 5)
	for one in "$address" "kafka://$broker/$other"; do
		mq consume -e --group "$group" "$one"
	done
	mq lag "$address" "$group-nobody"
	expect_status 8
	has "$err" "no group '$group-nobody'"
	mq lag "kafka://$broker/nosuch-$topic" "$group"
	expect_status 8
	has "$err" "nosuch-$topic"
	mq lag -J "kafka://$broker/^nosuch-$topic" "$group"
	is "$out" ""
	mq lag -J "kafka://$broker/^$topic\$" "$group"
	expect_status 0
	is "$(jq -r .stream "$BATS_TEST_TMPDIR/out" | uniq)" "$topic"
	# One of its two topics goes: the other is still told.
	mq delete --yes "$address"
	mq lag -J "kafka://$broker/" "$group"
	has "$(jq -c '[.stream, .lag]' "$BATS_TEST_TMPDIR/out")" "[\"$other\",0]"
	# And then both.
	mq delete --yes "kafka://$broker/$other"
	mq_within 10 group show -J "kafka://$broker/" "$group"
	((status == 0 || status == 3 || status == 8)) || fail "status $status" "$err"
	# With 8 there is no line at all.
	[ "$(jq -s '[.[].places[] | select(.lag != null)] | length' "$OUT")" = 0 ]
}

@test "moving: partitions that do not exist are named, the others are moved; made once only" {
	real_topic 2
	put 0 10
	mq group create --to 3 "$address" "$group"
	expect_status 0
	mq group create --to 3 "$address" "$group"
	expect_status 2
	has "$err" "there already"
	printf 'stream,partition,target\n%s,0,5\n%s,7,1\n' "$topic" "$topic" >plan.csv
	mq group reset --plan plan.csv --execute "$address" "$group"
	((status != 0)) || fail "$out" "$err"
	mq group delete --yes "$address" "$group"
	expect_status 0
	mq lag "$address" "$group"
	expect_status 8
	mq group delete --yes "kafka://$broker/" "$group"
	expect_status 8
}

@test "a node that is killed: the rest is told, in time, before and after the cluster has noticed" {
	own_cluster --nodes 3
	"$MQTK" create -q --partitions 6 --replicas 1 "$address"
	for partition in 0 1 2 3 4 5; do put "$partition" 10; done
	for one in 1 2 3 4 5 6; do
		mq consume -q -e --group "group-$one" "$address"
		expect_status 0
	done
	kafka_kill "$own" 3
	# At once, while the cluster still names the node, and later, when it does not.
	mq_within 9 group show -J --timeout 8s "kafka://$broker/"
	some_are_told
	wait_until 30 leaderless 2
	mq_within 9 group show -J --timeout 8s "kafka://$broker/"
	some_are_told
	is "$(jq -s '[.[].group] | unique | length' "$OUT")" 6
	is "$(jq -s '[.[].places[] | select(.lag == 0)] | length' "$OUT")" 24
	is "$(jq -s '[.[].places[] | select(.error)] | length' "$OUT")" 12
}
leaderless() {
	[ "$("$MQTK" info -J "$address" | jq '[.partitions[] | select(.leader < 0 or .leader == null)] | length')" = "$1" ]
}
some_are_told() {
	((status == 0 || status == 3)) || fail "status $status" "$err"
	jq -s -e '[.[].places[] | select(.lag == 0)] | length > 5' "$OUT"
	jq -s -e '[.[].places[] | select(.error)] | length > 0' "$OUT"
}

# raw ARG…: what no client of ours asks, see there.
raw() {
	"$root/scripts/python.sh" "$root/tests/lib/kafka_raw.py" "$broker" "$@"
}

@test "a group that stands before the beginning, or behind the end, can be moved away from there" {
	real_topic 2
	put 0 100
	put 1 10
	raw commit "$group" "$topic" 0 20
	raw commit "$group" "$topic" 1 500
	mq trim --yes -q --before 50 "$address"
	expect_status 0
	put 1 5
	mq group reset --to shift:+40 -p 0 "$address" "$group"
	expect_status 0
	is "$(tail -n 1 <<<"$out")" "$topic,0,20,60,50,100,offsets 20..49 are gone (retention)"
	mq group skip --execute -q -c 5 -p 0 "$address" "$group"
	expect_status 0
	mq group reset --execute -q --to beginning -p 1 "$address" "$group"
	expect_status 0
	mq lag -J "$address" "$group"
	is "$(jq -s -c 'sort_by(.partition) | map([.committed, .lag])' "$OUT")" '[[55,45],[10,5]]'
}

@test "a group behind an open transaction's begin goes on there, not with the oldest" {
	real_topic 1
	put 0 20
	raw commit "$group" "$topic" 0 20
	mkfifo pipe
	exec 7<>pipe
	background produce --transactional "$address" <pipe >/dev/null 2>produce.err 7>&-
	seq 21 25 >&7
	wait_until 20 end_is 25
	# As a reader of everything leaves it.
	raw commit "$group" "$topic" 0 23
	mq_within 20 consume -e --group "$group" "$address"
	expect_status 0
	is "$out" ""
	has_not "$err" "going on with the oldest"
	mq_within 20 replay -q --group "$group" "$address" local/copy
	expect_status 0
	mq lag -J "$address" "$group"
	is "$(jq -c '[.committed, .lag]' "$OUT")" "[23,2]"
	exec 7>&-
	wait_for_end "$pid" 20
	mq_within 20 consume -e --group "$group" "$address"
	is "$(xargs <<<"$out")" "24 25"
}

@test "a position that waits in a transaction is waited for, and does not pass for none" {
	real_topic 1
	put 0 20
	raw commit "$group" "$topic" 0 5
	transaction=$(raw pending "$group" "$topic" 0 12)
	mq_within 10 group reset --timeout 2s --execute --to 0 "$address" "$group"
	expect_status 4
	has "$err" "a transaction that carries its positions is still open"
	has "$err" "--timeout"
	"$MQTK" create -q "$address-copy"
	mq_within 10 replay --timeout 2s --exactly-once --group "$group" "$address" "$address-copy"
	expect_status 4
	# shellcheck disable=SC2086 # three words
	raw end $transaction
	# The mark comes into the partition a moment later; it is waited for.
	mq_within 20 replay -q --exactly-once --group "$group" "$address" "$address-copy"
	expect_status 0
	is "$("$MQTK" consume -e "$address-copy" 2>>"$ERR" | xargs)" "13 14 15 16 17 18 19 20"
}

@test "a topic that was made anew: what a group or a journal expects there is said, not passed over" {
	real_topic 1
	put 0 10
	"$MQTK" create -q "$address-copy"
	raw commit "$group" "$topic" 0 500
	mq replay --dry-run -J --group "$group" "$address" "$address-copy"
	expect_status 0
	has "$err" "offset 500 of ${topic}[0] does not exist: it ends at 10"
	is "$(jq .messages "$OUT")" 10
	mq_within 20 replay --exactly-once --group "$group" "$address" "$address-copy"
	expect_status 8
	has "$err" "stands at 500 of ${topic}[0], which ends at 10"
	has "$err" "mqtk group reset"
	mq replay -J --group "$group" "$address" "$address-copy"
	expect_status 0
	is "$(jq .copied "$OUT")" 10

	put 0 990
	mq replay --resume journal "$address" copy.jsonl
	expect_status 0
	# As a kill in the middle leaves it.
	printf '%s\n' "$(head -n 1 journal)" '{"at":[[0,300]],"done":300}' >torn
	mq delete -q --yes "$address"
	mq create -q "$address"
	put 0 20
	mq replay -J --append --resume torn "$address" copy.jsonl
	expect_status 3
	is "$(jq -c '[.copied, .missed]' "$OUT")" "[0,700]"
	has "$err" "offsets 300..999 of ${topic}[0] do not exist: it ends at 20"
}

@test "a topic that may not be looked at: exit 5, not that nobody reads it" {
	real_topic 1
	[ -n "${KAFKA_SASL-}" ] || skip "needs a broker with users"
	sasl=(-X sasl.mechanism=SCRAM-SHA-256 -X security.protocol=sasl_plaintext)
	refused=kafka://alice:alice-secret@$KAFKA_SASL/$topic
	for command in lag "lag --max-lag 0" "group ls"; do
		# shellcheck disable=SC2086 # words
		mq_within 20 $command "${sasl[@]}" "$refused"
		expect_status 5
		has "$err" "$topic"
		has_not "$err" "no group"
	done
}

@test "--exactly-once: not beside members of the group, and no advice that it refuses" {
	requires_peer kcat
	real_topic 1
	printf '%s\n' one "$(head -c 20000 /dev/zero | tr '\0' x)" three | "$MQTK" produce -q "$address"
	"$MQTK" create -q --config max.message.bytes=5000 "$address-copy"
	kcat -b "$broker" -G "$group" -X session.timeout.ms=6000 -X auto.offset.reset=latest \
		-X enable.auto.commit=false "$topic" >/dev/null 2>kcat.err 3>&- &
	pids+=($!)
	wait_until 30 one_is_there
	mq_within 20 replay --exactly-once --group "$group" "$address" "$address-copy"
	expect_status 2
	has "$err" "group '$group' has 1 active member"
	kill "${pids[-1]}"
	wait_until 30 none_is_there
	raw commit "$group" "$topic" 0 0
	mq_within 20 replay --exactly-once --group "$group" "$address" "$address-copy"
	expect_status 3
	has_not "$err" "--failed-to"
	has "$err" "mqtk group skip"
	mq group skip -q --execute --keep kept.jsonl -c 2 "$address" "$group"
	expect_status 0
	is "$(wc -l <kept.jsonl)" 2
	mq_within 20 replay -q --exactly-once --group "$group" "$address" "$address-copy"
	expect_status 0
	is "$("$MQTK" consume -e "$address-copy" 2>>"$ERR" | xargs)" three
}
members_are() {
	"$MQTK" group show -J "kafka://$broker/" "$group" 2>/dev/null | jq -se ".[0].members == $1" >/dev/null
}
one_is_there() { members_are 1; }
none_is_there() { members_are 0; }

@test "many groups: info says that it looks at none of them, and a replay does not speak of them" {
	own_cluster
	"$MQTK" create -q "$address"
	"$MQTK" produce -q "$address" < <(seq 3)
	for i in {1..51}; do raw commit "$group-$i" "$topic" 0 1; done
	mq info "$address"
	expect_status 0
	has "$err" "there are 51 groups"
	mq replay --group "$group" "$address" local/copy
	expect_status 0
	has_not "$err" groups
	mq delete --yes "$address"
	expect_status 0
	has_not "$err" groups
}

@test "Kafka 4's own kind of groups: members are refused beside --exactly-once, and none is 0" {
	requires_kafka
	[ -n "${MQTK_TEST_KAFKA4-}" ] || skip "needs kafka4"
	broker=$MQTK_TEST_KAFKA4
	real_topic_on_four
	put 0 3
	# shellcheck source=tests/brokers/kafka.sh
	source "$root/tests/brokers/kafka.sh"
	kafka_tool kafka4 org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$broker" \
		--topic "$topic" --group "$group" --from-beginning --max-messages 4 \
		--consumer-property group.protocol=consumer >theirs.out 2>theirs.err 3>&- &
	pids+=($!)
	wait_until 60 grep -q 3 theirs.out
	mq_within 20 replay --exactly-once --group "$group" "$address" "$address-copy"
	expect_status 2
	has "$err" "group '$group' has active members"
	# With this one it has what it waits for, and ends.
	put 0 1
	wait_for_end "${pids[-1]}" 60
	wait_until 30 none_is_there
	mq lag --no-members "$address" "$group"
	expect_status 1
	has "$err" "no members"
	mq_within 20 replay -q --exactly-once --group "$group" "$address" "$address-copy"
	expect_status 0
}
real_topic_on_four() {
	address=kafka://$broker/$topic
	"$MQTK" create -q "$address"
	"$MQTK" create -q "$address-copy"
}

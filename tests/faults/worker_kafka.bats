#!/usr/bin/env bats
# consume --exec and its like as members of a Kafka group: programs that take longer than the group
# allows, rebalances while they run, order with many workers, and what is committed when; killed,
# interrupted, and with a broker that dies.
# shellcheck disable=SC2154 # set in the helpers
# shellcheck disable=SC2016,SC2094 # the programs' own variables; files that grow

setup() {
	load faults
	use_faults
	# Of this test alone: other tests' members would take part in its rebalances.
	group=$(unique group)
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
	quick=(-X session.timeout.ms=6000 -X heartbeat.interval.ms=300 -X max.poll.interval.ms=6000)
}
teardown() { end_faults; }

# numbered N: the numbers from 1 to N in $topic, as keys and payloads.
numbered() {
	seq -f %09.0f "$1" | sed 's/.*/&:&/' | "$MQTK" produce -q -K: "$address"
}

members() { # N: so many are in the group
	[ "$("$MQTK" group show -J "$address" "$group" | jq .members)" = "$1" ]
}

committed() {
	"$MQTK" group show -J "$address" "$group" | jq -c '[.places[].committed]'
}

nothing_left() {
	[ "$("$MQTK" group show -J "$address" "$group" | jq '[.places[].lag] | add')" = 0 ]
}

lines_in() { # FILE N: at least
	[ "$(wc -l 2>/dev/null <"$1" || echo 0)" -ge "$2" ]
}

seconds_since() { # MOMENT N
	((SECONDS - $1 >= $2))
}

# The commits of $group in $topic, as the broker keeps them: they never went back.
never_back() {
	"$MQTK" consume -q -e -J "kafka://$broker/__consumer_offsets" |
		"$root/scripts/python.sh" -c '
import base64, json, struct, sys
topic, group, last, n = sys.argv[1].encode(), sys.argv[2].encode(), {}, 0
def bytes_of(v):
    return base64.b64decode(v["base64"]) if isinstance(v, dict) else v.encode()
for line in sys.stdin:
    m = json.loads(line)
    if m["key"] is None or m["payload"] is None: continue
    key, value = bytes_of(m["key"]), bytes_of(m["payload"])
    if struct.unpack_from(">h", key)[0] > 1: continue
    at, words = 2, []
    for _ in range(2):
        size = struct.unpack_from(">h", key, at)[0]
        words.append(key[at + 2:at + 2 + size])
        at += 2 + size
    if words != [group, topic]: continue
    part, offset = struct.unpack_from(">i", key, at)[0], struct.unpack_from(">q", value, 2)[0]
    n += 1
    if offset < last.get(part, 0):
        sys.exit("partition %d went back from %d to %d" % (part, last[part], offset))
    last[part] = offset
if n == 0: sys.exit("there are no commits")' "$topic" "$group"
}

@test "programs that take longer than max.poll.interval.ms: a member it is, and others can join" {
	real_topic 2
	numbered 3000
	mkfifo gate
	hang='read -r n; echo "$n" >>"begun.$0"; [ -e go ] || read -r _ <gate; echo "$n" >>"done.$0"'
	started=$SECONDS
	background consume -v --group "$group" --workers 2 "${quick[@]}" --exec "${hang//\$0/one}" "$address" 2>one.err
	one=$pid
	wait_until 20 lines_in begun.one 2
	# Enough has been fetched, and nothing more is taken.
	wait_until 20 seconds_since "$started" 3
	background consume -v --group "$group" --workers 2 "${quick[@]}" --exec "${hang//\$0/two}" "$address" 2>two.err
	two=$pid
	wait_until 20 lines_in begun.two 1
	# Longer than Kafka waits for a member.
	joined=$SECONDS
	wait_until 20 seconds_since "$joined" 8
	members 2
	touch go
	: >gate
	wait_until 60 nothing_left
	kill -INT "$one"
	wait_for_end "$one" 20
	is "$status" 130
	members 1
	kill -INT "$two"
	wait_for_end "$two" 20
	is "$status" 130
	complete 3000 done.one done.two
	[[ $(cat one.err two.err) != *max.poll* ]]
	# Only what ran when the partitions were shared out anew was done twice.
	twice=$(cat done.one done.two | sort | uniq -d | wc -l)
	((twice <= 4)) || fail "$twice were done twice"
	[ -s done.one ]
	never_back
}

# feed: numbers, until the file enough is there; how many, into the file fed.
feed() {
	local n=0
	while [ ! -e enough ]; do
		seq -f %09.0f $((n + 1)) $((n + 500)) || return
		n=$((n + 500))
	done
	echo "$n" >fed
}

@test "other members come, go and die while programs run: nothing is lost, no commit goes back" {
	real_topic 3
	member=(java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
		-Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$MQTK_TEST_CACHE/kafka-3.9.1/*"
		"$BATS_TEST_DIRNAME/Letters.java" join "$broker" "$topic" "$group")
	background consume -q --group "$group" --workers 3 "${quick[@]}" --exec-lines \
		'while read -r n; do echo "$n" >>mine; echo ok; done' "$address"
	mine=$pid
	background produce -q --rate 1200 "$address" < <(feed 3>&- 4>&-)
	wait_until 20 lines_in mine 500
	mkfifo leave
	"${member[@]}" <leave >theirs 2>theirs.err 3>&- 4>&- &
	java=$!
	pids+=("$java")
	exec 7>leave
	wait_until 60 lines_in theirs 200
	background consume -q --group "$group" "${quick[@]}" --exec 'read -r n; echo "$n" >>third' "$address"
	third=$pid
	wait_until 60 lines_in third 20
	echo >&7
	exec 7>&-
	wait_for_end "$java" 20
	kill -9 "$third"
	mkfifo stay
	"${member[@]}" <stay >"more" 2>>theirs.err 3>&- 4>&- &
	java=$!
	pids+=("$java")
	exec 7>stay
	wait_until 60 lines_in more 50
	kill -9 "$java"
	: >enough
	wait_until 60 test -s fed
	wait_until 60 holds "$(cat fed)"
	wait_until 60 nothing_left
	exec 7>&-
	kill -INT "$mine"
	wait_for_end "$mine" 20
	is "$status" 130
	complete "$(cat fed)" mine theirs third more
	never_back
}

@test "10,000 messages, 8 workers: each key in its order, although some are tried again" {
	real_topic 3
	awk -v seed="$RANDOM" 'BEGIN { srand(seed); for (i = 0; i < 10000; i++) {
		k = int(rand() * 300); printf "k%d:%d %d\n", k, k, n[k]++ } }' >in
	"$MQTK" produce -q -K: "$address" <in
	mkdir tried
	mq consume -e --group "$group" --workers 8 --backoff 1ms..20ms "${quick[@]}" --exec-lines '
		while read -r k n; do
			case $n in *7) if mkdir "tried/$k-$n" 2>/dev/null; then echo retry; continue; fi ;; esac
			echo "$k $n" >>seen
			echo ok
		done' "$address"
	expect_status 0
	is "$(wc -l <seen)" 10000
	# Within each key as they were sent.
	sort -s -k1,1 seen >by_key
	cut -d: -f2 in | sort -s -k1,1 | cmp - by_key
	has "$err" "10000 of 10000 messages handled, $(find tried -mindepth 1 | wc -l) attempts repeated"
	# Several were at work.
	[ "$(cut -d' ' -f1 seen | uniq | wc -l)" -gt 5000 ]
	nothing_left
	never_back
}

@test "a member that had all, and lost it while it stood still: -e works on what comes again" {
	real_topic 2
	numbered 20
	touch ran
	background consume -e --group "$group" -X session.timeout.ms=2000 -X heartbeat.interval.ms=300 \
		--exec 'cat >>ran; echo >>ran; until [ -e go ]; do sleep 0.02; done' "$address" 2>said
	wait_until 20 lines_in ran 1
	# It has them all, as they fit into its window; its program is still at work.
	wait_until 10 members 1
	kill -STOP "$pid"
	wait_until 20 members 0
	touch go
	kill -CONT "$pid"
	wait_for_end "$pid" 40
	cat said >&2
	is "$status" 0
	is "$(sort -u ran)" "$(seq -f %09.0f 20)"
	nothing_left
}

@test "--order partition: each partition in its order" {
	real_topic 3
	numbered 5000
	mq consume -e --group "$group" --workers 8 --order partition "${quick[@]}" --exec-lines '
		while read -r n; do echo "$n" >>"seen.$$"; echo "$n" >>seen; echo ok; done' "$address"
	expect_status 0
	for part in 0 1 2; do
		"$MQTK" consume -q -e -p "$part" "$address" >part
		grep -Fxf part seen | cmp part -
	done
	is "$(wc -l <seen)" 5000
}

@test "a message that waits for its next attempt holds back its key and the commits, and nobody else" {
	real_topic 1
	{
		echo bad:first
		seq 500 | sed 's/.*/k&:&/'
		echo bad:second
	} | "$MQTK" produce -q -K: "$address"
	background consume -q --group "$group" --backoff 20s..20s "${quick[@]}" --exec-lines '
		while read -r n; do
			echo "$n" >>seen
			if [ "$n" = first ] && [ ! -e better ]; then echo retry; else echo ok; fi
		done' "$address"
	wait_until 20 lines_in seen 501
	is "$(sed -n 1p seen)" first
	is "$(grep -c -e second -e first seen)" 1
	kill -INT "$pid"
	wait_for_end "$pid" 20
	is "$status" 130
	[[ $(committed) == "[null]" || $(committed) == "[0]" ]]
	touch better
	mq consume -q -e --group "$group" "${quick[@]}" --exec-lines \
		'while read -r n; do echo "$n" >>again; echo ok; done' "$address"
	is "$(grep -e second -e first again | xargs)" "first second"
	is "$(committed)" "[502]"
}

@test "interrupted: what runs may finish and is settled, the group is left; 130" {
	real_topic 1
	numbered 100
	mkfifo gate
	background consume --group "$group" --workers 2 "${quick[@]}" --exec '
		read -r n; echo "$n" >>begun; read -r _ <gate; echo "$n" >>finished' "$address" 2>said
	wait_until 20 lines_in begun 2
	kill -INT "$pid"
	: >gate
	wait_for_end "$pid" 20
	is "$status" 130
	is "$(sort -u begun)" "$(sort -u finished)"
	is "$(wc -l <begun)" 2
	is "$(committed)" "[2]"
	members 0
}

@test "killed 50 times: each message was handled or is dead, none is lost" {
	real_topic 3
	"$MQTK" create -q --partitions 1 "$address-dead"
	numbered 30000
	program='while read -r n; do case $n in *7) echo reject seven ;; *) echo "$n" >>handled; echo ok ;; esac; done'
	worker=(--group "$group" -X group.instance.id=one -X session.timeout.ms=6000 --workers 3
		--retries 0 --dead-letter "$address-dead" --exec-lines "$program" "$address")
	strike 50 120 320 consume -q -e "${worker[@]}"
	((struck >= 20)) || fail "only $struck of 50 were killed: $(tail -3 struck.err)"
	mq_within 90 consume -e "${worker[@]}"
	expect_status 0
	"$MQTK" consume -q -e "$address-dead" >letters
	complete 30000 handled letters
	is "$(grep -vc '7$' letters)" 0
	is "$(grep -c '7$' handled)" 0
	nothing_left
	never_back
}

@test "everything is rejected, fast: all are dead letters, in their order, and settled behind them" {
	real_topic 1
	"$MQTK" create -q --partitions 1 "$address-dead"
	numbered 20000
	mq_within 60 consume -e --group "$group" --retries 0 --dead-letter "$address-dead" \
		"${quick[@]}" --exec-lines 'sed -u "s/.*/reject & is bad/"' "$address"
	expect_status 0
	has "$err" "20000 dead"
	"$MQTK" consume -q -e "$address-dead" | cmp - <(seq -f %09.0f 20000)
	is "$(committed)" "[20000]"
	# A program that fails, and letters that are refused: nothing is passed over.
	"$MQTK" alter -q --yes --config max.message.bytes=200 "$address-dead"
	numbered 10
	mq_within 60 consume -e --group "$group" --retries 0 --dead-letter "$address-dead" \
		"${quick[@]}" --exec-lines 'sed -u "s/.*/reject &/"' "$address"
	expect_status 3
	has "$err" "dead letter"
	is "$(committed)" "[20000]"
}

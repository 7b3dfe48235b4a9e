#!/usr/bin/env bats
# Dead letters on Kafka: records as Kafka Connect, Streams, share groups, Spring and others write
# them, shown, counted and put back, with another client as the witness; where a requeue goes on, and
# what it leaves when a target refuses.
# shellcheck disable=SC2154 # set in the helpers
# shellcheck disable=SC2016 # the programs' own variables

setup() {
	load faults
	use_faults
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
}
teardown() { end_faults; }

java_run() { # FILE ARG…
	java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
		-Dorg.slf4j.simpleLogger.defaultLogLevel=error \
		-cp "$MQTK_TEST_CACHE/kafka-3.9.1/*" "$BATS_TEST_DIRNAME/$1" "${@:2}"
}

# letters KIND [N]: what Letters.java writes into $topic-dlt, of records of $topic.
letters() {
	java_run Letters.java "$1" "$broker" "$topic-dlt" "$topic" "${@:2}"
}

# topics PARTITIONS LETTERS: $topic and $topic-dlt; $address is the first, $dead the second.
topics() {
	real_topic "$1"
	dead=$address-dlt
	"$MQTK" create -q --partitions "$2" "$dead"
}

# few WORD…: letters of $topic, one a word, in $topic-dlt; WORD=TOPIC: of that topic.
few() {
	local word
	for word in "$@"; do
		printf '{"key":"k%s","payload":"%s","headers":[["__connect.errors.topic","%s"]]}\n' \
			"${word%%=*}" "${word%%=*}" "$([[ $word == *=* ]] && echo "${word#*=}" || echo "$topic")"
	done | "$MQTK" produce -q -J "$dead"
}

# committed [GROUP]: where the group stands, a partition each.
committed() {
	"$MQTK" group show -J "$dead" "${1:-mqtk-dlq-$topic-dlt}" | jq -c '[.places[].committed]'
}

hex() {
	printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}

@test "each dialect is read to the bit, and goes back without a trace of its death" {
	topics 3 3
	letters known
	mq dlq show -q -J "$dead"
	expect_status 0
	# jq 1.6 rounds large numbers: these stand as text.
	sed -E 's/"(origin_offset)":([0-9]+)/"\1":"\2"/' out | jq -c '[.message.key, .dialect,
		.origin_stream, .origin_partition, .origin_offset, .group, .reason, .exception, .error,
		.attempts, .died_ts] | map(if . == "'"$topic"'" then "T" else . end)' | sort >shown
	cat >expected <<-'END'
		["connect","connect","T",2,"9007199254740993","sink-é","VALUE_CONVERTER","org.apache.kafka.connect.errors.DataException","last",null,null]
		["masstransit","masstransit","T",null,null,"OrderConsumer","fault","System.InvalidOperationException","It failed",3,1793527200123]
		["nservicebus","nservicebus","T",null,null,null,null,"System.Exception","Broken",null,1793527200123]
		["share","share-group","T",2,"41","share-1",null,null,"Offset rejected by client.",5,null]
		["smallrye","smallrye","T",0,"3",null,null,"a.C","no such order",null,null]
		["spring","spring","T",1,"72623859790382856","billing",null,"java.lang.IllegalStateException","Listener failed; größer",null,null]
		["spring-key","spring","T",1,null,null,null,"a.KeyException","bad key",null,null]
		["spring-retry","spring","T",0,"4294967296","billing",null,"java.lang.IllegalStateException","Listener failed; größer",4,null]
		["streams","streams","T",1,"12",null,null,"java.lang.ArithmeticException","/ by zero",null,null]
		["unknown","unknown",null,null,null,null,null,null,null,null,null]
	END
	diff expected shown
	mq dlq show -q "$dead"
	has "$out" "my-error: nobody knows"
	has "$out" "from ${topic}[2]@9007199254740993"
	has_not "$out" "__connect"
	mq dlq stats -J "$dead"
	is "$(jq -c '[.letters, (.origins | map([.name, .count]))]' out)" "[10,[[\"$topic\",9],[null,1]]]"

	mq dlq requeue --yes "$dead"
	expect_status 3
	has "$err" "1 letter does not say where it came from"
	java_run Foreign.java read "$broker" "$topic" >back
	# What it carried before it died, then only our two.
	before=trace=xc3bc6e646572,twice=x31,twice=x32,bytes=x6200ff0ac3a9,none=-
	sed -E 's/mqtk-replay-source=x[0-9a-f]*,/SOURCE,/' back | sort >lines
	for one in connect:2 masstransit: nservicebus: share:2 smallrye:0 spring:1 spring-key:1 spring-retry:0 streams:1; do
		line="1700000000000 x$(hex "${one%:*}") $before,SOURCE,mqtk-replay-count=x31, x6200ff0ac3a9"
		# Where the partition is told it is that one.
		grep -qx "${one#*:}[0-9]* $line" lines || fail "missing: $one" "$(cat lines)"
		[ -z "${one#*:}" ] || grep -qx "${one#*:} $line" lines || fail "elsewhere: $one" "$(cat lines)"
	done
	is "$(wc -l <lines)" 9
	grep -q "mqtk-replay-source=x$(hex "$topic-dlt[0]@0")," back
	is "$(committed)" "$(jq -nc '[4,3,3]')"

	# It stays for those who ask for exactly that one.
	mq dlq requeue --yes --origin '' --to "$address" "$dead"
	expect_status 0
	is "$("$MQTK" consume -q -e -f '%k\n' "$address" | grep -c unknown)" 1
	# Back again, and dead again: the counter is raised.
	mq dlq requeue --yes --to "$address" "$address"
	expect_status 0
	is "$("$MQTK" consume -q -e -J "$address" | jq -c '[.headers[] | select(.[0] == "mqtk-replay-count") | .[1]]' | sort | uniq -c | awk '{ print $1, $2 }')" \
		$'10 ["1"]\n10 ["2"]'
}

@test "an old letter gets the time of now where the topic would remove it by its own" {
	local old=$((($(date +%s) - 7200) * 1000)) short
	topics 1 1
	short=$topic-short
	"$MQTK" create -q --retention 1h "${address%/*}/$short"
	printf '{"payload":"%s","ts":'"$old"',"headers":[["dlq-origin-stream","%s"]]}\n' a "$topic" b "$short" |
		"$MQTK" produce -q -J "$dead"
	mq dlq requeue --yes "$dead"
	expect_status 0
	has "$err" "$short keeps messages for 1h00m by their own time"
	is "$("$MQTK" consume -q -e -J "$address" | jq -c '[.payload,.ts]')" "[\"a\",$old]"
	is "$("$MQTK" consume -q -e -J "${address%/*}/$short" | jq -c "[.payload,.ts > $old + 7000000]")" '["b",true]'
}

@test "hostile values count as not said; what is shown drives no terminal; all of it goes back" {
	topics 3 2
	letters hostile
	mq dlq show -q -J "$dead"
	expect_status 0
	jq -se 'all(.[]; .origin_stream == "'"$topic"'") and
		(map(select(.message.key | test("^(spring|connect)"))) |
			all(.[]; .origin_partition == null and .origin_offset == null and .attempts == null))' out >ok
	is "$(jq -c 'select(.message.key == "text-2") | .error' out)" '{"base64":"YgD/CsOp"}'
	mq dlq show -q "$dead"
	has_not "$out" $'\033'
	[ "$(wc -L <out)" -lt 1000 ]
	mq dlq stats "$dead"
	[ "$(wc -L <out)" -lt 1000 ]
	has_not "$out" $'\033'
	mq dlq requeue --yes "$dead"
	expect_status 0
	has_not "$err" $'\033'
	is "$(java_run Foreign.java read "$broker" "$topic" | grep -c -v -E 'connect.errors|kafka_dlt|retry_topic')" 29
}

@test "an origin with a NUL is no topic: nothing goes to the one whose name stands before it" {
	topics 1 1
	few "a=$topic\\u0000more" "b=$topic\\u0000more"
	mq dlq requeue --yes "$dead"
	expect_status 3
	has "$err" "2 letters do not say where they came from"
	is "$("$MQTK" consume -q -e "$address")" ""
	# Nor where each message names its own.
	printf '{"stream":"%s\\u0000more","payload":"x"}\n' "$topic" >odd.jsonl
	mq replay odd.jsonl "kafka://$broker/"
	expect_status 3
	has "$err" "no topic's name has a NUL"
	is "$("$MQTK" consume -q -e "$address")" ""
}

@test "a stopped requeue goes on: over partitions, transactions and what was aborted; in order" {
	topics 3 2
	letters many 1000
	background dlq requeue --yes --rate 400 "$dead" 2>stopped
	wait_until 20 holds 200
	kill -INT "$pid"
	wait_for_end "$pid" 20
	is "$status" 130
	mq dlq requeue --yes "$dead"
	expect_status 0
	is "$(stored)" "$(stored | awk 'NF')"
	is "$(stored | sort)" "$(seq -f %09.0f 1000)"
	"$MQTK" consume -q -e -f '%p %s\n' "$address" >parts
	is "$(awk '{ print $1 }' parts | sort -u | xargs)" "0 1"
	sort -s -n -k1,1 parts >stable
	sort -n -k1,1 -k2,2 parts | cmp - stable
	mq dlq requeue --yes "$dead"
	expect_status 0
	has "$err" "there are no such letters"
	is "$(stored | wc -l)" 1000
}

@test "--count takes the group along; what is chosen does not, and --resume remembers it" {
	topics 1 1
	few a b c d e f
	mq dlq requeue --yes -c 2 "$dead"
	expect_status 0
	is "$(stored | xargs)" "a b"
	is "$(committed)" "[2]"
	mq dlq requeue --yes --key kd "$dead"
	expect_status 0
	has "$err" "--resume FILE does"
	is "$(stored | xargs)" "a b d"
	is "$(committed)" "[2]"
	# The first of those that are meant, wherever they stand.
	mq dlq requeue --yes --grep '[ef]' -c 1 "$dead"
	expect_status 0
	is "$(stored | xargs)" "a b d e"
	printf '0:5\r\n1\n\n7:0\n' >ids
	mq dlq requeue --yes --ids ids "$dead"
	expect_status 0
	is "$(stored | xargs)" "a b d e b f"
	mq dlq requeue --yes --key ka --resume journal "$dead"
	expect_status 0
	mq dlq requeue --yes --key ka --resume journal "$dead"
	expect_status 0
	has "$err" "nothing to do"
	is "$(stored | grep -c a)" 2
	# Another choice is another run.
	mq dlq requeue --yes --key kc --resume journal "$dead"
	expect_status 2
	mq dlq requeue --yes -c 1 --resume other "$dead"
	expect_status 2
	mq dlq requeue --yes "$dead"
	expect_status 0
	is "$(committed)" "[6]"
}

@test "letters of a topic that is gone, or that it refuses: words, 3, and nothing is passed over" {
	topics 1 1
	few a b "c=$topic-gone" d
	mq dlq requeue --yes "$dead"
	expect_status 3
	has "$err" "no topic '$topic-gone'"
	has "$err" "mqtk group skip"
	[[ $(committed) == "[null]" || $(committed) == "[0]" || $(committed) == "[2]" ]]
	mq dlq requeue --yes --origin "$topic" "$dead"
	expect_status 0
	is "$(stored | xargs)" "a b d"
	"$MQTK" create -q "$address-gone"
	mq dlq requeue --yes --group second "$dead"
	expect_status 0
	is "$("$MQTK" consume -q -e "$address-gone")" c
	mq dlq requeue --yes --group third --to "$address-none" "$dead"
	expect_status 8
	has "$err" "'mqtk create' makes it"

	# One that is too large for its topic.
	"$MQTK" alter -q --yes --config max.message.bytes=1000 "$address"
	few x "$(head -c 3000 /dev/zero | tr '\0' y)" z
	mq dlq requeue --yes --group second "$dead"
	expect_status 3
	has "$err" "too large"
	is "$(committed second)" "[5]"
	mq group skip -p 0 -c 1 --keep kept.jsonl --execute "$dead" second
	expect_status 0
	mq dlq requeue --yes --group second "$dead"
	expect_status 0
	is "$(committed second)" "[7]"
	is "$(stored | tail -1)" z
}

@test "letters that come back at once, to where they lie: it ends, and each goes once" {
	topics 1 2
	few a b c d e f
	for n in 1 2 3; do
		mq_within 30 dlq requeue --yes --group "g$n" --to "$dead" "$dead"
		expect_status 0
		is "$("$MQTK" consume -q -e "$dead" | wc -l)" $((6 << n))
	done
	mq_within 30 dlq move --yes "$dead" "$dead" --group move
	expect_status 2
	is "$("$MQTK" consume -q -e "$dead" | wc -l)" 48
	mq dlq requeue --yes --max-replays 3 --group other --to "$address" "$dead"
	expect_status 0
	# 6 were put back three times.
	is "$(stored | wc -l)" 42
}

# numbered N: N letters of $topic.
numbered() {
	seq -f %09.0f "$1" | sed 's/.*/{"key":"&","payload":"&","headers":[["__connect.errors.topic","'"$topic"'"]]}/' |
		"$MQTK" produce -q -J "$dead"
}

went_on() { # N: the last run had less to do
	[[ $err =~ ([0-9]+)\ messages ]]
	((BASH_REMATCH[1] < $1)) || fail "the last run did it all: nothing was remembered"
}

@test "who was killed belongs to the group until its session is over: that is said; others do not wait" {
	topics 1 1
	few a b c d e f g h
	# Another stream's letters have a group of their own.
	"$MQTK" create -q "$address-aside"
	"$MQTK" replay -q --create "$dead" "$address-dlt2"
	session=(-X src.session.timeout.ms=20000)
	background dlq requeue -q --yes --rate 2 "${session[@]}" "$dead" >/dev/null 2>&1 </dev/null
	# shellcheck disable=SC2317 # wait_until calls it
	some() { [ -n "$(stored)" ]; }
	wait_until 20 some
	{
		kill -9 "$pid"
		wait "$pid" || :
	} 2>/dev/null
	background dlq requeue --yes "${session[@]}" "$dead" >/dev/null 2>said
	mq_within 60 dlq requeue --yes --to "$address-aside" "$address-dlt2"
	expect_status 0
	has_not "$err" "has given out no partitions"
	wait_for_end "$pid" 60
	is "$status" 0
	has "$(cat said)" "group mqtk-dlq-$topic-dlt has given out no partitions for 5 s: it waits for 1 other member ("
	has "$(cat said)" "session.timeout.ms, here 20000"
	is "$(stored | sort -u | paste -sd' ')" "a b c d e f g h"
}

@test "what another member was given, and has not done, is said at the end of a requeue" {
	topics 1 2
	numbered 200
	session=(-X src.session.timeout.ms=20000)
	background dlq requeue -q --yes --rate 4 "${session[@]}" "$dead" >/dev/null 2>&1 </dev/null
	some() { [ -n "$(stored)" ]; }
	wait_until 20 some
	mq_within 60 dlq requeue --yes "${session[@]}" "$dead"
	expect_status 0
	has "$err" "$topic-dlt: group mqtk-dlq-$topic-dlt has "
	has "$err" " messages to go, of partitions that other members were given: "
	kill "$pid"
	wait_for_end "$pid" 20
	mq_within 60 dlq requeue --yes "$dead"
	expect_status 0
	has_not "$err" "other members"
	stored | sort -u >back
	complete 200 back
}

@test "killed 50 times while letters go back: none is lost, and it goes on" {
	topics 3 2
	numbered 40000
	static=(-X src.group.instance.id=one -X src.session.timeout.ms=6000)
	strike 50 120 620 dlq requeue -q --yes --rate 1500 "${static[@]}" "$dead"
	((struck >= 30)) || fail "only $struck of 50 were killed: $(tail -3 struck.err)"
	mq_within 90 dlq requeue --yes "${static[@]}" "$dead"
	expect_status 0
	went_on 40000
	stored >back
	complete 40000 back
	is "$("$MQTK" consume -q -e -J "$address" | jq -c '.headers | map(.[0])' | sort -u)" \
		'["mqtk-replay-source","mqtk-replay-count"]'
}

@test "killed 50 times while letters move, with a choice and a journal: none is lost" {
	topics 1 2
	"$MQTK" create -q --partitions 2 "$address-lot"
	numbered 40000
	strike 25 100 400 dlq move -q --yes --resume journal "$dead" "$address-lot"
	strike 25 100 400 dlq move -q --yes --grep '[05]$' --resume chosen "$dead" "$address-lot"
	mq_within 60 dlq move --yes --resume journal "$dead" "$address-lot"
	expect_status 0
	"$MQTK" consume -q -e "$address-lot" >back
	complete 40000 back
	mq_within 60 dlq move --yes --grep '[05]$' --resume chosen "$dead" "$address-lot"
	expect_status 0
	is "$("$MQTK" consume -q -e -J "$address-lot" | jq -c .headers | sort -u)" \
		"[[\"__connect.errors.topic\",\"$topic\"]]"
}

all_seen() { # N: the worker handled all up to that one, of both partitions
	[ "$(numbers handled | sort -u | wc -l)" -ge "$1" ]
}

@test "the broker dies and comes back in the middle: nothing is lost, nothing is passed over" {
	own_cluster
	"$MQTK" create -q --partitions 2 "$address"
	dead=$address-dlt
	"$MQTK" create -q --partitions 2 "$dead"
	numbered 20000
	background dlq requeue --yes --rate 4000 "$dead" 2>said
	requeue=$pid
	# And a worker, whose programs go on meanwhile.
	program='while read -r n; do echo "$n" >>handled; echo ok; done'
	background consume --group g --exec-lines "$program" "$dead" 2>told
	worker=$pid
	wait_until 20 holds 3000
	kafka_kill "$own" 1
	kafka_again "$own" 1 3>&-
	wait_for_end "$requeue" 90
	[ "$status" -eq 0 ] || mq_within 90 dlq requeue --yes "$dead"
	stored >back
	complete 20000 back
	numbered 20100
	kill -0 "$worker" || fail "the worker ended: $(cat told)"
	wait_until 60 all_seen 20100
	kill -INT "$worker"
	wait_for_end "$worker" 20
	is "$status" 130
	complete 20100 handled
	mq dlq requeue --yes -c 20100 "$dead"
	mq dlq requeue --yes "$dead"
	expect_status 0
	has "$err" "there are no such letters"
}

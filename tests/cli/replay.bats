#!/usr/bin/env bats
# mqtk replay between streams of the local store and files: what is copied, what the copies carry, and
# what is said. What goes wrong on real servers stands in tests/faults/replay.bats.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

load ../lib/helpers
load saying

setup() {
	common_setup
	OUT=$BATS_TEST_TMPDIR/out
	cat >in.jsonl <<-'EOT'
	{"key":"k1","headers":[["a","1"],["n",null],["e",""],["a","2"]],"ts":1700000000123,"payload":"text \u00e9 \"quoted\"\n"}
	{"key":null,"headers":[],"ts":1700000000124,"payload":null}
	{"key":"","headers":[["bin",{"base64":"AP8="}]],"ts":1700000000125,"payload":""}
	{"key":{"base64":"/wA="},"headers":[],"ts":1700000000126,"payload":{"base64":"AAEC/w=="}}
	{"key":"p","headers":[],"ts":1700000000127,"payload":"x","message_id":"m-1","correlation_id":"c-1","content_type":"text/plain","reply_to":"answers","expiry_ms":60000,"priority":7,"type":"t","app_id":"app"}
	EOT
}

# fields ADDR: the messages without what tells where they are.
fields() {
	"$MQTK" consume -q -J -e "$1" | jq -cS 'del(.stream,.partition,.offset)'
}

payloads() { # ADDR
	"$MQTK" consume -q -e "$1"
}

@test "every field arrives, with two headers that say where the copy came from" {
	mq produce -q -J local/a in.jsonl
	expect_status 0
	mq replay local/a local/b
	expect_status 0
	[[ $err == *"5 messages"*"copied from local/a to local/b"* ]]
	"$MQTK" consume -q -J -e local/b >copies
	diff <(fields local/a) <(jq -cS 'del(.stream,.partition,.offset) | .headers |= map(select(.[0] | startswith("mqtk-replay") | not))' copies)
	is "$(jq -c '.headers[-2:]' copies | sed -n 3p)" '[["mqtk-replay-source","a[0]@2"],["mqtk-replay-count","1"]]'
	mq replay -q local/b local/c
	is "$("$MQTK" consume -q -J -e local/c | jq -c '.headers[-2:]' | sed -n 3p)" \
		'[["mqtk-replay-source","b[0]@2"],["mqtk-replay-count","2"]]'
	is "$("$MQTK" consume -q -J -e local/c | jq -c '[.headers[] | select(.[0] | startswith("mqtk-replay"))] | length' | sort -u)" 2
}

@test "--no-provenance: the copies are the messages" {
	mq produce -q -J local/a in.jsonl
	mq replay -q --no-provenance local/a local/b
	expect_status 0
	diff <(fields local/a) <(fields local/b)
}

@test "a range by offset, by the last N, by time, by count and by partition" {
	seq 10 | "$MQTK" produce -q local/a
	mq replay -q --from 2 --to 5 local/a local/b
	is "$(payloads local/b | xargs)" "3 4 5"
	mq replay -q --from -2 local/a local/c
	is "$(payloads local/c | xargs)" "9 10"
	mq replay -q -c 3 local/a local/d
	is "$(payloads local/d | xargs)" "1 2 3"
	mq produce -q -J local/timed in.jsonl
	mq replay -q --from @1700000000124 --to @1700000000126 local/timed local/e
	is "$("$MQTK" consume -q -J -e local/e | jq -c .ts | xargs)" "1700000000124 1700000000125"
	mq create -q --partitions 3 local/parts
	for p in 0 1 2; do echo "$p" | "$MQTK" produce -q -p $p local/parts; done
	mq replay -q -p 0,2 local/parts local/f
	is "$(payloads local/f | sort | xargs)" "0 2"
}

@test "a message of the last moment there is does not end the range" {
	for ts in 1 9223372036854775807 2; do echo "{\"ts\":$ts,\"payload\":\"$ts\"}"; done |
		"$MQTK" produce -q -J local/a
	mq replay -q local/a local/b
	expect_status 0
	is "$(payloads local/b | xargs)" "1 9223372036854775807 2"
}

@test "into itself it ends at the snapshot" {
	seq 1000 | "$MQTK" produce -q local/a
	mq replay local/a local/a
	expect_status 0
	is "$(payloads local/a | wc -l)" 2000
	mq replay -q --max-replays 1 local/a local/a
	expect_status 0
	is "$(payloads local/a | wc -l)" 3000
}

@test "--max-replays leaves out what was replayed so often, and says how many" {
	seq 3 | "$MQTK" produce -q local/a
	mq replay -q local/a local/b
	mq replay -J --max-replays 1 local/b local/c
	expect_status 0
	[[ $err == *"3 left out"* ]]
	is "$(jq -c '[.read,.copied,.left_out]' out)" "[3,0,3]"
	mq replay -q --max-replays 2 local/b local/c
	is "$(payloads local/c | wc -l)" 3
}

@test "backup to a file and restore: every field, each message to the stream of its own name" {
	mq produce -q -J local/a in.jsonl
	seq 5 | "$MQTK" produce -q local/b
	mq replay local/a local/b backup.jsonl
	expect_status 0
	mq consume -q -J -e local/a
	cat out >expected
	mq consume -q -J -e local/b
	cat out >>expected
	diff <(sort expected) <(sort backup.jsonl)
	mq replay backup.jsonl sqlite:other.db/
	expect_status 0
	diff <(fields local/a) <(fields sqlite:other.db/a)
	diff <(fields local/b) <(fields sqlite:other.db/b)
	mq replay 'local/^[ab]$' file:again
	expect_status 0
	diff <(sort expected) <(sort again)
}

@test "a file that holds something is not written over" {
	seq 5 | "$MQTK" produce -q local/a
	mq replay -q local/a backup.jsonl
	cp backup.jsonl before
	mq replay -q local/a backup.jsonl
	expect_status 2
	[[ $err == *"not empty"*"--append"* ]]
	cmp backup.jsonl before
	mq replay --append local/a local/b
	expect_status 2
	[[ $err == *"--append adds to a file; 'local/b' is none"* ]]
	mq replay -q --append local/a backup.jsonl
	expect_status 0
	is "$(wc -l <backup.jsonl)" 10
}

@test "from standard input and to standard output" {
	mq produce -q -J local/a in.jsonl
	mq replay -q local/a -
	expect_status 0
	cp out lines
	is "$(wc -l <lines)" 5
	mq replay -q - local/b <lines
	expect_status 0
	diff <(fields local/a) <(fields local/b)
}

@test "a reader that goes away ends it quietly; what it did not take is not committed" {
	seq 20000 | "$MQTK" produce -q local/a
	("$MQTK" replay --group g local/a - 2>err; echo $? >status) | head -n 2 >two
	is "$(wc -l <two)" 2
	is "$(cat err)" ""
	is "$(cat status)" 0
	mq replay -q --group g local/a rest.jsonl
	expect_status 0
	is "$(jq -r .payload two rest.jsonl | sort -u | wc -l)" 20000
}

@test "lines that are no messages are said, counted and passed over: exit 7" {
	printf '%s\n' '{"payload":"1"}' 'nonsense' '{"payload":"2"}' >bad.jsonl
	mq replay bad.jsonl local/b
	expect_status 7
	[[ $err == *"bad.jsonl line 2"*"1 line that is no message"*"1 line is no message;"* ]]
	is "$(payloads local/b | xargs)" "1 2"
}

@test "keys, headers and timestamps of the copies" {
	mq produce -q -J local/a in.jsonl
	mq replay -q --no-provenance --key new -H added=x -H empty= --remove-header a --timestamps now local/a local/b
	expect_status 0
	"$MQTK" consume -q -J -e local/b >copies
	is "$(jq -c .key copies | sort -u)" '"new"'
	is "$(jq -c .headers copies | head -1)" '[["n",null],["e",""],["added","x"],["empty",""]]'
	is "$(jq '.ts > 1700000001000' copies | sort -u)" true
}

@test "old copies in a stream that keeps messages by their own time: it is said, with what helps" {
	echo x | "$MQTK" produce -q --ts $((($(date +%s) - 5400) * 1000)) local/a
	mq create -q --retention 2h local/short
	mq replay -q local/a local/short
	expect_status 0
	[[ $err == *"short keeps messages for 2h00m by their own time"*"--timestamps now"* ]]
	mq replay -q --timestamps now local/a local/short
	[ -z "$err" ]
	mq create -q --retention 1d local/long
	mq replay -q local/a local/long
	[ -z "$err" ]
}

@test "partitions are kept when there are as many, else keys decide; or as --to-partition says" {
	mq create -q --partitions 3 local/a
	for p in 0 1 2; do echo "k$p:$p" | "$MQTK" produce -q -K: -p $p local/a; done
	mq replay -q --create local/a local/same
	expect_status 0
	is "$("$MQTK" consume -q -J -e local/same | jq -c '[.partition,.payload]' | sort | xargs)" "[0,0] [1,1] [2,2]"
	mq create -q --partitions 5 local/five
	mq replay local/a local/five
	expect_status 0
	[[ $err == *"3 partitions"*"has 5"* ]]
	mq replay -q --to-partition 4 local/a local/five4
	expect_status 8
	mq create -q --partitions 5 local/five4
	mq replay -q --to-partition 4 local/a local/five4
	expect_status 0
	is "$("$MQTK" consume -q -J -e local/five4 | jq -c .partition | sort -u)" 4
	mq create -q --partitions 3 local/mapped
	mq replay -q --to-partition 0:2,2:0 local/a local/mapped
	expect_status 0
	is "$("$MQTK" consume -q -J -e local/mapped | jq -c '[.partition,.payload]' | sort | xargs)" "[0,2] [1,1] [2,0]"
}

@test "--rate and --speed hold back, --max-gap caps" {
	seq 5 | "$MQTK" produce -q local/a
	mq replay -J --rate 20/s local/a local/b
	expect_status 0
	jq -e '.duration_ms >= 200 and .duration_ms < 5000' out
	printf '{"ts":%s,"payload":"x"}\n' 1700000000000 1700000001000 1700003600000 >gaps.jsonl
	mq produce -q -J local/gaps gaps.jsonl
	mq replay -J --dry-run --speed 2x local/gaps local/c
	jq -e '.expected_s == 1800' out
	mq replay -J --dry-run --speed 200% --max-gap 100ms local/gaps local/c
	jq -e '.expected_s == 0.2' out
	mq replay -J --speed 10x --max-gap 200ms local/gaps local/c
	expect_status 0
	jq -e '.duration_ms >= 300 and .duration_ms < 5000' out
}

@test "--dry-run says how many, how large, from when to when, and writes nothing" {
	mq produce -q -J local/a in.jsonl
	mq replay --dry-run local/a local/b
	expect_status 0
	[[ $out == *"would copy 5 messages"*"2023-11-14T22:13:20.123Z"* ]]
	mq replay --dry-run -J --rate 10 local/a local/b
	expect_status 0
	fits replay
	is "$(jq -c '[.messages,.first_ts,.last_ts,.expected_s * 10]' out)" "[5,1700000000123,1700000000127,4]"
	mq replay --dry-run -J local/a local/b
	is "$(jq -c '.expected_s' out)" null
	mq ls -J local/
	is "$(jq -r .stream out | xargs)" a
}

@test "the report fits its schema" {
	seq 5 | "$MQTK" produce -q local/a
	mq replay -q -J local/a local/b
	expect_status 0
	fits replay
	is "$(jq -c '[.read,.copied,.failed,.unsent,.ended]' out)" '[5,5,0,0,"end"]'
}

@test "with --group the positions are committed, and the next run goes on there" {
	seq 5 | "$MQTK" produce -q local/a
	mq replay -q --group g local/a local/b
	expect_status 0
	seq 6 8 | "$MQTK" produce -q local/a
	mq replay -q --group g local/a local/b
	expect_status 0
	is "$(payloads local/b | xargs)" "1 2 3 4 5 6 7 8"
}

@test "a key and a header that are no UTF-8, and a journal" {
	seq 3 | "$MQTK" produce -q local/a
	mq replay -q --key $'\xff\xfe' -H $'x=\xff' --resume journal local/a local/b
	expect_status 0
	mq replay --key $'\xff\xfe' -H $'x=\xff' --resume journal local/a local/b
	expect_status 0
	[[ $err == *"nothing to do"* ]]
	is "$("$MQTK" consume -q -J -e local/b | jq -c .key | sort -u)" '{"base64":"//4="}'
	for file in $'./\xe4.out' $'./\xe4.in'; do
		: >"$file"
		mq replay -q --resume journal2 local/a "$file"
		mq replay --resume journal2 local/a "$file"
		expect_status 0
		[[ $err == *"nothing to do"* ]]
		mq replay --resume journal2 local/a ./other
		expect_status 2
		rm journal2
	done
}

@test "what a file cannot be: the source and the target, settled, partitions" {
	seq 3 | "$MQTK" produce -q local/a
	mq replay -q local/a lines.jsonl
	mq replay --append lines.jsonl ./lines.jsonl
	expect_status 2
	is "$(wc -l <lines.jsonl)" 3
	for option in --ack --group=g; do
		mq replay $option lines.jsonl local/b
		expect_status 2
		[[ $err == *"lines.jsonl"*"--resume"* ]]
		mq replay --dry-run $option local/a lines.jsonl local/b
		expect_status 2
	done
	mq replay --exactly-once --group g local/a ./other
	expect_status 2
	mq replay --to-partition 1 local/a ./other
	expect_status 2
	[ ! -e other ]
	for option in --resume=lines.jsonl --failed-to=./lines.jsonl; do
		mq replay $option lines.jsonl local/b
		expect_status 2
	done
	for option in --resume --failed-to; do
		mq replay $option ./other local/a ./other
		expect_status 2
	done
	mq replay --resume other --failed-to other local/a local/b
	expect_status 2
	[ ! -e other ]
	# The shell opened it: what is read would grow with what is written.
	# shellcheck disable=SC2094 # that is what is tried
	"$MQTK" replay lines.jsonl - >>lines.jsonl 2>err && status=0 || status=$?
	is "$status" 2
	# shellcheck disable=SC2094 # and that
	"$MQTK" replay - - <lines.jsonl >>lines.jsonl 2>err && status=0 || status=$?
	is "$status" 2
	is "$(wc -l <lines.jsonl)" 3
	"$MQTK" replay -q - - </dev/null >/dev/null
}

# What a run that was killed leaves: a journal that goes on behind line 3 of five.
half_done() { # SOURCE TARGET
	mq replay -q --resume journal "$1" "$2"
	expect_status 0
	head -n 1 journal >half
	printf '{"at":[[0,3]],"done":3}\n' >>half
	cp half journal
}

@test "a journal whose target file is gone, or whose source file is shorter, does not go on" {
	for i in 1 2 3 4 5; do echo "{\"payload\":\"$i\"}"; done >five.jsonl
	half_done five.jsonl copies.jsonl
	rm copies.jsonl
	mq replay --resume journal five.jsonl copies.jsonl
	expect_status 6
	[[ $err == *"copies.jsonl"*"another journal"* ]]
	[ ! -e copies.jsonl ]
	head -n 2 five.jsonl >two
	head -n 3 five.jsonl >copies.jsonl
	cp two five.jsonl
	mq replay --resume journal five.jsonl copies.jsonl
	expect_status 7
	[[ $err == *"five.jsonl has 2 lines, but 3 were read before"* ]]
	is "$(grep -c finished journal)" 0
}

@test "what was gone in one run is said by later ones too, finished or not: exit 3" {
	seq 20 | "$MQTK" produce -q local/a
	half_done local/a local/b
	"$MQTK" trim -q --yes --max-length 10 local/a
	mq replay -J --resume journal local/a local/b
	expect_status 3
	is "$(jq -c '[.copied,.missed]' <<<"$out")" '[10,7]'
	mq replay -J --resume journal local/a local/b
	expect_status 3
	is "$(jq -c '[.copied,.missed]' <<<"$out")" '[0,7]'
	has "$err" "7 messages of the range were gone"
	fits journal journal
	sed -i /finished/d journal # as if it had been killed just before its end
	mq replay -J --resume journal local/a local/b
	expect_status 3
	is "$(jq -c '[.copied,.missed]' <<<"$out")" '[0,7]'
}

@test "a journal that is damaged is refused, whatever stands in it" {
	mq create -q --partitions 2 local/a
	mq create -q --partitions 2 local/b
	seq 10 | "$MQTK" produce -q local/a
	mq replay -q --resume journal local/a local/b
	expect_status 0
	head -n 1 journal >begun
	# shellcheck disable=SC2016 # sed's last line
	for change in 's/"stream":"a"/"strxam":"a"/' 's/{"source":0/{"source":7/' \
		's/"partition":0,/"partition":1,/' 's/"partition":1,/"partition":-9,/' \
		'$a{"at":[[0,99]],"done":3}' '$a{"at":[[1,-5]],"done":3}'; do
		sed "$change" begun >journal
		cmp -s begun journal && return 1
		mq replay --resume journal local/a local/b
		expect_status 7
		[[ $err == *"journal is damaged"* ]]
	done
	is "$(payloads local/b | wc -l)" 10
}

@test "--speed goes by time across partitions, in the order of each" {
	mq create -q --partitions 2 local/a
	for p in 0 1; do
		for i in 1 2 3; do printf '{"partition":%s,"ts":%s,"payload":"%s-%s"}\n' $p $((1700000000000 + i * 100 + p * 50)) $p $i; done
	done | "$MQTK" produce -q -J local/a
	mq replay -q --speed 10x local/a all.jsonl
	expect_status 0
	is "$(jq -r .payload all.jsonl | xargs)" "0-1 1-1 0-2 1-2 0-3 1-3"
}

@test "what is missing, contradicts or cannot be" {
	mq replay
	expect_status 2
	mq replay local/a
	expect_status 2
	[[ $err == *"no target"* ]]
	mq replay local/nothing local/b
	expect_status 8
	mq replay --exactly-once local/a local/b
	expect_status 2
	mq replay --max-gap 5s local/a local/b
	expect_status 2
	mq replay --speed 0x local/a local/b
	expect_status 2
	mq replay --rate fast local/a local/b
	expect_status 2
	mq replay no-such.jsonl local/b
	expect_status 6
}

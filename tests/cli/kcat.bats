#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016 # set in the helpers; formats stand in single quotes
# kcat's command line: the thirty things that its users try on day one, by number. Where kcat is
# installed and nothing was to be mended, what it prints is compared byte for byte.

setup() {
	load kcat_helpers
	use_kafka
}

@test "kcat 1: a line is delivered" {
	run_kcat -P -t "$topic" <<<hi
	is "$status" 0
	is "$out" ""
	is "$(stored -t "$topic")" hi
	same_produced 'hi\n'
}

@test "kcat 2: from the beginning to the end, which is noted on stderr" {
	run_kcat -P -t "$topic" < <(printf 'a\nb\n')
	run_kcat -C -t "$topic" -o beginning -e
	is "$status" 0
	is "$out" $'a\nb'
	has "$err" "% reached the end of $topic"
	same_as_kcat -C -t "$topic" -o beginning -e
	same_as_kcat -C -t "$topic" -e -q
	run_kcat -C -t "$topic" -e -q
	is "$err" ""
}

@test "kcat 3: the last record needs no newline, empty ones are skipped" {
	run_kcat -P -t "$topic" < <(printf 'a\nb')
	is "$status" 0
	is "$(stored -t "$topic")" $'a\nb'
	same_produced 'a\nb'
	same_produced 'a\n\n\nb\n\n'
	run_kcat -P -t "$topic" </dev/null
	is "$status" 0
	is "$(stored -t "$topic")" $'a\nb'
}

@test "kcat 4: the first key delimiter splits" {
	run_kcat -P -t "$topic" -K: <<<k:v:w
	is "$(stored -t "$topic" -f '%k|%s\n')" 'k|v:w'
	same_produced 'k:v:w\nk2::x\n' -K:
	same_produced 'kSEPvSEPw\n' -K SEP
}

@test "kcat 5: no key delimiter in a record is a null key" {
	run_kcat -P -t "$topic" -K: <<<x
	is "$(stored -t "$topic" -f '%K %s\n')" '-1 x'
	same_produced 'x\nk:y\n' -K:
}

@test "kcat 6: -Z with an empty value is a tombstone" {
	run_kcat -P -t "$topic" -K: -Z <<<k:
	is "$(stored -t "$topic" -f '%k %S\n')" 'k -1'
	same_produced 'k:\n:v\n:\nx\n' -K: -Z
}

@test "kcat 7: without -Z it is an empty value, not null" {
	run_kcat -P -t "$topic" -K: <<<k:
	is "$(stored -t "$topic" -f '%k %S\n')" 'k 0'
	same_produced 'k:\n:v\n:\n' -K:
}

@test "kcat 8: -K and -Z while consuming" {
	run_kcat -P -t "$topic" -K: -Z < <(printf 'k:\n:v\n')
	run_kcat -P -t "$topic" -K: <<<e:
	run_kcat -C -t "$topic" -e -K: -Z
	is "$out" $'k:NULL\nNULL:v\ne:NULL'
	same_as_kcat -C -t "$topic" -e -K: -Z
	same_as_kcat -C -t "$topic" -e -K:
	same_as_kcat -C -t "$topic" -e -K ''
	same_as_kcat -C -t "$topic" -e -Z
	same_as_kcat -C -t "$topic" -e -Z -f '%k=%s (%K %S)\n'
}

@test "kcat 9: duplicate, null and empty headers stay apart" {
	run_kcat -P -t "$topic" -k key -H a=1 -H n -H e= -H a=2 <<<v
	is "$status" 0
	is "$(stored -t "$topic" -f '%k %h\n')" 'key a=1,n=NULL,e=,a=2'
	run_kcat -C -t "$topic" -e -J
	is "$(jq -c .headers <<<"$out")" '["a","1","n",null,"e","","a","2"]'
	same_as_kcat -C -t "$topic" -e -J
	same_produced 'v\nw\n' -k key -H a=1 -H n -H e= -H a=2 -H x=y=z
	run_kcat -P -t "$topic" -H =v <<<v
	is "$status" 1
}

@test "kcat 10: a format, exact, -1 for null" {
	run_kcat -P -t "$topic" <<<value
	run_kcat -C -t "$topic" -c1 -f '%t[%p]@%o %k(%K) %s(%S) %h %%\n'
	is "$status" 0
	is "$out" "${topic}[0]@0 (-1) value(5)  %"
	same_as_kcat -C -t "$topic" -c1 -f '%t[%p]@%o %k(%K) %s(%S) %h %T\n'
	same_as_kcat -C -t "$topic" -c1 -f '%R%s|\t\x41\065\66|%%\n'
	same_as_kcat -C -t "$topic" -c1 -f 'no end: %s'
	same_as_kcat -C -t "$topic" -c1 -D ';;'
	same_as_kcat -C -t "$topic" -c1 -D ''
	for bad in '%' '%q'; do
		run_kcat -C -t "$topic" -e -f "$bad"
		is "$status" 1
		is "$out" ""
	done
}

@test "kcat 11: JSON, null as null" {
	printf 'k:v\nx\nquote:"\\ \t/é\x01\x7f\n' >input
	run_kcat -P -t "$topic" -K: <input
	run_kcat -C -t "$topic" -e -J
	is "$(jq -c '[.key, .payload]' <<<"$out")" \
		$'["k","v"]\n[null,"x"]\n["quote","\\"\\\\ \\t/é\\u0001\\u007f"]'
	is "$(jq -c 'keys_unsorted' <<<"$out" | uniq)" \
		'["topic","partition","offset","tstype","ts","broker","key","payload"]'
	same_as_kcat -C -t "$topic" -e -J
	same_as_kcat -C -t "$topic" -e -J -D ';'
}

@test "kcat 12: any bytes go through JSON and back, and each line is valid" {
	LC_ALL=C awk 'BEGIN { for (i = 0; i < 256; i++) printf "%c", i }' >bytes
	run_kcat -P -t "$topic" bytes
	is "$status" 0
	stored -t "$topic" -D '' | cmp - bytes
	run_kcat -C -t "$topic" -e -J
	is "$(jq -r .payload.base64 <<<"$out" | base64 -d | cmp - bytes)" ""
	run_kcat -P -t "$topic-back" -J <<<"$out"
	is "$status" 0
	stored -t "$topic-back" -D '' | cmp - bytes
}

@test "kcat 13: files are a message each, an empty one is none" {
	printf 'one\nmessage' >f1
	: >empty
	printf two >f2
	run_kcat -P -t "$topic" f1 empty f2
	is "$status" 0
	is "$(stored -t "$topic" -f '%S %s|')" $'11 one\nmessage|3 two|'
	same_produced '' f1 empty f2
	same_produced '' -k key -H a=b f1 f2
}

@test "kcat 14: a file that is missing fails, the others are sent (fix)" {
	echo good >good
	run_kcat -P -t "$topic" good /missing
	is "$status" 1
	has "$err" "/missing: No such file"
	is "$(stored -t "$topic")" good
}

@test "kcat 15: -l ends with its file (fix)" {
	printf 'a\nb\nc' >lines.txt
	run_kcat -P -t "$topic" -l lines.txt
	is "$status" 0
	is "$(stored -t "$topic")" $'a\nb\nc'
	: >empty
	run_kcat -P -t "$topic" -l empty
	is "$status" 0
	run_kcat -P -t "$topic" -l lines.txt lines.txt
	is "$status" 1
	run_kcat -P -t "$topic" -l /missing
	is "$status" 1
	same_produced '' -l lines.txt
}

@test "kcat 16: a delimiter of several bytes" {
	run_kcat -P -t "$topic" -D ';;' < <(printf 'a;;b;c;;')
	is "$(stored -t "$topic")" $'a\nb;c'
	same_produced 'a;;b;c;;;;d' -D ';;'
	same_produced 'a\tb\tc' -D '\t'
	same_produced 'axbxc' -D '\x78'
	run_kcat -P -t "$topic" -D '' <<<a
	is "$status" 1
}

@test "kcat 17: NUL as delimiter, both ways (fix)" {
	run_kcat -P -t "$topic" -D '\x00' < <(printf 'a\nb\0c\0')
	is "$status" 0
	is "$(stored -t "$topic" -f '%S ')" '3 1 '
	"$MQTK" kcat -b "$broker" -C -t "$topic" -e -D '\x00' >got
	printf 'a\nb\0c\0' | cmp - got
	run_kcat -P -t "$topic-k" -K '\x00' < <(printf 'k\0v\n')
	is "$(stored -t "$topic-k" -f '%k %s')" 'k v'
}

@test "kcat 18: the last two of a partition" {
	seq 5 | "$MQTK" kcat -b "$broker" -P -t "$topic" -p 0
	run_kcat -C -t "$topic" -p 0 -o -2 -e
	is "$status" 0
	is "$out" $'4\n5'
	same_as_kcat -C -t "$topic" -p 0 -o -2 -e
	same_as_kcat -C -t "$topic" -p 0 -o 3 -e
	same_as_kcat -C -t "$topic" -p 0 -o end -e
	run_kcat -C -t "$topic" -p 9 -e
	is "$status" 1
	is "$out" ""
	same_as_kcat -C -t "$topic" -p 9 -e
}

@test "kcat 19: more than there is means all" {
	echo one | "$MQTK" kcat -b "$broker" -P -t "$topic"
	run_kcat -C -t "$topic" -o -10 -e
	is "$status" 0
	is "$out" one
	same_as_kcat -C -t "$topic" -o -10 -e
}

@test "kcat 20: a time range ends by itself (fix)" {
	make_topic
	for i in 1 2 3 4; do
		"$MQTK" produce --ts "1700000000${i}00" "$address" <<<"m$i"
	done
	run_kcat -C -t "$topic" -o s@1700000000200 -o e@1700000000400
	is "$status" 0
	is "$out" $'m2\nm3'
	run_kcat -C -t "$topic" -o s@1700000000200 -o e@1700000009000
	is "$status" 0
	is "$out" $'m2\nm3\nm4'
	run_kcat -C -t "$topic" -o e@1700000000200
	is "$out" m1
	same_as_kcat -C -t "$topic" -e -o s@1700000000300
	same_as_kcat -C -t "$topic" -o s@1700000000200 -o e@1700000000400
}

@test "kcat 21: -c is exact" {
	seq 20 | "$MQTK" kcat -b "$broker" -P -t "$topic"
	run_kcat -C -t "$topic" -c 5
	is "$status" 0
	is "$out" "$(seq 5)"
	same_as_kcat -C -t "$topic" -c 5
	run_kcat -P -t "$topic-p" -c 3 < <(seq 20)
	is "$status" 0
	is "$(stored -t "$topic-p")" "$(seq 3)"
	same_produced '1\n2\n3\n4\n' -c 2
}

@test "kcat 22: a group reads to the end, commits and leaves; again there is nothing" {
	make_topic 3
	seq 100 | "$MQTK" kcat -b "$broker" -P -t "$topic"
	run_kcat -G "$topic-g" -X auto.offset.reset=earliest -e "$topic"
	is "$status" 0
	is "$(sort -n <<<"$out")" "$(seq 100)"
	run_kcat -G "$topic-g" -X auto.offset.reset=earliest -e "$topic"
	is "$status" 0
	is "$out" ""
	# A group without a position begins at the end.
	run_kcat -G "$topic-new" -e "$topic"
	is "$status" 0
	is "$out" ""
}

@test "kcat 22: a group with -o begins there every time, whatever is committed" {
	seq 10 | "$MQTK" kcat -b "$broker" -P -t "$topic" -p 0
	run_kcat -G "$topic-g" -X auto.offset.reset=earliest -e "$topic"
	is "$out" "$(seq 10)"
	run_kcat -G "$topic-g" -o 7 -e "$topic"
	is "$status" 0
	is "$out" "$(seq 8 10)"
	run_kcat -G "$topic-g" -o beginning -e "$topic"
	is "$out" "$(seq 10)"
	run_kcat -G "$topic-g" -o -2 -e "$topic"
	is "$out" "$(seq 9 10)"
	# The position that this committed is the group's again.
	run_kcat -G "$topic-g" -o beginning -c 3 "$topic"
	is "$out" "$(seq 3)"
	run_kcat -G "$topic-g" -e "$topic"
	is "$out" "$(seq 4 10)"
	run_kcat -G "$topic-g" -o stored -e "$topic"
	is "$out" ""
	same_as_kcat -q -G "$topic-g" -o 7 -e "$topic"
}

@test "kcat 22: what kcat's group committed, ours goes on behind, and the other way round" {
	have_kcat || skip "kcat is not installed"
	seq 3 | kcat -b "$broker" -P -t "$topic" -p 0
	is "$(kcat -q -b "$broker" -G "$topic-g" -X auto.offset.reset=earliest -e "$topic")" "$(seq 3)"
	seq 4 6 | kcat -b "$broker" -P -t "$topic" -p 0
	run_kcat -G "$topic-g" -e "$topic"
	is "$out" "$(seq 4 6)"
	seq 7 9 | kcat -b "$broker" -P -t "$topic" -p 0
	is "$(kcat -q -b "$broker" -G "$topic-g" -e "$topic")" "$(seq 7 9)"
}

@test "kcat 22: without committing, the next run reads it again" {
	echo again | "$MQTK" kcat -b "$broker" -P -t "$topic"
	for _ in 1 2; do
		run_kcat -G "$topic-g" -X auto.offset.reset=earliest -X enable.auto.commit=false \
			-e "$topic"
		is "$status" 0
		is "$out" again
	done
}

@test "kcat 23: a regular expression, and several topics" {
	for t in "$topic-a" "$topic-b" "$topic-other"; do
		echo "$t" | "$MQTK" kcat -b "$broker" -P -t "$t"
	done
	run_kcat -G "$topic-g" -X auto.offset.reset=earliest -e "^$topic-[ab]$"
	is "$status" 0
	is "$(sort <<<"$out")" "$topic-a"$'\n'"$topic-b"
	run_kcat -G "$topic-h" -X auto.offset.reset=earliest -e "$topic-a" "$topic-other"
	is "$(sort <<<"$out")" "$topic-a"$'\n'"$topic-other"
}

# The whole list of the broker by the program in $1 and what follows, in one order.
listed_json() {
	"$@" -b "$broker" -L -J | jq -S '.topics |= sort_by(.topic)'
}

listed_text() {
	"$@" -b "$broker" -L | sort
}

# Sets $ours and $theirs to what the function $1 tells of us and of kcat, taken while nothing else
# changed: other test files make topics on the same broker meanwhile.
unchanged() {
	local again
	for _ in $(seq 20); do
		ours=$("$1" "$MQTK" kcat)
		theirs=$("$1" kcat)
		again=$("$1" "$MQTK" kcat)
		[ "$ours" != "$again" ] || return 0
	done
	echo "the broker's topics never stood still" >&2
	return 1
}

@test "kcat 24: metadata as text and as JSON" {
	make_topic 3
	run_kcat -L -t "$topic"
	is "$status" 0
	has "$out" "  topic \"$topic\" with 3 partitions:"
	has "$out" "    partition 2, leader 1, replicas: 1, isrs: 1"
	same_as_kcat -L -t "$topic"
	same_as_kcat -L -J -t "$topic"
	run_kcat -L -J
	is "$(jq --arg t "$topic" '[.topics[] | select(.topic == $t) | .partitions[].partition] | sort' \
		-c <<<"$out")" '[0,1,2]'
	if have_kcat; then
		unchanged listed_json
		is "$ours" "$theirs"
		unchanged listed_text
		is "$ours" "$theirs"
	fi
}

@test "kcat 24: metadata of a topic that is not there, which is not made by asking" {
	run_kcat -L -t "$topic"
	is "$status" 0
	has "$out" "topic \"$topic\" with 0 partitions: Broker: Unknown topic or partition"
	run_kcat -L
	has_not "$out" "$topic"
}

@test "kcat 25: offsets for times" {
	make_topic 2
	for i in 1 2 3; do
		"$MQTK" produce -p 0 --ts "1700000000${i}00" "$address" <<<"m$i"
	done
	run_kcat -Q -t "$topic:0:-1" -t "$topic:1:-1"
	is "$status" 0
	is "$out" "$topic [0] offset 3"$'\n'"$topic [1] offset 0"
	for ms in -1 -2 0 1700000000150 1700000000200 1700000000300 1700000000301; do
		same_as_kcat -Q -t "$topic:0:$ms" -t "$topic:1:$ms"
		same_as_kcat -Q -J -t "$topic:1:$ms" -t "$topic:0:$ms"
	done
	same_as_kcat -Q -t "$topic:7:0"
	for bad in "$topic" "$topic:0" "$topic:x:0" "$topic:0:x" ":0:0" "$topic::0"; do
		run_kcat -Q -t "$bad"
		is "$status" 1
		is "$out" ""
	done
}

@test "kcat 26: packed numbers, little-endian ones too (fix)" {
	printf '\x01\x00\x00\x00' >little
	printf '\x00\x00\x00\x02' >big
	run_kcat -P -t "$topic" little
	run_kcat -C -t "$topic" -e -s 'value=<i'
	is "$status" 0
	is "$out" 1
	run_kcat -P -t "$topic-big" big
	same_as_kcat -C -t "$topic-big" -e -s value=i
	same_as_kcat -C -t "$topic-big" -e -s 'value=B B h$'
	same_as_kcat -C -t "$topic-big" -e -s 'value=>I'
	run_kcat -C -t "$topic-big" -e -s value=q
	is "$status" 1
	for bad in x '' 'key=z'; do
		run_kcat -C -t "$topic-big" -e -s "$bad"
		is "$status" 1
	done
	run_kcat -C -t "$topic" -e -s avro -r http://127.0.0.1:1
	is "$status" 1
	has "$err" "value: nothing in it names its schema"
}

@test "kcat 27: head -1 ends it quietly (fix)" {
	seq 200000 | "$MQTK" kcat -b "$broker" -P -t "$topic"
	set +e
	"$MQTK" kcat -q -b "$broker" -C -t "$topic" 2>err | head -1 >one
	codes=("${PIPESTATUS[@]}")
	set -e
	is "${codes[0]}" 0
	is "$(cat one)" 1
	is "$(cat err)" ""
}

@test "kcat 28: a record is visible at once; a signal ends an idle producer, flushed (fix)" {
	make_topic
	mkfifo pipe
	exec 7<>pipe
	in_background kcat -b "$broker" -P -t "$topic" <pipe 2>err 7>&-
	echo a >&7
	wait_until 20 end_is "$topic" 1
	echo b >&7
	kill -INT "$pid" || :
	wait_for_end "$pid" 10
	exec 7>&-
	# b may have come too late to be read; what was read was confirmed.
	is "$status" 0
	has "$(stored -t "$topic")" a
}

@test "kcat 29: no broker is an error within the time; an unknown property is named" {
	start=$SECONDS
	for mode in "-L" "-C -t t" "-P -t t" "-Q -t t:0:0" "-G g t"; do
		# shellcheck disable=SC2086
		mq kcat -b 127.0.0.1:1 -m 2 $mode <<<x
		is "$status" 1
		is "$out" ""
		has "$err" "% ERROR: "
	done
	[ $((SECONDS - start)) -lt 40 ]
	run_kcat -L -X no.such.property=1
	is "$status" 1
	has "$err" 'No such configuration property: "no.such.property"'
	mq kcat -L -b host.invalid:9092 -m 2
	is "$status" 1
}

@test "kcat 30: a transaction is all" {
	run_kcat -P -t "$topic" -X "transactional.id=$topic" < <(printf 'a\nb\n')
	is "$status" 0
	is "$(stored -t "$topic")" $'a\nb'
	is "$(end_of "$topic")" 3 # the commit marker shows that it was one
}

@test "kcat 30: a transaction that a signal ends is nothing" {
	make_topic
	mkfifo pipe
	exec 7<>pipe
	in_background kcat -b "$broker" -P -t "$topic" -X "transactional.id=$topic" <pipe 2>err 7>&-
	echo a >&7
	wait_until 20 written a
	kill -INT "$pid"
	wait_for_end "$pid" 20
	exec 7>&-
	is "$status" 1
	is "$(stored -t "$topic")" ""
}

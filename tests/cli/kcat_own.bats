#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016 # set in the helpers; formats stand in single quotes
# The thirty things of kcat.bats in mqtk's own grammar, by the same numbers.

setup() {
	load kcat_helpers
	use_kafka
	make_topic
}

produce() {
	mq produce "$@" "$address"
}

consume() {
	mq consume -e "$@" "$address"
}

@test "own 1, 2: a line is delivered and printed" {
	produce <<<hi
	is "$status" 0
	is "$out" ""
	consume --from beginning
	is "$status" 0
	is "$out" hi
	has "$err" "reached the end of $topic"
}

@test "own 3: the last record needs no newline" {
	produce < <(printf 'a\nb')
	consume
	is "$out" $'a\nb'
}

@test "own 4, 5: the first key delimiter splits; none is a null key" {
	produce -K: < <(printf 'k:v:w\nx\n')
	consume -f '%k|%K|%s\n'
	is "$out" $'k|1|v:w\n|-1|x'
}

@test "own 6, 7, 8: null and empty are two things" {
	produce -K: -Z <<<k:
	produce -K: <<<k:
	consume -f '%S\n'
	is "$out" $'-1\n0'
	consume -K: -Z
	is "$out" $'k:NULL\nk:'
}

@test "own 9: duplicate, null and empty headers stay apart" {
	produce -k key -H a=1 -H n -H e= -H a=2 <<<v
	consume -J
	is "$(jq -c '[.key, .headers]' <<<"$out")" \
		'["key",[["a","1"],["n",null],["e",""],["a","2"]]]'
	is "$(stored -t "$topic" -f '%k %h\n')" 'key a=1,n=NULL,e=,a=2'
}

@test "own 10: a format" {
	produce <<<value
	mq consume -c1 -f '%t[%p]@%o %k(%K) %s(%S) %h\n' "$address"
	is "$status" 0
	is "$out" "${topic}[0]@0 (-1) value(5) "
}

@test "own 11, 12: JSON is valid, and any bytes come back" {
	LC_ALL=C awk 'BEGIN { for (i = 0; i < 256; i++) printf "%c", i }' >bytes
	mq produce "$address" bytes
	is "$status" 0
	produce -K: <<<'k:{"a": 1.10}'
	consume -J
	is "$(jq -c '[.key, (.payload | type)]' <<<"$out")" $'[null,"object"]\n["k","string"]'
	"$MQTK" create "$address-back"
	mq produce -J "$address-back" <<<"$out"
	is "$status" 0
	stored -t "$topic-back" -c 1 -D '' | cmp - bytes
	is "$(stored -t "$topic-back" -o 1 -K:)" 'k:{"a": 1.10}'
}

@test "own 13, 14: files are a message each; one that is missing fails, the others are sent" {
	printf 'one\nmessage' >f1
	: >empty
	printf two >f2
	mq produce "$address" f1 empty /missing f2
	is "$status" 6
	has "$err" "/missing"
	is "$(stored -t "$topic" -f '%S %s|')" $'11 one\nmessage|0 |3 two|'
}

@test "own 15: a file of lines" {
	printf 'a\nb\nc' >lines.txt
	mq produce -l "$address" lines.txt
	is "$status" 0
	is "$(stored -t "$topic")" $'a\nb\nc'
}

@test "own 16, 17: delimiters of several bytes, and NUL" {
	produce -D ';;' < <(printf 'a;;b;c;;')
	consume
	is "$out" $'a\nb;c'
	produce -D '\x00' < <(printf 'd\ne\0')
	"$MQTK" consume -e -o 2 -D '\x00' "$address" >got
	printf 'd\ne\0' | cmp - got
}

@test "own 18, 19, 21: the last N, more than there is, and a count" {
	produce -p 0 < <(seq 5)
	consume -p 0 -o -2
	is "$out" $'4\n5'
	consume --from -10
	is "$out" "$(seq 5)"
	mq consume -c 3 "$address"
	is "$status" 0
	is "$out" "$(seq 3)"
}

@test "own 20: a time range ends by itself" {
	for i in 1 2 3 4; do
		produce --ts "1700000000${i}00" <<<"m$i"
	done
	mq consume --from @1700000000200 --to @1700000000400 "$address"
	is "$status" 0
	is "$out" $'m2\nm3'
}

@test "own 22, 23: a group commits and goes on; regular expressions" {
	produce < <(seq 10)
	consume --group "$topic-g"
	is "$status" 0
	is "$out" "$(seq 10)"
	consume --group "$topic-g"
	is "$status" 0
	is "$out" ""
	mq consume -e "kafka://$broker/^$topic\$"
	is "$out" "$(seq 10)"
}

@test "own 24: what there is" {
	mq ls -J "kafka://$broker/"
	is "$status" 0
	has "$out" "\"$topic\""
	mq info -J "$address"
	is "$status" 0
	is "$(jq '.partitions | length' <<<"$out")" 1
}

@test "own 26: packed numbers" {
	printf '\x01\x00\x00\x00' >little
	mq produce "$address" little
	consume --decode 'value=pack:<i'
	is "$out" 1
}

@test "own 27: head -1 ends it quietly" {
	seq 200000 | "$MQTK" produce "$address"
	set +e
	"$MQTK" consume -q -e "$address" 2>err | head -1 >one
	codes=("${PIPESTATUS[@]}")
	set -e
	is "${codes[0]}" 0
	is "$(cat one)" 1
	is "$(cat err)" ""
}

@test "own 28: visible at once; a signal ends an idle producer, flushed, with 130" {
	mkfifo pipe
	exec 7<>pipe
	in_background produce "$address" <pipe 2>err 7>&-
	echo a >&7
	wait_until 20 end_is "$topic" 1
	kill -INT "$pid"
	wait_for_end "$pid" 5
	exec 7>&-
	is "$status" 130
	has "$(cat err)" "1 records read, 1 confirmed, 0 not"
}

@test "own 29: no broker, no such property, no such topic" {
	mq consume --timeout 2s kafka://127.0.0.1:1/t
	is "$status" 4
	mq produce --timeout 2s kafka://127.0.0.1:1/t <<<x
	is "$status" 4
	mq consume -e -X no.such.property=1 "$address"
	is "$status" 2
	has "$err" 'No such configuration property: "no.such.property"'
	mq consume -e "$address-missing"
	is "$status" 8
	mq produce "$address-missing" <<<x
	is "$status" 8
}

@test "own 30: a transaction is all or nothing" {
	produce --transactional < <(printf 'a\nb\n')
	is "$status" 0
	is "$(stored -t "$topic")" $'a\nb'
	head -c 2000000 /dev/zero | tr '\0' x >large
	mq produce --transactional -l "$address" <(printf 'c\n') large
	[ "$status" -ne 0 ]
	is "$(stored -t "$topic")" $'a\nb'
}

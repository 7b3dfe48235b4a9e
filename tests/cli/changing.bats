#!/usr/bin/env bats
# create, alter, trim and delete on the local store: what they change, what they refuse, and when
# they ask.

load ../lib/helpers

# fill STREAM N: N messages 1…N
fill() {
	seq "$2" | "$MQTK" produce -q "sqlite:s.db/$1"
}

# left STREAM: what is in it, on one line
left() {
	"$MQTK" consume -q -e "sqlite:s.db/$1" | tr '\n' ' '
}

@test "trim removes no more and no fewer than was asked for, and says how many" {
	fill t 10
	mq trim --yes --max-length 7 sqlite:s.db/t
	expect_status 0
	[[ $err == *"removed 3 messages from sqlite:s.db/t"* && -z $out ]]
	[ "$(left t)" = "4 5 6 7 8 9 10 " ]
	mq trim --yes --before 5 sqlite:s.db/t
	expect_status 0
	[ "$(left t)" = "6 7 8 9 10 " ]
	mq trim --yes --before -2 -J sqlite:s.db/t
	expect_status 0
	[ "$out" = '{"stream":"t","removed":3,"dry_run":false}' ]
	[ "$(left t)" = "9 10 " ]
	mq trim --yes --all -q sqlite:s.db/t
	expect_status 0
	[ -z "$out$err$(left t)" ]
	# The offsets go on where they were.
	fill t 1
	[ "$("$MQTK" consume -q -e -f '%o' sqlite:s.db/t)" = 10 ]
}

@test "trim by age and by size" {
	printf '{"ts":1000,"payload":"old"}\n{"ts":2000,"payload":"older"}\n{"payload":"new"}\n' |
		"$MQTK" produce -q -J sqlite:s.db/t
	mq trim --dry-run --max-age 1h sqlite:s.db/t
	expect_status 0
	[ "$out" = "would remove 2 messages from sqlite:s.db/t" ]
	mq trim --yes --before 1970-01-01T00:00:02Z sqlite:s.db/t
	expect_status 0
	[[ $err == *"removed 1 message from"* ]]
	[ "$(left t)" = "older new " ]
	mq trim --yes --max-age 1h sqlite:s.db/t
	expect_status 0
	[[ $err == *"removed 1 message from"* ]]
	[ "$(left t)" = "new " ]
	fill u 9
	mq trim --yes --max-bytes 4 sqlite:s.db/u
	expect_status 0
	[ "$(left u)" = "6 7 8 9 " ]
	mq trim --yes --max-bytes 0 -J sqlite:s.db/u
	expect_status 0
	[ "$(jq .removed out)" = 4 ]
}

@test "trim keeps exactly N over all partitions, whatever each of them holds" {
	"$MQTK" create -q --partitions 3 sqlite:s.db/t
	seq 10 | "$MQTK" produce -q -p 0 sqlite:s.db/t
	seq 7 | "$MQTK" produce -q -p 1 sqlite:s.db/t
	seq 1 | "$MQTK" produce -q -p 2 sqlite:s.db/t
	for n in 17 11 8 3 2 0; do
		mq trim --dry-run -J --max-length "$n" sqlite:s.db/t
		expect_status 0
		before=$("$MQTK" info -J sqlite:s.db/t | jq .messages)
		[ "$(jq .removed out)" -eq $((before - n)) ]
		mq trim --yes --max-length "$n" sqlite:s.db/t
		expect_status 0
		[ "$("$MQTK" info -J sqlite:s.db/t | jq .messages)" -eq "$n" ]
	done
}

@test "trim --expired is what the stream's own limits no longer keep" {
	"$MQTK" create -q --retention 1h sqlite:s.db/t
	printf '{"payload":"new"}\n' | "$MQTK" produce -q -J sqlite:s.db/t
	mq trim --yes --expired -J sqlite:s.db/t
	expect_status 0
	[ "$(jq .removed out)" = 0 ]
	fill u 5
	mq trim --expired -J sqlite:s.db/u
	expect_status 0
	[ "$(jq .removed out)" = 0 ]
}

@test "trim asks: nothing happens without a terminal and without --yes, nor with --dry-run" {
	fill t 4
	mq trim --all sqlite:s.db/t </dev/null
	expect_status 2
	[[ $err == *"would remove 4 messages from sqlite:s.db/t"*"--yes"* ]]
	mq trim --all --dry-run sqlite:s.db/t
	expect_status 0
	[ "$out" = "would remove 4 messages from sqlite:s.db/t" ]
	mq trim --all --dry-run -J sqlite:s.db/t
	expect_status 0
	[ "$out" = '{"stream":"t","removed":4,"dry_run":true}' ]
	[ "$(left t)" = "1 2 3 4 " ]
}

@test "trim wants exactly one kind, a stream that is there, and a position that is one" {
	fill t 4
	mq trim --yes sqlite:s.db/t
	expect_status 2
	[[ $err == *"nothing says what is to go"*--max-age* ]]
	mq trim --yes --all --max-length 3 sqlite:s.db/t
	expect_status 2
	mq trim --yes --before stored sqlite:s.db/t
	expect_status 2
	mq trim --yes --before 1700000000000-0 sqlite:s.db/t
	expect_status 2
	mq trim --yes --all 'sqlite:s.db/^t'
	expect_status 2
	mq trim --yes --all sqlite:s.db/nothing
	expect_status 8
	mq trim --yes --all sqlite:s.db/
	expect_status 2
	[ "$(left t)" = "1 2 3 4 " ]
}

@test "a group keeps its position when what it has not read is trimmed" {
	fill t 10
	mq consume -q -c 2 --group g sqlite:s.db/t
	expect_status 0
	mq trim --yes -q --before 8 sqlite:s.db/t
	expect_status 0
	[ "$("$MQTK" info -J sqlite:s.db/t | jq -c '.groups[0] | [.committed, .lag]')" = '[2,2]' ]
	mq consume -e --group g sqlite:s.db/t
	expect_status 0
	[ "$out" = $'9\n10' ]
}

@test "alter changes what is given and leaves the rest; limits hold at once and for running writers" {
	"$MQTK" create -q --max-bytes 1000 sqlite:s.db/t
	fill t 10
	mq alter --yes --max-length 4 sqlite:s.db/t
	expect_status 0
	[[ $err == *"altered sqlite:s.db/t"* ]]
	[ "$(left t)" = "7 8 9 10 " ]
	"$MQTK" info -J sqlite:s.db/t | jq -e '[.config[] | select(.name == "max_bytes" or .name == "max_length") | .value] == ["1000","4"]'
	mkfifo in
	"$MQTK" produce -q sqlite:s.db/t <in 3>&- &
	exec 8>in
	printf '11\n' >&8
	wait_until 10 bash -c "[ \"\$('$MQTK' consume -q -e -o -1 sqlite:s.db/t)\" = 11 ]"
	mq alter --yes --max-length 2 sqlite:s.db/t
	expect_status 0
	printf '12\n13\n' >&8
	exec 8>&-
	wait $!
	[ "$(left t)" = "12 13 " ]
	mq alter --yes --config max_length=unlimited sqlite:s.db/t
	expect_status 0
	fill t 5
	[ "$(left t)" = "12 13 1 2 3 4 5 " ]
}

@test "alter asks when messages can go, and only then" {
	fill t 3
	mq alter --retention 1h sqlite:s.db/t </dev/null
	expect_status 2
	[[ $err == *"would alter sqlite:s.db/t: retention 1h00m"*"will go"*--yes* ]]
	mq alter --dry-run --max-length 1 --max-bytes 64k sqlite:s.db/t
	expect_status 0
	[[ $out == "would alter sqlite:s.db/t: max-bytes 64 KiB, max-length 1 (messages"* ]]
	[ "$(left t)" = "1 2 3 " ]
	mq alter --dry-run --partitions 2 sqlite:s.db/t
	expect_status 0
	[ "$out" = "would alter sqlite:s.db/t: partitions 2" ]
	mq alter --partitions 2 sqlite:s.db/t </dev/null
	expect_status 0
	"$MQTK" info -J sqlite:s.db/t | jq -e '.partitions | length == 2'
}

@test "alter refuses what cannot be, naming the way" {
	fill t 3
	"$MQTK" alter -q --partitions 3 sqlite:s.db/t
	mq alter --partitions 2 sqlite:s.db/t
	expect_status 2
	[[ $err == *"has 3 partitions and cannot have fewer"*"new stream"* ]]
	mq alter --partitions 5000 sqlite:s.db/t
	expect_status 2
	mq alter sqlite:s.db/t
	expect_status 2
	[[ $err == *"nothing is to be changed"* ]]
	mq alter --ttl 5s sqlite:s.db/t
	expect_status 2
	[[ $err == *"cannot alter a stream with --ttl; use --retention"* ]]
	mq alter --bind events sqlite:s.db/t
	expect_status 2
	[[ $err == *"cannot alter a stream with --bind; "* ]]
	mq alter --yes --max-length 1 sqlite:s.db/nothing
	expect_status 8
	mq alter --partitions 4 sqlite:s.db/nothing
	expect_status 8
}

@test "a reader that runs sees the messages of partitions that come later, with and without a group" {
	fill t 1
	"$MQTK" consume -q -u -f '%p %s\n' sqlite:s.db/t >plain 2>plain.err 3>&- &
	plain=$!
	"$MQTK" consume -q -u --group g -f '%p %s\n' sqlite:s.db/t >group 2>group.err 3>&- &
	group=$!
	wait_until 10 grep -q '0 1' plain
	wait_until 10 grep -q '0 1' group
	mq alter --partitions 3 sqlite:s.db/t
	expect_status 0
	echo two | "$MQTK" produce -q -p 2 sqlite:s.db/t
	echo one | "$MQTK" produce -q -p 1 sqlite:s.db/t
	wait_until 10 grep -q '2 two' plain
	wait_until 10 grep -q '1 one' plain
	wait_until 10 grep -q '2 two' group
	wait_until 10 grep -q '1 one' group
	kill -INT "$plain" "$group"
	wait "$plain" "$group" || true
	[ ! -s plain.err ]
	[ "$("$MQTK" info -J sqlite:s.db/t | jq -c '[.groups[].committed]')" = '[1,1,1]' ]
}

@test "create: bindings, exchanges and types are refused where there are none, and mistyped ones everywhere" {
	mq create --type quorum sqlite:s.db/t
	expect_status 2
	[[ $err == *"cannot create a stream with --type; "* ]]
	mq create --bind events:a sqlite:s.db/t
	expect_status 2
	[[ $err == *"cannot create a stream with --bind; "* ]]
	mq create --ttl 5m sqlite:s.db/t
	expect_status 2
	[[ $err == *"; use --retention"* ]]
	mq create --delivery-limit 5 sqlite:s.db/t
	expect_status 2
	mq create --dead-letter-key k sqlite:s.db/t
	expect_status 2
	mq create --match a=1 sqlite:s.db/t
	expect_status 2
	[[ $err == *"--bind before it"* ]]
	mq create --bind events --match a sqlite:s.db/t
	expect_status 2
	[[ $err == *"--match: 'a' is no NAME=VALUE"* ]]
	mq create --bind :key sqlite:s.db/t
	expect_status 2
	[[ $err == *"names no exchange"* ]]
	mq create --type fanout sqlite:s.db/t
	expect_status 2
	[[ $err == *"type of exchanges"* ]]
	mq create --exchange events --partitions 3 sqlite:s.db/
	expect_status 2
	mq create --exchange events sqlite:s.db/t
	expect_status 2
	[[ $err == *"names a stream; the address of the broker is expected"* ]]
	mq create --exchange events --type quorum sqlite:s.db/
	expect_status 2
	[[ $err == *"type of queues"* ]]
	mq create --exchange events sqlite:s.db/
	expect_status 2
	[[ $err == *"cannot do exchanges; "* ]]
	mq delete --yes --exchange events sqlite:s.db/
	expect_status 2
	[[ $err == *"cannot do exchanges; "* ]]
	[ ! -e s.db ]
}

@test "a read-only profile is neither altered nor trimmed, but counting is looking" {
	fill t 3
	mkdir -p "$XDG_CONFIG_HOME/mqtk"
	printf '[profile p]\nurl = sqlite:%s/s.db\nreadonly = true\n' "$PWD" >"$XDG_CONFIG_HOME/mqtk/config"
	mq alter --yes --max-length 1 p/t
	expect_status 5
	mq trim --yes --all p/t
	expect_status 5
	mq trim --dry-run --all -J p/t
	expect_status 0
	[ "$(jq .removed out)" = 3 ]
	[ "$(left t)" = "1 2 3 " ]
}

@test "Kafka: alter adds partitions and changes settings, and the other settings stay" {
	requires_kafka
	for broker in "kafka://$KAFKA" "kafka://$KAFKA4"; do
		t=$broker/$(unique alter)
		mq create -q --config segment.bytes=2000000 --retention 7d "$t"
		expect_status 0
		mq alter --partitions 3 "$t" </dev/null
		expect_status 0
		[[ $err == *altered* ]]
		mq alter --yes --max-bytes 1M --config min.insync.replicas=1 "$t"
		expect_status 0
		mq alter --yes --retention 1d "$t"
		expect_status 0
		mq info -J "$t"
		expect_status 0
		jq -e '.partitions | length == 3' out
		jq -e '[.config[] | {(.name): .value}] | add | ."segment.bytes" == "2000000" and
			."retention.ms" == "86400000" and ."retention.bytes" == "1048576" and
			."min.insync.replicas" == "1"' out
		mq alter --partitions 2 "$t"
		expect_status 2
		[[ $err == *"has 3 partitions and cannot have fewer"* ]]
		mq alter --partitions 3 "$t"
		expect_status 0
		mq alter --yes --config no.such.setting=1 "$t"
		[ "$status" -ne 0 ]
		[[ $err == *no.such.setting* ]]
		mq alter --yes --max-length 5 "$t"
		expect_status 2
		[[ $err == *"cannot alter a stream with --max-length; use --max-bytes"* ]]
		mq alter --yes --retention 1d "$broker/$(unique none)"
		expect_status 8
		mq alter --partitions 5 "$broker/$(unique none)"
		expect_status 8
		mq delete -q --yes "$t"
		expect_status 0
	done
}

@test "Kafka: trim removes by offsets, age and number, counts first, and refuses what it cannot" {
	requires_kafka
	for broker in "kafka://$KAFKA" "kafka://$KAFKA4"; do
		t=$broker/$(unique trim)
		mq create -q --partitions 2 "$t"
		expect_status 0
		seq 10 | "$MQTK" produce -q -p 0 "$t"
		seq 4 | "$MQTK" produce -q -p 1 "$t"
		mq trim --max-length 6 "$t" </dev/null
		expect_status 2
		[[ $err == *"would remove 4 messages from"* ]]
		mq trim --dry-run -J --max-length 6 "$t"
		expect_status 0
		[ "$(jq .removed out)" = 4 ]
		mq trim --yes --max-length 6 "$t"
		expect_status 0
		[[ $err == *"removed 4 messages"* ]]
		mq consume -q -e -p 0 "$t"
		[ "$out" = "$(seq 5 10)" ]
		mq trim --yes -J --before 2 "$t"
		expect_status 0
		[ "$(jq .removed out)" = 2 ]
		mq trim --yes -J --before -1 "$t"
		expect_status 0
		[ "$(jq .removed out)" = 6 ]
		mq trim --yes -J --max-age 1h "$t"
		expect_status 0
		[ "$(jq .removed out)" = 0 ]
		mq trim --yes -J --all "$t"
		expect_status 0
		[ "$(jq .removed out)" = 2 ]
		mq consume -q -e "$t"
		expect_status 0
		[ -z "$out" ]
		printf '{"ts":1000,"payload":"old"}\n{"payload":"new"}\n' | "$MQTK" produce -q -J -p 0 "$t"
		mq trim --yes -J --max-age 1h "$t"
		expect_status 0
		[ "$(jq .removed out)" = 1 ]
		mq trim --yes --expired "$t"
		expect_status 2
		[[ $err == *"cannot trim a stream with --expired; "*--max-age* ]]
		mq trim --yes --max-bytes 1M "$t"
		expect_status 2
		[[ $err == *"cannot trim a stream with --max-bytes; "* ]]
		mq trim --yes --all "$broker/$(unique none)"
		expect_status 8
		mq delete -q --yes "$t"
		# What a compacted topic is, the broker says.
		c=$broker/$(unique compacted)
		mq create -q --config cleanup.policy=compact "$c"
		expect_status 0
		echo k:v | "$MQTK" produce -q -K: "$c"
		mq trim --yes --all "$c"
		[ "$status" -ne 0 ]
		[[ $err == *olicy* ]]
		mq delete -q --yes "$c"
	done
}

#!/usr/bin/env bats
# The dlq commands without a server: what they find, show, count, ask and refuse, on the local store.
# shellcheck disable=SC2154 # set in the helpers
# shellcheck disable=SC2016 # the programs' own variables

load ../lib/helpers
load saying

s=sqlite:s.db

# letter STREAM ORIGIN REASON [PAYLOAD]
letter() {
	printf '%s\n' "${4-x}" | "$MQTK" produce -q -H "dlq-origin-stream=$2" -H "dlq-reason=$3" \
		-H dlq-time=1700000000000 "$s/$1"
}

@test "ls: a broker with none says so and exits 0" {
	"$MQTK" create -q "$s/orders"
	mq dlq ls "$s/"
	expect_status 0
	is "$out" ""
	has "$err" "no dead-letter stream was found"
	for format in json csv prometheus; do
		mq dlq ls --format "$format" -q "$s/"
		expect_status 0
		is "$err" ""
	done
}

@test "ls: by name, by headers, by a pattern; with depth, times and origins" {
	seq 3 | "$MQTK" produce -q "$s/orders"
	"$MQTK" create -q "$s/orders.DLT"
	echo x | "$MQTK" produce -q --ts 1600000000000 "$s/bills-dlq"
	letter odd orders rejected
	echo x | "$MQTK" produce -q "$s/odd"
	echo x | "$MQTK" produce -q "$s/failures"
	mq dlq ls -J "$s/"
	expect_status 0
	is "$(jq -c '[.stream,.depth,.oldest_ts,.origins,.found_by,.dialect]' out)" \
		'["bills-dlq",1,1600000000000,[],["name"],null]
["odd",2,1700000000000,["orders"],["headers"],"mqtk"]
["orders.DLT",0,null,["orders"],["name"],null]'
	is "$("$MQTK" consume -q -e "$s/odd" | wc -l)" 2
	mq dlq ls -J --quick --pattern '^fail' "$s/"
	is "$(jq -r .stream out)" $'bills-dlq\nfailures\norders.DLT'
	mq dlq ls "$s/"
	has "$out" "headers (mqtk)"
	MQTK_BROKER=$s mq dlq ls
	has "$out" "headers (mqtk)"
	mq dlq ls --format csv "$s/"
	is "$(sed -n 2p out)" $'bills-dlq,,1,1600000000000,1600000000000,,name,,\r'
	mq dlq ls --format prometheus "$s/"
	"$root/scripts/python.sh" --with prometheus_client "$root/tests/lib/prometheus.py" out >samples
	has "$out" 'mqtk_dead_letters{broker="sqlite:s.db",stream="odd"} 2'
}

@test "ls refuses what is no broker, no expression, or not counted there" {
	"$MQTK" create -q "$s/orders"
	refuses "mqtk dlq ls: $s/orders names a stream; the address of the broker is expected" \
		dlq ls "$s/orders"
	refuses "mqtk dlq ls: --pattern: '(' is no regular expression" dlq ls --pattern '(' "$s/"
	mq dlq ls --max-deliveries 3 "$s/"
	expect_status 2
	has "$err" "how often a message was delivered"
}

# payloads STREAM
payloads() {
	"$MQTK" consume -q -e "$1"
}

@test "requeue: letters of another broker stay, unless a broker is named; --dry-run -J" {
	letter dead a rejected here
	printf 'same\n' | "$MQTK" produce -q -H dlq-origin-stream=a \
		-H "dlq-origin-broker=sqlite:$PWD/s.db/" "$s/dead"
	printf 'far\n' | "$MQTK" produce -q -H dlq-origin-stream=a \
		-H $'dlq-origin-broker=kafka://other\e[31m:9092/' "$s/dead"
	printf 'homeless\n' | "$MQTK" produce -q "$s/dead"
	mq dlq requeue --dry-run -J "$s/dead"
	expect_status 3
	is "$(jq -c '[.would,.from,.to,.letters,.homeless,.foreign]' out)" \
		'["requeue","sqlite:s.db/dead",null,2,1,1]'
	has "$err" 'kafka://other?[31m:9092/) and stays: --to BROKER/'
	mq dlq requeue --yes "$s/dead"
	expect_status 3
	is "$(payloads "$s/a")" $'here\nsame'
	mq dlq requeue --yes --to sqlite:t.db/ --group two "$s/dead"
	expect_status 3
	is "$(payloads sqlite:t.db/a)" $'here\nsame\nfar'
	mq dlq requeue --yes --to sqlite:t.db/all --group three "$s/dead"
	expect_status 0
	is "$(payloads sqlite:t.db/all)" $'here\nsame\nfar\nhomeless'
}

@test "requeue: a message gets back the time that a letter keeps in a header; show tells one of the two" {
	"$MQTK" create -q "$s/orders"
	printf '%s\n' '{"payload":"a","ts":1800000000000,"headers":[["kafka_dlt-original-topic","orders"],["kafka_dlt-original-timestamp",{"base64":"AAABi8/laAA="}]]}' \
		'{"payload":"b","ts":1800000000001,"headers":[["kafka_original-topic","orders"],["kafka_original-timestamp","x"]]}' \
		'{"payload":"c","ts":1800000000002,"headers":[["kafka_original-topic","orders"],["kafka_original-timestamp",{"base64":"f/////////8="}]]}' |
		"$MQTK" produce -q -J "$s/orders-dlt"
	mq dlq show "$s/orders-dlt"
	has "$out" "no reason told, message from 2027-01-15T08:00:00.000Z (spring)"
	mq dlq requeue --yes "$s/orders-dlt"
	expect_status 0
	is "$("$MQTK" consume -q -e -J "$s/orders" | jq -c '[.payload,.ts]')" $'["a",1700000000000]\n["b",1800000000001]\n["c",1800000000002]'
}

@test "requeue: an old letter gets the time of now where its own would have it removed" {
	local old=$((($(date +%s) - 5400) * 1000))
	"$MQTK" create -q --retention 2h "$s/short"
	"$MQTK" create -q --retention 4h "$s/long"
	"$MQTK" create -q "$s/ever"
	for home in short long ever; do
		echo "$home" | "$MQTK" produce -q --ts "$old" -H "dlq-origin-stream=$home" "$s/dead"
	done
	mq dlq requeue --yes "$s/dead"
	expect_status 0
	has "$err" "short keeps messages for 2h00m by their own time"
	[[ $err != *"long keeps"* ]]
	is "$("$MQTK" consume -q -e -J "$s/short" | jq ".ts >= $old + 5400000")" true
	is "$("$MQTK" consume -q -e -J "$s/long" "$s/ever" | jq .ts | sort -u)" "$old"
	# To one stream as well.
	mq dlq requeue --yes --group again --to "$s/short" "$s/dead"
	expect_status 0
	is "$("$MQTK" consume -q -e -J "$s/short" | jq ".ts >= $old + 5400000" | sort | uniq -c | xargs)" "4 true"
}

@test "a counter beyond all numbers holds back, too; a name in a letter drives no terminal" {
	"$MQTK" create -q "$s/orders"
	for count in 9223372036854775807 99999999999999999999999 999999999999999999 1 -7; do
		printf '{"payload":"%s","headers":[["dlq-origin-stream","orders"],["mqtk-replay-count","%s"]]}\n' "$count" "$count"
	done | "$MQTK" produce -q -J "$s/counted"
	mq dlq requeue --yes --max-replays 3 "$s/counted"
	expect_status 0
	has "$err" "3 left out (--max-replays)"
	"$MQTK" dlq requeue -q --yes --group other "$s/counted"
	is "$("$MQTK" consume -q -e -J --from 2 "$s/orders" | jq -r '.headers[] | select(.[0] == "mqtk-replay-count") | .[1]')" \
		$'999999999999999999\n999999999999999999\n999999999999999999\n2\n1'
	printf '%s\n' '{"payload":"x","headers":[["dlq-origin-stream","a\u001b[31mb\u009b31m"]]}' | "$MQTK" produce -q -J "$s/odd"
	mq dlq requeue --yes "$s/odd"
	expect_status 3
	has "$err" "a?[31mb??31m"
	has_not "$err" $'\302\233'
}

@test "reasons and origins that are no text are one name each in every report" {
	printf '%s\n' '"a\u0000b"' '"a\u0000c"' '{"base64":"/wE="}' '{"base64":"/gE="}' '"\\xff\u0001"' |
		jq -c '{headers: [["dlq-reason", .], ["dlq-origin-stream", .]], payload: "x"}' |
		"$MQTK" produce -q -J "$s/dead"
	mq dlq stats -J "$s/dead"
	is "$(jq -c '.reasons | map([.name, .count])' out)" \
		'[["\\xff\u0001",2],["\\xfe\u0001",1],["a\\x00b",1],["a\\x00c",1]]'
	# A stream whose name has a NUL is none.
	is "$(jq -c '.origins | map([.name, .count])' out)" \
		'[["\\xff\u0001",2],[null,2],["\\xfe\u0001",1]]'
	mq dlq stats --format prometheus "$s/dead"
	is "$(grep -c "by_reason{" out)" 4
	is "$(grep -v '^#' out | sed 's/ [^ ]*$//' | sort | uniq -d)" ""
}

@test "a profile's name in a letter runs nothing" {
	mkdir -p "$XDG_CONFIG_HOME/mqtk"
	printf '[profile p]\nurl = sqlite:s.db\npassword-command = touch %s/ran\n' "$PWD" \
		>"$XDG_CONFIG_HOME/mqtk/config"
	chmod 600 "$XDG_CONFIG_HOME/mqtk/config"
	echo x | "$MQTK" produce -q -H dlq-origin-stream=a -H dlq-origin-broker=p/ "$s/dead"
	mq dlq requeue --yes "$s/dead"
	expect_status 3
	[ ! -e ran ] || fail "the command of a profile ran"
}

@test "requeue --edit: bodies go through a program; a letter that it refuses stays" {
	for i in 1 2 3; do letter dead a rejected "body$i"; done
	printf 'null:\n' | "$MQTK" produce -q -K: -Z -H dlq-origin-stream=a "$s/dead"
	mq dlq requeue --yes --edit 'read -r x; [ "$x" != body2 ] || { echo sorry >&2; exit 5; }
		printf "%s %s" "$x" "$MQTK_STREAM"' "$s/dead"
	expect_status 3
	is "$("$MQTK" consume -q -e -J "$s/a" | jq -c .payload)" $'"body1 dead"\n"body3 dead"\nnull'
	has "$err" "letter 0:1 stays: exit status 5: sorry"
	has "$err" "1 letter could not be edited and stays"
	echo 0:1 >ids
	mq dlq requeue --yes --ids ids --edit 'tr b B' "$s/dead"
	expect_status 0
	is "$(payloads "$s/a" | tail -1)" Body2
}

@test "requeue --edit: programs that hang, write without end, die, are missing, or empty a body" {
	letter dead a rejected
	mq dlq requeue --yes --edit 'sleep 100' --edit-timeout 200ms --group g1 "$s/dead"
	expect_status 3
	has "$err" "it ran for longer than --edit-timeout"
	mq dlq requeue --yes --edit 'yes' --group g2 "$s/dead"
	expect_status 3
	has "$err" "it wrote more than 64 MiB"
	mq dlq requeue --yes --edit 'kill -9 $$' --group g3 "$s/dead"
	has "$err" "it was ended by signal 9"
	mq dlq requeue --yes --edit ./none --group g4 "$s/dead"
	has "$err" "exit status 127"
	mq info "$s/a"
	expect_status 8
	mq dlq requeue --yes --edit true --group g5 "$s/dead"
	expect_status 0
	is "$("$MQTK" consume -q -e -J "$s/a" | jq -c .payload)" '""'
}

@test "words: put back, moved, dropped, exported, imported; -J when there is nothing" {
	letter dead a rejected
	mq dlq requeue --yes --group 1 "$s/dead"
	has "$err" "1 message (1 B) put back from sqlite:s.db/dead to where they came from"
	mq dlq move --yes --group 2 "$s/dead" "$s/lot"
	has "$err" "moved from sqlite:s.db/dead to sqlite:s.db/lot"
	mq dlq drop --yes --group 3 --no-backup "$s/dead"
	has "$err" "1 message (1 B) dropped from sqlite:s.db/dead in"
	mq dlq export "$s/dead" e.jsonl
	has "$err" "exported from sqlite:s.db/dead to e.jsonl"
	mq dlq import - "$s/again" <e.jsonl
	expect_status 0
	has "$err" "imported from - to sqlite:s.db/again"
	mq dlq requeue --yes --group 1 -J "$s/dead"
	expect_status 0
	is "$(jq -c '[.copied,.ended]' out)" '[0,"nothing"]'
}

@test "drop: kept first; a full disk drops nothing; what is chosen of what is kept cannot be dropped" {
	letter dead a rejected
	letter dead a expired
	mq dlq drop --yes --backup /dev/full "$s/dead"
	expect_status 6
	mq dlq drop --yes --reason expired "$s/dead"
	expect_status 2
	has "$err" "'mqtk trim --before' removes the oldest"
	[ -z "$(ls ./*.jsonl 2>/dev/null)" ] || fail "a file was made"
	mq dlq drop --yes "$s/dead"
	expect_status 0
	is "$(jq -r '.headers[1][1]' dead-dropped-*.jsonl)" $'rejected\nexpired'
	is "$(stat -c %a dead-dropped-*.jsonl)" 600
}

@test "--ids: a file as editors on other systems leave it" {
	for id in a b c; do
		echo x | "$MQTK" produce -q --message-id "m-$id" -H dlq-origin-stream=o "$s/dead"
	done
	printf '\357\273\277m-a\r\nm-c\r\nm-c\r\n\r\nm-z' >ids
	mq dlq show -q -J --ids ids "$s/dead"
	expect_status 0
	is "$(jq -r .message.message_id out)" $'m-a\nm-c'
}

@test "move and import to a broker alone: to where the letters were, not to where they came from" {
	letter dead orders rejected
	mq dlq export -q "$s/dead" e.jsonl
	mq dlq import e.jsonl sqlite:t.db/
	expect_status 0
	mq dlq move --yes "$s/dead" sqlite:u.db/
	expect_status 0
	for store in t u; do
		is "$("$MQTK" ls -J "sqlite:$store.db/" | jq -r .stream)" dead
	done
	echo '{"partition":5,"payload":"x"}' >five.jsonl
	mq dlq import five.jsonl sqlite:t.db/dead
	has "$err" "has 1 partition, fewer than the source"
	has_not "$err" "--to-partition" # which is replay's
	mq dlq move --yes sqlite:u.db/dead sqlite:u.db/
	expect_status 2
	has "$err" "is the source and the target"
	mq dlq requeue --yes --to sqlite:v.db/ e.jsonl
	is "$("$MQTK" ls -J sqlite:v.db/ | jq -r .stream)" orders
}

@test "--edit without a program empties no bodies" {
	letter dead a rejected
	for command in '' ' '; do
		refuses "mqtk dlq requeue: --edit: there is no command" \
			dlq requeue --yes --edit "$command" "$s/dead"
	done
}

@test "standard input is read once: ids, and letters without a preview; a journal knows its ids" {
	for one in a b c; do letter dead orders rejected "$one"; done
	"$MQTK" create -q "$s/orders"
	mq dlq requeue --yes --ids - "$s/dead" <<<0:1
	expect_status 0
	is "$("$MQTK" consume -q -e "$s/orders")" b
	mq dlq export "$s/dead" e.jsonl
	mq dlq requeue --yes --to "$s/again" - <e.jsonl
	expect_status 0
	is "$("$MQTK" consume -q -e "$s/again" | xargs)" "a b c"
	mq dlq requeue --yes --to "$s/more" <(cat e.jsonl)
	is "$("$MQTK" consume -q -e "$s/more" | wc -l)" 3
	mq dlq requeue --dry-run --to "$s/again" - <e.jsonl
	expect_status 0
	mq dlq requeue --to "$s/again" - <e.jsonl
	expect_status 2
	has "$err" "can be read only once"
	printf '0:0\n0:1\n' >ids
	mq dlq requeue --yes --ids ids --resume j "$s/dead"
	expect_status 0
	printf '0:1\n0:0\n' >ids
	mq dlq requeue --yes --ids ids --resume j "$s/dead"
	expect_status 0
	has "$err" "nothing to do: j says that the requeue came to its end, with "
	echo 0:2 >ids
	mq dlq requeue --yes --ids ids --resume j "$s/dead"
	expect_status 2
	has "$err" "it has other options"
}

@test "what is no moment is told which ones there are, and no positions" {
	letter dead a rejected
	mq dlq stats --since 1h "$s/dead"
	expect_status 2
	has "$err" "--since: '1h' is no moment such as -2h"
	has_not "$err" "stored"
}

@test "refused: a stream onto itself, a file without a target, a pair of options, a read-only profile" {
	letter dead a rejected
	refuses "mqtk dlq move: $s/dead is the source and the target" dlq move --yes "$s/dead" "$s/dead"
	mq dlq move --yes "$s/dead" "sqlite:$PWD/s.db/dead"
	expect_status 2
	has "$err" "is the source and the target"
	: >e.jsonl
	mq dlq requeue --yes e.jsonl
	expect_status 2
	has "$err" "--to BROKER/"
	mkdir -p "$XDG_CONFIG_HOME/mqtk"
	printf '[profile ro]\nurl = sqlite:%s/s.db\nreadonly = true\n' "$PWD" >"$XDG_CONFIG_HOME/mqtk/config"
	chmod 600 "$XDG_CONFIG_HOME/mqtk/config"
	for command in requeue drop; do
		mq dlq "$command" --yes ro/dead
		expect_status 5
		has "$err" "read-only"
	done
	has "$err" "what takes letters out of ro/dead is not allowed" # drop, which has no --group
	mq dlq export ro/dead kept.jsonl
	expect_status 0
	mq dlq show ro/dead
	expect_status 0
	mq dlq ls ro/
	expect_status 0
}

# at TIME…: a letter that died then, for each.
at() {
	local when
	for when; do
		echo x | "$MQTK" produce -q -H dlq-origin-stream=a -H "dlq-time=$when" "$s/dead"
	done
}

@test "letters that are gone, and lines that are none, do not keep back the others" {
	"$MQTK" create -q "$s/orders"
	for n in 1 2 3 4 5 6; do
		letter dead orders exit "$n"
	done
	mq dlq requeue -q --yes -c 1 "$s/dead"
	"$MQTK" trim -q --yes --max-length 3 "$s/dead"
	mq dlq requeue --dry-run "$s/dead"
	expect_status 3
	has "$out" "would requeue 3 letters"
	mq dlq requeue --yes "$s/dead"
	expect_status 3
	has "$err" "3 messages"
	has "$err" "2 messages of the range were gone"
	is "$("$MQTK" consume -q -e "$s/orders" | xargs)" "1 4 5 6"
	mq dlq requeue --yes "$s/dead"
	expect_status 0
	"$MQTK" dlq export -q "$s/dead" kept.jsonl
	printf '{"payl' >>kept.jsonl
	mq dlq requeue --yes --to "$s/orders" kept.jsonl
	expect_status 7
	has "$err" "1 line is no message; the others were put back"
	is "$("$MQTK" consume -q -e "$s/orders" | xargs)" "1 4 5 6 4 5 6"
}

@test "stats: parts of time that fit what is there, or are asked for" {
	at 1700000000000 1700000000999 1700000005000
	mq dlq stats -J "$s/dead"
	is "$(jq -c '[.bucket_ms,.times]' out)" \
		'[1000,[{"ts":1700000000000,"count":2},{"ts":1700000005000,"count":1}]]'
	mq dlq stats -J --bucket 1d "$s/dead"
	is "$(jq -c '[.bucket_ms,.times]' out)" '[86400000,[{"ts":1699920000000,"count":3}]]'
	# Forty hours, and one of 2001: no more rows than fit a screen, and none is lost.
	for n in $(seq 40); do
		echo "{\"headers\":[[\"dlq-time\",\"$((1700000000000 + n * 3600000))\"]],\"payload\":\"\"}"
	done | "$MQTK" produce -q -J "$s/dead"
	at 1000000000000
	mq dlq stats -J "$s/dead"
	jq -e '(.times | length) <= 24 and (.times | map(.count) | add) == 44' out
	jq -e '.oldest_ts == 1000000000000 and .times[0].ts <= 1000000000000' out
	mq dlq stats "$s/dead"
	has "$out" "all"
	has_not "$out" "█"
	mq dlq stats --format csv "$s/dead"
	is "$(sed -n 1,2p out)" $'by,name,letters\r\nreason,,44\r'
	mq dlq stats --format prometheus "$s/dead"
	"$root/scripts/python.sh" --with prometheus_client "$root/tests/lib/prometheus.py" out >samples
	grep -qxF 'mqtk_dead_letters_chosen{address=sqlite:s.db/dead} 44' samples
}

@test "stats --max-age: a time before all times is not young" {
	echo '{"payload":"x","ts":-9223372036854775000}' | "$MQTK" produce -q -J "$s/dead"
	mq dlq stats --max-age 1h "$s/dead"
	expect_status 1
	mq dlq stats --max 0 "$s/dead"
	expect_status 1
	has "$err" "1 letter is more than --max 0"
}

@test "stats: bars on a terminal" {
	at 1700000000000 1700000000999 1700000005000
	"$root/scripts/python.sh" --with termios "$root/tests/lib/terminal.py" expect '███' status 0 -- \
		"$MQTK" dlq stats "$s/dead" >&2
}

@test "show: whole stack traces on lines of their own; nothing drives the terminal; the last ones" {
	printf 'one\n' | "$MQTK" produce -q "$s/dead"
	printf 'a\e[31m\xc2\x9b32m\xff' >body
	"$MQTK" produce -q -H dlq-origin-stream=$'o\e]0;x' -H $'dlq-error=why\n\tat x(Y.java:1)\n\tat z' \
		"$s/dead" body
	mq dlq show -n 1 "$s/dead"
	has "$out" "  why …"
	has_not "$out" "one"
	mq dlq show --whole "$s/dead"
	has "$out" $'  why\n     at x(Y.java:1)\n     at z\n'
	! grep -q "$(printf '[\001-\010\013-\037\177]')" out || fail "control characters"
	! grep -q $'\xc2\x9b' out || fail "a control character of two bytes"
	mq dlq show -J -c 1 "$s/dead"
	is "$(jq -c 'keys_unsorted' out)" '["origin_stream","origin_partition","origin_offset","origin_exchange","origin_key","reason","exception","error","attempts","died_ts","dialect","message"]'
}

#!/usr/bin/env bats
# group on the local store: what it shows, what it moves, what it refuses, and when.
# shellcheck disable=SC2154 # set in the helpers

load ../lib/helpers
load saying

setup() {
	common_setup
	a=sqlite:s.db/t
	"$MQTK" create -q --partitions 2 "$a"
	seq 0 9 | "$MQTK" produce -q -p 0 "$a"
	seq 100 119 | "$MQTK" produce -q -p 1 "$a"
}

# stands GROUP: its positions in t, on one line.
stands() {
	"$MQTK" group show -J "$a" "$1" | jq -r '[.places[].committed] | map(tostring) | join(" ")'
}

# made GROUP POSITION…
made() {
	"$MQTK" group create --to "$2" "$a" "$1" >/dev/null
}

@test "a group is made where it is told, once" {
	mq group create "$a" g
	expect_status 0
	is "$(stands g)" "0 0"
	mq group create "$a" g
	expect_status 2
	has "$err" "there is already a group g in t"
	mq group create --to end "$a" h
	is "$(stands h)" "10 20"
	mq group create -J --to group:h "$a" i
	expect_status 0
	is "$(jq -c '[.current,.target,.moved]' out)" $'[null,10,true]\n[null,20,true]'
	mq group create --to shift:+1 "$a" k
	expect_status 2
	mq group create sqlite:s.db/ k
	expect_status 2
	mq group create sqlite:s.db/none k
	expect_status 8
	# And who reads for it begins there.
	mq consume -q -g h -e "$a"
	is "$out" ""
}

@test "ls and show: figures, members, streams; what is not there is exit 8" {
	made g 4
	seq 3 | "$MQTK" produce -q sqlite:s.db/u
	"$MQTK" group create sqlite:s.db/u g >/dev/null
	"$MQTK" group create sqlite:s.db/u other >/dev/null
	mq group ls -J sqlite:s.db/
	expect_status 0
	is "$(jq -c '[.group,.members,.lag,.streams]' out)" $'["g",0,25,["t","u"]]\n["other",0,3,["u"]]'
	mq group ls "$a"
	is "$(tr -s ' ' <out)" $'GROUP STATE MEMBERS LAG STREAMS NOTE\ng empty 0 22 t'
	mq group show -J "$a" g
	is "$(jq -c '.places[] | [.stream,.partition,.committed,.begin,.end,.lag]' out)" \
		$'["t",0,4,0,10,6]\n["t",1,4,0,20,16]'
	jq -e '.places[0].age_ms >= 0' out
	mq group show -J sqlite:s.db/ g
	is "$(jq -c '[.places[].stream]' out)" '["t","t","u"]'
	mq group show -J 'sqlite:s.db/^u'
	is "$(jq -r .group out)" $'g\nother'
	mq group show "$a" nobody g
	expect_status 8
	has "$err" "there is no group nobody"
	has "$out" "10    6"
	mq group show sqlite:s.db/none g
	expect_status 8
	mq group show 'sqlite:s.db/^none' g
	expect_status 8
	# A partition without a commit has no lag, and neither has the sum.
	"$MQTK" alter -q --yes --partitions 3 "$a"
	mq group show -J "$a" g
	is "$(jq -c '[.lag, .places[2].committed, .places[2].lag]' out)" "[null,null,null]"
}

@test "reset is a dry run until --execute, and says where to" {
	made g 4
	while read -r to want; do
		mq group reset --to "$to" "$a" g
		expect_status 0
		has "$err" "nothing was changed"
		is "$(cut -d, -f4 out | tail -n +2 | tr '\n' ' ')" "$want "
		is "$(stands g)" "4 4"
	done <<-'EOF2'
	beginning 0 0
	end 10 20
	7 7 7
	15 10 15
	-3 7 17
	-15 0 5
	@0 0 0
	@2100-01-01 10 20
	-1h 0 0
	shift:+2 6 6
	shift:-3 1 1
	shift:-9 0 0
	shift:+9223372036854775807 10 20
	EOF2
	mq group reset --to 15 "$a" g
	is "$(cut -d, -f7 out | tr '\n' ' ')" "note not behind the end  "
	made h -1
	mq group reset --to group:h --execute "$a" g
	expect_status 0
	is "$(stands g)" "9 19"
	mq group reset -p 1 --to 3 --execute -J "$a" g
	expect_status 0
	is "$(jq -c '[.partition,.current,.target,.moved]' out)" "[1,19,3,true]"
	is "$(stands g)" "9 3"
}

@test "reset by time begins at the first message at or after the moment" {
	seq 0 9 | awk '{printf "{\"partition\":0,\"payload\":\"%d\",\"ts\":%.0f}\n", $1, 1700000000000 + 1000 * $1}' |
		"$MQTK" produce -q -J sqlite:s.db/timed
	"$MQTK" group create sqlite:s.db/timed g >/dev/null
	mq group reset --to @1700000003001 --execute sqlite:s.db/timed g
	expect_status 0
	mq consume -q -g g -c 1 sqlite:s.db/timed
	is "$out" 4
}

@test "what a reset refuses" {
	made g 4
	refuses "mqtk group reset: nothing says where the group is to stand" group reset "$a" g
	refuses "mqtk group reset: --to: 'stored' is where the group stands already" \
		group reset --to stored "$a" g
	refuses "mqtk group reset: --to: 'shift:2' is no shift, expected shift:+N or shift:-N" \
		group reset --to shift:2 "$a" g
	refuses "mqtk group reset: group:g is the group itself" group reset --to group:g "$a" g
	mq group reset --to 1 "$a"
	expect_status 2
	mq group reset --to 1 "$a" g h
	expect_status 2
	mq group reset --to 1 "$a" none
	expect_status 8
	mq group reset --to group:none "$a" g
	expect_status 8
	mq group reset --to 1 -p 7 "$a" g
	expect_status 8
	printf '[profile ro]\nurl = sqlite:s.db\nreadonly = true\n' >.mqtk
	mq group reset --to 1 ro/t g
	expect_status 0
	mq group reset --to 1 --execute ro/t g
	expect_status 5
	is "$(stands g)" "4 4"
}

@test "the plan that is printed is the plan that is taken: CSV, JSON, edited, and Kafka's own" {
	made g 4
	mq group reset --to -2 "$a" g
	cp out plan.csv
	mq group reset -J --to -3 "$a" g
	cp out plan.jsonl
	mq group reset --plan plan.csv --execute "$a" g
	expect_status 0
	is "$(stands g)" "8 18"
	mq group reset --plan plan.jsonl --execute sqlite:s.db/ g
	expect_status 0
	is "$(stands g)" "7 17"
	# Columns in another order, one target taken out, words as positions.
	printf 'target,comment,partition,stream\r\n,"stays, ""really""",0,t\r\nbeginning,,1,t\r\n' |
		"$MQTK" group reset --plan - --execute "$a" g >out
	is "$(stands g)" "7 0"
	# As a spreadsheet saves it.
	printf '\xef\xbb\xbfstream,partition,target\r\nt,1,5\r\n' >saved.csv
	mq group reset --plan saved.csv --execute "$a" g
	expect_status 0
	is "$(stands g)" "7 5"
	printf '"t",0,3\n"t",1,30\n' >java.csv
	mq group reset --plan java.csv --execute "$a" g
	expect_status 0
	is "$(stands g)" "3 20"
	while IFS='|' read -r line status why; do
		printf '%s\n' "$line" >bad.csv
		mq group reset --plan bad.csv --execute "$a" g
		expect_status "$status"
		has "$err" "bad.csv:1: $why"
		is "$(stands g)" "3 20"
	done <<-'EOF2'
	t,9,1|8|there is no t[9]
	u,0,1|8|there is no u[0]
	t,x,1|7|the partition is no number
	t,0|7|stream,partition,target are expected
	t,0,soon|7|'soon' is not a position
	t,0,stored|7|'stored' is where the group stands already
	"t,0,1|7|a quote is not closed
	{"stream":"t","partition":0,"target":1|7|
	{"partition":0,"target":1}|7|no stream is named
	stream,partition|7|the first line names columns, but none is called target
	EOF2
	printf 't,0,1\nt,0,2\n' >bad.csv
	mq group reset --plan bad.csv "$a" g
	expect_status 7
	has "$err" "bad.csv:2: t[0] is named twice"
	: >bad.csv
	mq group reset --plan bad.csv "$a" g
	expect_status 7
	mq group reset --plan missing.csv "$a" g
	expect_status 6
	refuses "mqtk group reset: --to and --plan exclude each other: give one of them" \
		group reset --to 1 --plan bad.csv "$a" g
}

@test "a member that reads: refused; with --force it goes on from the new position" {
	made g 4
	"$MQTK" consume -q -g g -u "$a" >got 2>got.err 3>&- 4>&- &
	pid=$!
	has_lines() { [ "$(wc -l <got)" -ge "$1" ]; }
	wait_until 20 has_lines 22
	at_end() { [ "$(stands g)" = "10 20" ]; }
	wait_until 20 at_end
	mq group show -J "$a" g
	is "$(jq -c '[.members, .state, (.places | map(.member == null) | any)]' out)" '[1,"active",false]'
	mq group reset --to 2 "$a" g
	expect_status 0
	has "$err" "1 active member"
	for act in "reset --to 2 --execute" "skip -c 1 --execute --keep kept" "delete --yes"; do
		# shellcheck disable=SC2086 # words
		mq group $act "$a" g
		expect_status 2
		[ ! -e kept ]
		is "$(stands g)" "10 20"
	done
	mq group reset -p 1 --to 18 --execute --force "$a" g
	expect_status 0
	wait_until 20 has_lines 24
	wait_until 20 at_end
	is "$(tail -n 2 got | tr '\n' ' ')" "118 119 "
	kill -INT "$pid"
	wait "$pid" || :
	is "$(wc -l <got)" 24
}

@test "skip: to a position, so many, and the run that matches; what is skipped is kept first" {
	made g 4
	mq group skip -c 2 "$a" g
	expect_status 0
	has "$err" "nothing was changed"
	has "$out" "t[0]     4"
	is "$(stands g)" "4 4"
	mq group skip -c 2 --keep kept.jsonl --execute "$a" g
	expect_status 0
	is "$(stands g)" "6 6"
	is "$(jq -r '[.partition,.offset,.payload] | join(" ")' kept.jsonl)" $'0 4 4\n0 5 5\n1 4 104\n1 5 105'
	mq group skip -p 1 --grep '^10[67]$' --keep kept.jsonl --execute -J "$a" g
	expect_status 0
	is "$(jq -c '[.partition,.current,.target,.skipped,.moved]' out)" "[1,6,8,2,true]"
	is "$(wc -l <kept.jsonl)" 6
	mq group skip --grep '^10[67]$' --execute --keep kept.jsonl "$a" g
	expect_status 1
	has "$err" "the next message does not match"
	is "$(wc -l <kept.jsonl)" 6
	mq group skip --to 9 --execute "$a" g
	expect_status 0
	is "$(stands g)" "9 9"
	mq group skip --to 9 "$a" g
	expect_status 1
	mq group skip --to end --execute -q "$a" g
	expect_status 0
	is "$(stands g)" "10 20"
	mq group skip -c 1 "$a" g
	expect_status 1
	# What was kept comes back.
	mq produce -q -J sqlite:s.db/again kept.jsonl
	expect_status 0
	is "$("$MQTK" consume -q -e sqlite:s.db/again | sort | tr '\n' ' ')" "104 105 106 107 4 5 "
}

@test "skip by key, and both together; what it refuses" {
	printf 'k:bad 1\nk:bad 2\nk:good\nother:bad 3\n' | "$MQTK" produce -q -K: sqlite:s.db/u
	"$MQTK" group create sqlite:s.db/u g >/dev/null
	mq group skip --key k --grep bad -J sqlite:s.db/u g
	is "$(jq .skipped out)" 2
	mq group skip --key k -J sqlite:s.db/u g
	is "$(jq .skipped out)" 3
	mq group skip --grep bad -c 1 -J sqlite:s.db/u g
	is "$(jq .skipped out)" 1
	mq group skip --key other sqlite:s.db/u g
	expect_status 1
	refuses "mqtk group skip: nothing says what is to be skipped" group skip sqlite:s.db/u g
	mq group skip --grep '(' sqlite:s.db/u g
	expect_status 2
	mq group skip -c 1 --keep /dev/full --execute sqlite:s.db/u g
	expect_status 6
	mq group skip -c 1 --keep none/kept --execute sqlite:s.db/u g
	expect_status 6
	mq group show -J sqlite:s.db/u g
	is "$(jq -c '[.places[].committed]' out)" "[0]"
	# Too much work for one message is said, with its place, and nothing is skipped.
	printf '%0999dc' 0 | tr 0 a | "$MQTK" produce -q sqlite:s.db/v
	"$MQTK" group create sqlite:s.db/v g >/dev/null
	mq group skip --grep '(a+)*(a+)*(a+)*[^a]c' sqlite:s.db/v g
	expect_status 7
	has "$err" "v[0] 0: the regular expression is too much work"
}

@test "a skip that is killed once its file is synced, or before, loses nothing" {
	preload fsync
	for when in BEFORE AFTER; do
		"$MQTK" group delete -q --yes "$a" g 2>/dev/null || :
		made g 4
		rm -f kept.jsonl
		status=0
		env "FSYNC_KILLS_$when=kept.jsonl" LD_PRELOAD="$mq_preload" "$MQTK" group skip -c 2 \
			--keep kept.jsonl --execute "$a" g >out 2>err || status=$?
		expect_signal 9
		is "$(stands g)" "4 4"
		printf '{"cut' >>kept.jsonl
		mq_preload='' mq group skip -c 2 --keep kept.jsonl --execute "$a" g
		expect_status 0
		has "$err" "was not finished"
		is "$(stands g)" "6 6"
		is "$(grep -v '^{"cut$' kept.jsonl | jq -r .payload | sort -u | tr '\n' ' ')" "104 105 4 5 "
	done
}

@test "delete: asks, says what is lost, one stream or all" {
	made g 4
	seq 3 | "$MQTK" produce -q sqlite:s.db/u
	"$MQTK" group create sqlite:s.db/u g >/dev/null
	mq group delete sqlite:s.db/ g </dev/null
	expect_status 2
	has "$err" "would delete group g of sqlite:s.db/ with its positions in 3 partitions of 2 streams"
	mq group delete --dry-run "$a" g
	expect_status 0
	is "$out" "would delete group g of sqlite:s.db/t with its positions in 2 partitions"
	mq group delete --yes "$a" g
	expect_status 0
	mq group ls -J sqlite:s.db/
	is "$(jq -c .streams out)" '["u"]'
	mq group delete --yes "$a" g
	expect_status 8
	mq group delete --yes --member x sqlite:s.db/ g
	expect_status 8
	mq group delete --yes sqlite:s.db/ g
	expect_status 0
	mq group ls -J sqlite:s.db/
	is "$out" ""
	mq group delete --yes sqlite:s.db/ g
	expect_status 8
}

@test "a disk without room for a store's log: the group stays, and the words say why" {
	made g 4
	(
		ulimit -f 16 # blocks of 1 KiB
		mq group reset --to end --execute "$a" g
		expect_status 6
		has "$err" "no space left"
	)
	is "$(stands g)" "4 4"
}

@test "brokers without groups say so in one line, and what to use" {
	mq group reset amqp://127.0.0.1:1/q g --to end
	expect_status 2
	has "$err" "RabbitMQ has no groups with positions"
	has "$err" "mqtk lag"
	mq group claim --idle 1m --to x "$a" g
	expect_status 2
	has "$err" "cannot list messages that are delivered and not settled"
	mq group show --pending "$a"
	expect_status 0
}

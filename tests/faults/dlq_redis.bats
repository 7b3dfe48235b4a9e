#!/usr/bin/env bats
# Dead letters on Redis Streams: what a group holds pending, and streams of letters; against
# redis-cli, which knows what was really there.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2317 # set in the helpers; each test is a process
# shellcheck disable=SC2016,SC2094 # the programs' own variables and fifos

load faults

setup() {
	use_faults
	requires_redis
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
	broker=redis://$REDIS
	a=$broker/$topic
}
teardown() { end_faults; }

cli() {
	redis-cli --no-auth-warning -h "${REDIS%:*}" -p "${REDIS##*:}" "$@"
}

# entries N: N entries of another program's in $topic, with the fields n and of.
entries() {
	seq "$1" | sed "s/.*/XADD $topic * n & of $1/" | cli >/dev/null
}

# held CONSUMER COUNT DELIVERIES IDLE_MS: so many more entries of $topic, delivered to it so often,
# idle since.
held() {
	cli xgroup create "$topic" g 0 mkstream >/dev/null 2>&1 || :
	cli xreadgroup group g "$1" count "$2" streams "$topic" '>' >/dev/null
	cli --raw xpending "$topic" g - + 1000000 "$1" | awk 'NR % 4 == 1' >"ids.$1"
	xargs -n 1000 -a "ids.$1" sh -c 'r=$1 t=$2 c=$3 n=$4 i=$5; shift 5
		redis-cli -h "${r%:*}" -p "${r##*:}" xclaim "$t" g "$c" 0 "$@" idle "$i" retrycount "$n" justid' \
		_ "$REDIS" "$topic" "$1" "$3" "$4" >/dev/null
}

# ID CONSUMER DELIVERIES of all pending entries
pending() {
	cli --raw xpending "$topic" g - + 1000000 | paste - - - - | awk 'NF { print $1, $2, $4 }'
}

# The values of n in the entries behind ID, in order.
entry_numbers() {
	cli --raw xrange "$topic" "${1--}" + | awk '$1 == "n" { getline; print }'
}

letters=(--group g --max-deliveries 3)

# --- what a group holds ---------------------------------------------------------------------------

@test "pending entries are letters once they were delivered often enough, whoever holds them" {
	entries 6
	held one 3 3 120000
	held two 2 5 60000
	held young 1 9 1000
	before=$(pending)
	mq dlq show -J "${letters[@]}" "$a"
	expect_status 0
	is "$(jq -c '[.reason,.attempts,.group,.member,.origin_stream,.message.payload]' out)" \
		"$(for n in 1 2 3; do echo "[\"max-deliveries\",3,\"g\",\"one\",\"$topic\",\"{\\\"n\\\":\\\"$n\\\",\\\"of\\\":\\\"6\\\"}\"]"; done
			for n in 4 5; do echo "[\"max-deliveries\",5,\"g\",\"two\",\"$topic\",\"{\\\"n\\\":\\\"$n\\\",\\\"of\\\":\\\"6\\\"}\"]"; done)"
	is "$(jq -c '.origin_id' out)" "$(pending | awk 'NR < 6 { print "\"" $1 "\"" }')"
	has "$err" "1 more entry was given to a member less than 60 s ago"
	# When it was given last is when it died.
	now=$(date +%s)
	jq -se --argjson now "$now" 'all(.[:3][]; (.died_ts / 1000 - $now + 120 | fabs) < 20)' out
	mq dlq stats -J "${letters[@]}" --idle 0s "$a"
	is "$(jq -c '[.letters,.reasons]' out)" '[6,[{"name":"max-deliveries","count":6}]]'
	mq dlq stats --max 4 "${letters[@]}" "$a"
	expect_status 1
	# Looking gave nothing to anybody.
	is "$(pending)" "$before"
}

@test "requeue adds them to their stream anew and acknowledges them; the rest stays as it was" {
	entries 6
	held one 3 3 120000
	held two 2 2 120000
	held young 1 9 1000
	last=$(cli xrevrange "$topic" + - count 1 | head -1)
	rest=$(pending | tail -3)
	mq dlq requeue --dry-run "${letters[@]}" "$a"
	expect_status 0
	has "$out" "would requeue 3 letters"
	mq dlq requeue --yes "${letters[@]}" "$a"
	expect_status 0
	is "$(pending)" "$rest"
	is "$(entry_numbers | paste -sd' ')" "1 2 3 4 5 6 1 2 3"
	# Other programs find their fields, and nothing tells of the death.
	is "$(cli --raw xrange "$topic" "($last" + | sed -n 2,7p | paste -sd' ')" \
		'n 1 of 6 mqtk-properties {"headers":[["mqtk-replay-source","'"$topic@$(head -1 ids.one)"'"],["mqtk-replay-count","1"]]}'
	mq dlq requeue --yes "${letters[@]}" "$a"
	expect_status 0
	has "$err" "there are no such letters"
	# What is being worked on goes only when that is said.
	mq dlq requeue --yes "${letters[@]}" --idle 0s "$a"
	expect_status 0
	is "$(pending)" "$(head -2 <<<"$rest")"
}

@test "thousands of them, over many pages: what is chosen goes, the others are not touched" {
	entries 5000
	held one 2500 3 90000
	held two 2500 4 90000
	pending >before
	mq dlq requeue --yes "${letters[@]}" -c 10 "$a"
	expect_status 0
	diff <(tail -n +11 before) <(pending)
	mq dlq requeue --yes "${letters[@]}" --grep '"n":"[0-9]*7"' "$a"
	expect_status 0
	diff <(tail -n +11 before | awk 'NR % 10 != 7') <(pending)
	is "$(entry_numbers | tail -n +5001 | sort -n | uniq -d)" ""
	is "$(entry_numbers | tail -n +5001 | sort -n | paste -sd' ')" \
		"$({ seq 10; seq 17 10 5000; } | sort -n | paste -sd' ')"
	mq dlq stats -J "${letters[@]}" --idle 0s "$a"
	is "$(jq .letters out)" "$(pending | wc -l)"
}

@test "entries that were deleted meanwhile are told, and acknowledged when letters go" {
	entries 9
	held one 9 3 90000
	for n in 1 4 5 9; do cli xdel "$topic" "$(sed -n "${n}p" ids.one)" >/dev/null; done
	mq dlq show -J "${letters[@]}" "$a"
	has "$err" "of 4 pending entries nothing is left"
	is "$(jq -r '.message.payload | fromjson.n' out | paste -sd' ')" "2 3 6 7 8"
	is "$(pending | wc -l)" 9
	mq dlq requeue --yes -c 3 "${letters[@]}" "$a"
	expect_status 0
	is "$(entry_numbers | paste -sd' ')" "2 3 6 7 8 2 3 6"
	mq dlq requeue --yes "${letters[@]}" "$a"
	expect_status 0
	is "$(pending)" ""
}

@test "drop acknowledges and keeps a file, move tells where they were, export takes nothing" {
	entries 6
	held one 6 3 90000
	before=$(pending)
	mq dlq export "${letters[@]}" "$a" kept.jsonl
	expect_status 0
	is "$(pending)" "$before"
	mq dlq drop --yes -c 2 "${letters[@]}" "$a"
	expect_status 0
	is "$(jq -r '.payload | fromjson.n' "$topic"-dropped-*.jsonl | paste -sd' ')" "1 2"
	is "$(entry_numbers | paste -sd' ')" "1 2 3 4 5 6"
	"$MQTK" create -q "$a-dead"
	mq dlq move --yes "${letters[@]}" "$a" "$a-dead"
	expect_status 0
	is "$(pending)" ""
	mq dlq show -J "$a-dead"
	is "$(jq -c '[.origin_id,.attempts,.member,.reason]' out | paste -sd' ')" \
		"$(tail -4 ids.one | sed 's/.*/["&",3,"one","max-deliveries"]/' | paste -sd' ')"
	# From there they go back into the stream that they died in.
	mq dlq requeue --yes "$a-dead"
	expect_status 0
	is "$(entry_numbers | paste -sd' ')" "1 2 3 4 5 6 3 4 5 6"
}

@test "what cannot be is said: no group, no such group, --group alone, another broker" {
	entries 1
	held one 1 3 90000
	mq dlq show --max-deliveries 3 "$a"
	expect_status 2
	has "$err" "--group NAME"
	mq dlq requeue --yes --group g "$a"
	expect_status 2
	has "$err" "--max-deliveries N"
	mq dlq show --max-deliveries 3 --group other "$a"
	expect_status 8
	has "$err" "there is no group other in $topic"
	mq dlq show --max-deliveries 3 --group g sqlite:s.db/t
	expect_status 2
	has "$err" "--max-deliveries"
}

# --- adding and settling in one step --------------------------------------------------------------

# dead_letters N [FROM]: letters FROM … N of $topic in $topic-dead.
dead_letters() {
	seq "${2:-1}" "$1" |
		jq -c --arg o "$topic" '{payload: tostring, headers: [["dlq-origin-stream", $o], ["dlq-reason", "exit"]]}' |
		"$MQTK" produce -q -J --create "$a-dead"
}

payloads() {
	"$MQTK" consume -q -e "$1"
}

# kill_sometime ARG…: runs it and kills it at a random moment, unless it is done before.
kill_sometime() {
	background "$@" >/dev/null 2>&1 </dev/null 4>&-
	{
		timeout "0.$(printf %03d $((RANDOM % 150)))" tail -q --pid="$pid" -s 0.01 -f /dev/null || :
		kill -9 "$pid" || :
		wait "$pid" || :
	} 2>/dev/null
}

@test "requeue and move on one server are transactions, and say so; elsewhere, or not allowed, they are not" {
	"$MQTK" create -q "$a"
	dead_letters 300
	mq dlq requeue -v --yes "$a-dead"
	expect_status 0
	has "$err" "added and settled in transactions"
	is "$(payloads "$a" | cksum)" "$(seq 300 | cksum)"
	is "$(cli xlen "$topic-dead")" 0
	# Another database is another place, though on the same server.
	dead_letters 300
	"$MQTK" create -q "$broker/1/$topic"
	mq dlq move -v --yes "$a-dead" "$broker/1/$topic"
	expect_status 0
	has_not "$err" "in transactions"
	is "$(payloads "$broker/1/$topic")" "$(seq 300)"
	is "$(cli xlen "$topic-dead")" 0
	cli -n 1 del "$topic" >/dev/null
	# Who may run no scripts gets the same in two steps.
	cli acl setuser "$topic" on '>secret' '~*' +@all -eval >/dev/null
	dead_letters 300
	MQTK_PASSWORD=secret mq dlq move -v --yes "redis://$topic@$REDIS/$topic-dead" "redis://$topic@$REDIS/$topic"
	cli acl deluser "$topic" >/dev/null
	expect_status 0
	has "$err" "settled once they are added"
	is "$(payloads "$a" | cksum)" "$({ seq 300; seq 300; } | cksum)"
	is "$(cli xlen "$topic-dead")" 0
}

@test "what cannot be taken out is not told as dropped, and the server's own words are said" {
	"$MQTK" create -q "$a"
	dead_letters 5
	cli acl setuser "$topic" on '>secret' '~*' +@all -xdel -xtrim >/dev/null
	own=redis://$topic@$REDIS/$topic
	MQTK_PASSWORD=secret mq dlq drop --yes --backup kept.jsonl "$own-dead"
	expect_status 5
	has "$err" "0 messages dropped from"
	has "$err" ", 5 kept, but not taken out"
	has "$err" "NOPERM"
	is "$(wc -l <kept.jsonl)" 5
	MQTK_PASSWORD=secret mq dlq drop --yes -J --backup kept2.jsonl "$own-dead"
	is "$(jq -c '[.copied,.settled,.ended]' out)" '[5,0,"failed"]'
	# The copies are there, and the letters too.
	MQTK_PASSWORD=secret mq dlq move --yes "$own-dead" "$own"
	cli acl deluser "$topic" >/dev/null
	expect_status 5
	has "$err" "5 messages (5 B) moved from"
	has "$err" ", 5 of them not taken out"
	is "$(cli xlen "$topic") $(cli xlen "$topic-dead")" "5 5"
	# What passes is waited for; then it is said what it was.
	read -r port < <("$root/scripts/python.sh" -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	redis-server --port "$port" --bind 127.0.0.1 --dir "$BATS_TEST_TMPDIR" --save '' >replica.log 2>&1 3>&- 4>&- &
	pids+=($!)
	replica() { redis-cli -p "$port" "$@"; }
	up() { replica ping >/dev/null 2>&1; }
	wait_until 20 up
	seq 3 | jq -c '{payload: tostring, headers: [["dlq-reason", "exit"]]}' |
		"$MQTK" produce -q -J --create "redis://127.0.0.1:$port/lot"
	replica replicaof 127.0.0.1 1 >/dev/null
	mq dlq drop --yes --timeout 1s --backup kept3.jsonl "redis://127.0.0.1:$port/lot"
	expect_status 4
	has "$err" "0 messages dropped from"
	has "$err" "redis://127.0.0.1:$port: lot: READONLY"
	has_not "$err" "had no answer"
	# Back in time, all go.
	background dlq drop --yes --timeout 20s --backup kept4.jsonl "redis://127.0.0.1:$port/lot" >"$OUT" 2>"$ERR" </dev/null
	kept() { [ "$(wc -l <kept4.jsonl)" -eq 3 ]; }
	wait_until 20 kept
	replica replicaof no one >/dev/null
	wait_for_end "$pid" 20
	mq_result
	expect_status 0
	has "$err" "3 messages (3 B) dropped from"
	is "$(replica xlen lot)" 0
}

# calls NAME: how often the server was given that command since the counts were set back.
calls() {
	cli info commandstats | tr -d '\r' | sed -n "s/^cmdstat_$1:calls=\([0-9]*\),.*/\1/p" | grep . || echo 0
}

# Every second letter's home takes nothing, beginning with the first one's; few enough to be sent
# before the first answer.
every_other() {
	seq 100 | jq -c --arg o "$topic" '{payload: tostring,
		headers: [["dlq-origin-stream", if . % 2 == 1 then "\($o)-none" else $o end]]}' |
		"$MQTK" produce -q -J --create "$a-dead"
}

@test "what a stream begins with is cut off; where letters stay in front, the others are deleted" {
	"$MQTK" create -q "$a"
	dead_letters 3000
	# Behind this one no id can be.
	cli xadd "$topic-dead" 18446744073709551615-18446744073709551615 payload 3001 >/dev/null
	cli config resetstat >/dev/null
	mq dlq move -q --yes "$a-dead" "$a"
	expect_status 0
	is "$(payloads "$a")" "$(seq 3001)"
	is "$(cli xlen "$topic-dead")" 0
	# Redis 6.2 can do that.
	if [ "$(calls xtrim)" -eq 0 ]; then
		printf '6.2\n%s\n' "$MQTK_TEST_REDIS_VERSION" | sort -CV && false
		skip "Redis $MQTK_TEST_REDIS_VERSION cuts nothing off by ids"
	fi
	[ "$(calls xdel)" -le 1 ]
	cli del "$topic" "$topic-dead" >/dev/null
	# A transaction that failed leaves its letters where they are, in front of the next one's.
	"$MQTK" create -q "$a-none"
	for way in +@all '+@all -xtrim'; do
		"$MQTK" create -q "$a"
		every_other
		# shellcheck disable=SC2086 # words
		cli acl setuser "$topic" on '>secret' "~$topic" "~$topic-dead" "%R~$topic-none" $way >/dev/null
		MQTK_PASSWORD=secret mq dlq requeue -q --yes "redis://$topic@$REDIS/$topic-dead"
		expect_status 3
		is "$(payloads "$a")" "$(seq 2 2 100)"
		is "$(payloads "$a-dead")" "$(seq 1 2 100)"
		# Not allowed, and nothing in front of them.
		MQTK_PASSWORD=secret mq dlq move -q --yes "redis://$topic@$REDIS/$topic-dead" "redis://$topic@$REDIS/$topic"
		expect_status 0
		is "$(payloads "$a" | sort -n)" "$(seq 100)"
		is "$(cli xlen "$topic-dead")" 0
		cli acl deluser "$topic" >/dev/null
		cli del "$topic" "$topic-dead" >/dev/null
	done
}

kills=${MQTK_TEST_KILLS:-8}

@test "where all letters have been taken away nothing is missed" {
	dead_letters 3
	mq dlq drop -q --yes --no-backup "$a-dead"
	expect_status 0
	for way in "dlq export $a-dead -" "replay $a-dead replayed.jsonl"; do
		# shellcheck disable=SC2086 # words
		mq $way
		expect_status 0
		is "$out" ""
		has_not "$err" "removed"
	done
}

@test "killed at any moment: all letters arrive, none twice" {
	"$MQTK" create -q "$a"
	local n=$((kills * 2000 + 4000))
	dead_letters $n
	for _ in $(seq "$kills"); do kill_sometime dlq requeue -q --yes --rate 2000 "$a-dead"; done
	[ "$(cli xlen "$topic-dead")" -gt 1000 ] # so that there is something to be killed
	for _ in $(seq "$kills"); do kill_sometime dlq move -q --yes "$a-dead" "$a"; done
	mq dlq move -q --yes "$a-dead" "$a"
	is "$(payloads "$a" | sort -n | cksum)" "$(seq $n | cksum)"
}

@test "pending entries, killed at any moment: all are added anew, none twice" {
	entries 10000
	held one 10000 3 90000
	for _ in $(seq "$kills"); do kill_sometime dlq requeue -q --yes --rate 1000 "${letters[@]}" "$a"; done
	mq dlq requeue -q --yes "${letters[@]}" "$a"
	is "$(pending)" ""
	is "$(entry_numbers | sort -n | cksum)" "$({ seq 10000; seq 10000; } | sort -n | cksum)"
}

# Letters go slowly, then the target is no stream any more.
@test "a target that refuses in the middle: exit 3, and what is not there is where it was" {
	"$MQTK" create -q "$a"
	dead_letters 400
	background dlq requeue --yes --rate 200 "$a-dead" >"$OUT" 2>"$ERR" </dev/null
	some() { [ "$(cli xlen "$topic")" -ge 50 ]; }
	wait_until 20 some
	printf '%s\n' MULTI "RENAME $topic $topic-moved" "SET $topic text" EXEC | cli >/dev/null
	wait_for_end "$pid" 20
	mq_result
	expect_status 3
	is "$({ payloads "$broker/$topic-moved"; payloads "$a-dead"; } | sort -n)" "$(seq 400)"
	[ "$(cli xlen "$topic-dead")" -gt 50 ]
}

@test "pending entries that could not be moved go back to their member, as idle as they were" {
	entries 300
	held one 300 3 600000
	"$MQTK" create -q "$a-lot"
	background dlq requeue --yes --rate 100 "${letters[@]}" --to "$a-lot" "$a" >"$OUT" 2>"$ERR" </dev/null
	some() { [ "$(cli xlen "$topic-lot")" -ge 20 ]; }
	wait_until 20 some
	printf '%s\n' MULTI "RENAME $topic-lot $topic-moved" "SET $topic-lot text" EXEC | cli >/dev/null
	wait_for_end "$pid" 20
	mq_result
	expect_status 3
	is "$({ "$MQTK" consume -q -e -J "$broker/$topic-moved" | jq -r '.payload | fromjson.n'
		entry_numbers "$(pending | head -1 | cut -d' ' -f1)"; } | sort -n)" "$(seq 300)"
	is "$(pending | cut -d' ' -f2- | sort -u)" "one 3"
	is "$(cli --raw xpending "$topic" g - + 1000 | paste - - - - | awk '$3 < 550000' | wc -l)" 0
}

# --- the worker -----------------------------------------------------------------------------------

@test "what a slow program works on is not taken over, and is not delivered by that" {
	mkfifo slow other
	exec 7<>slow 8<>other
	echo one | "$MQTK" produce -q --create "$a"
	background consume --group g --consumer slow --exec 'echo "$MQTK_ID" >>slow.log; read -r _ <slow' "$a" >"$OUT" 2>"$ERR" 4>&- 7>&- 8>&-
	slow=$pid
	wait_until 20 test -s slow.log
	mq consume -q --group g --consumer other --claim 2s --idle-timeout 5s "$a"
	expect_status 0
	is "$out" ""
	is "$(pending | cut -d' ' -f2-)" "slow 1"
	# One that does not get on at all loses it, and does not take it back.
	kill -STOP "$slow"
	background consume --group g --consumer other --claim 2s --exec 'echo "$MQTK_ID" >>other.log; read -r _ <other' "$a" >other.out 2>&1 4>&- 7>&- 8>&-
	other=$pid
	wait_until 20 test -s other.log
	kill -CONT "$slow"
	timeout 3 redis-cli -h "${REDIS%:*}" -p "${REDIS##*:}" monitor >monitor || :
	grep -q "XPENDING.*$topic.*slow" monitor
	is "$(pending | cut -d' ' -f2-)" "other 2"
	echo >&7
	echo >&8
	done_with() { [ -z "$(pending)" ]; }
	wait_until 20 done_with
	kill -TERM "$slow" "$other"
	wait_for_end "$slow" 20
	wait_for_end "$other" 20
	cmp slow.log other.log
}

@test "a password stands in no journal, no letter and no report" {
	cli acl setuser "$topic" on '>very-secret' '~*' '&*' '+@all' >/dev/null
	local own=redis://$topic:very-secret@$REDIS
	entries 2
	"$MQTK" create -q "$own/$topic.dead"
	"$MQTK" create -q "$own/$topic.aside"
	mq consume -e --group w --exec false --retries 0 --dead-letter "$own/$topic.dead" "$own/$topic"
	expect_status 0
	mq dlq requeue --yes --resume journal --to "$own/$topic.aside" "$own/$topic.dead"
	expect_status 0
	"$MQTK" dlq stats --format prometheus "$own/$topic.dead" >stats
	"$MQTK" dlq show -J "$own/$topic.dead" >shown
	cli acl deluser "$topic" >/dev/null
	is "$(wc -l <shown)" 2
	is "$(grep -l very-secret ./*)" ""
}

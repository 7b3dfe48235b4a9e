#!/usr/bin/env bats
# consume --exec and its kin on the local store: programs that behave badly in every way that we
# could think of. Whatever they do, nothing is lost, nothing hangs and nothing is left running.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers
# shellcheck disable=SC2016 # the programs' own variables

load ../cli/saying
load faults
load worker

setup() {
	use_faults
	a=sqlite:s.db/t
	d=sqlite:s.db/dead
}
teardown() { end_faults; }

# fails_with TEXT PROGRAM [ARG…]: one message, one attempt: its dead letter has TEXT, and nothing
# is left running.
fails_with() {
	seq 1 | "$MQTK" produce -q "$a"
	rm -f s.dead
	mq_within 20 consume -e --group g --retries 0 --dead-letter sqlite:s.dead/d --exec "${@:2}" "$a"
	expect_status 0
	has "$("$MQTK" dlq show -q sqlite:s.dead/d)" "$1"
	nothing_runs
}

@test "not there, not executable, dead by a signal, deaf to SIGTERM" {
	fails_with "exit 127" nonesuch-program
	: >plain
	fails_with "exit 126" ./plain
	fails_with "signal 9" 'kill -9 $$'
	fails_with "signal 11" 'ulimit -c 0; kill -SEGV $$'
	fails_with "timeout" "$(marked 'trap "" TERM; while :; do sleep 0.1; done')" --exec-timeout 100ms
}

@test "without dead letters the end says what 126 and 127 mean" {
	seq 1 | "$MQTK" produce -q "$a"
	: >plain
	mq consume -e --group g --retries 0 --exec nonesuch-program "$a"
	expect_status 3
	has "$err" "there is no such command"
	mq consume -e --group g --retries 0 --exec ./plain "$a"
	expect_status 3
	has "$err" "may not be executed"
}

@test "without dead letters the end says what a program of --exec-lines answered" {
	seq 1 | "$MQTK" produce -q "$a"
	mq consume -e --group g --exec-lines 'while read -r n; do printf "reject no \033[31m price %s\n" "$n"; done' "$a"
	expect_status 3
	has "$err" "failed 1 time: reject: no ?[31m price 1"
	mq consume -e --group g --retries 0 --exec-lines 'while read -r n; do echo retry; done' "$a"
	expect_status 3
	has "$err" "failed 1 time: retry"$'\n'
}

@test "children that it leaves behind, with all pipes in their hands, are not waited for and end" {
	seq 3 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --reply=sqlite:s.db/r --exec "$(marked 'sleep 1000 & sleep 1000 & echo x')" "$a"
	expect_status 0
	nothing_runs
	# And those of one that is out of time, also when they do not hear SIGTERM.
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --retries 0 --dead-letter "$d" --exec-timeout 100ms \
		--exec "$(marked '(trap "" TERM; while :; do sleep 0.1; done) & sleep 1000')" "$a"
	expect_status 0
	nothing_runs
	# What leaves the group of its own will stays.
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --exec 'setsid sh -c "echo \$\$ >daemon; exec sleep 1000" >&- 2>&- & until [ -s daemon ]; do :; done' "$a"
	expect_status 0
	kill "$(cat daemon)"
}

@test "10 MB that it does not read, or only the beginning of, or after it closed its input" {
	head -c 10000000 /dev/zero | tr '\0' x >big
	for program in true 'head -c 10 >/dev/null' 'exec <&-; true' 'cat | cmp - big'; do
		"$MQTK" produce -q "$a" big
		mq_within 20 consume -e --group g --retries 0 --exec "$program" "$a"
		expect_status 0
	done
	"$MQTK" produce -q "$a" big
	mq_within 20 consume -e --group g --retries 0 --exec 'exit 5' "$a"
	expect_status 3
}

@test "100 MB on standard output and on standard error; a reply without end" {
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 60 consume -e --group g --retries 0 --dead-letter "$d" \
		--exec 'head -c 100000000 /dev/zero; head -c 100000000 /dev/zero | tr "\0" e >&2; printf end >&2; exit 1' "$a"
	expect_status 0
	is "$(stat -c %s out)" 100000000
	(($(stat -c %s err) >= 100000003))
	"$MQTK" dlq show -q -J "$d" >letter
	is "$(jq '.error | length' letter)" 2000
	is "$(jq '.error | endswith("eend")' letter)" true
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --retries 0 --dead-letter sqlite:s.dead/d --reply=sqlite:s.db/r \
		--exec "$(marked yes)" "$a"
	expect_status 0
	has "$("$MQTK" dlq show -q sqlite:s.dead/d)" "larger than 16 MiB"
	nothing_runs
}

@test "complaints that are no text are kept as text, and what another program reads of them" {
	seq 1 | "$MQTK" produce -q "$a"
	mq consume -e --group g --retries 0 --dead-letter "$d" --exec 'printf "\303\244 \377 \342\202" >&2; exit 1' "$a"
	expect_status 0
	is "$("$MQTK" dlq show -q -J "$d" | jq -c .error)" '"ä � ��"'
	"$MQTK" consume -q -e -J "$d" | jq -c '[.headers[] | select(.[1] | type != "string")]' >odd
	is "$(cat odd)" "[]"
}

@test "keys and headers that no environment can hold are left out, and named" {
	"$root/scripts/python.sh" - >in <<'PYTHON'
import json
big = "x" * 1000000
print(json.dumps({"key": big, "headers": [["big", big], ["a", "1"]], "payload": "1"}))
print(json.dumps({"key": "a\0b", "headers": [["n\0l", "a\0b"], ["x-y", "1"], ["X_Y", "2"]], "payload": "2"}))
print(json.dumps({"key": "k", "headers": [["h%d" % i, "v"] for i in range(50000)], "payload": "3"}))
PYTHON
	"$MQTK" produce -q -J "$a" <in
	mq_within 30 consume -e --group g --retries 0 --exec 'read -r n
		echo "$n ${MQTK_KEY-none} ${MQTK_HEADER_A-none} ${MQTK_HEADER_X_Y-none} $MQTK_LEFT_OUT" >>seen' "$a"
	expect_status 0
	is "$(cat seen)" "1 none 1 none KEY HEADERS HEADER_BIG
2 none none 2 KEY HEADER_N_L
3 k none none HEADERS HEADER_"
}

@test "an environment that is too large for the system is the message's fault, once" {
	printf '{"key":"%0100000d","payload":"1"}\n{"payload":"2"}\n' 0 >in
	"$MQTK" produce -q -J "$a" <in
	# 64 KiB of a value are allowed, of all that the half of a small stack.
	printf '{"headers":[%s["z","1"]],"payload":"3"}\n' "$(for i in 1 2 3 4 5 6 7; do
		printf '["h%d","%060000d"],' "$i" 0
	done)" | "$MQTK" produce -q -J "$a"
	status=0
	(ulimit -Ss 1024 && exec timeout 20 "$MQTK" consume -e --group g --retries 3 --dead-letter "$d" \
		--exec 'cat >>seen' "$a") 2>err || status=$?
	is "$status" 0
	is "$(letters)" "3 data 1"
	has "$("$MQTK" dlq show -q -J "$d")" "does not fit into an environment"
	is "$(committed)" "[3]"
}

@test "short of processes or descriptors: no message is to blame, and with none the run ends" {
	seq 20 | "$MQTK" produce -q "$a"
	status=0
	(ulimit -n 24 && exec timeout 30 "$MQTK" consume -e --group g --workers 16 --retries 0 \
		--exec 'read -r n; sleep 0.1; echo "$n" >>seen' "$a") 2>err || status=$?
	is "$status" 0
	has "$(cat err)" "trying again"
	is "$(sort -n seen)" "$(seq 20)"
	is "$(grep -c 'trying again' err)" 1
	seq 3 | "$MQTK" produce -q "$a"
	status=0
	(ulimit -n 14 && exec timeout 30 "$MQTK" consume -e --group g --timeout 1s --exec true "$a") 2>err || status=$?
	[ "$status" -eq 6 ] || fail "status $status" "$(cat err)"
	has "$(cat err)" "ulimit"
	is "$(committed)" "[20]"
}

@test "--exec-lines: half a line, none, too many, one without an end" {
	seq 2 | "$MQTK" produce -q "$a"
	# Half an answer is none: the message comes again.
	mq_within 20 consume -e --group g --retries 1 --backoff 1ms..2ms --dead-letter "$d" \
		--exec-lines 'read -r n; echo "$n" >>seen; printf ok' "$a"
	expect_status 0
	is "$(letters | sort)" "1 exit 2
2 exit 2"
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --exec-lines 'read -r n; printf "ok\nok\n"; cat' "$a"
	expect_status 7
	has "$err" "none was waiting"
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --exec-lines "$(marked 'read -r n; cat /dev/zero')" "$a"
	expect_status 7
	has "$err" "a line without an end"
	nothing_runs
	mq_within 20 consume -e --group g --exec-lines 'read -r n; printf "ok\\0\n"; cat' "$a"
	expect_status 7
	has "$err" "'ok?' is no answer"
	mq_within 20 consume -e --group g --retries 0 --exec-timeout 200ms --exec-lines 'read -r n; cat' "$a"
	expect_status 3
	has "$err" timeout
}

@test "--exec-lines: a program that dies at once is not started again and again" {
	seq 300 | "$MQTK" produce -q "$a"
	background consume --group g --retries 9 --backoff 300ms..300ms --workers 2 \
		--exec-lines 'echo x >>started; exit 1' "$a"
	wait_until 10 file_has started 8
	before=$(date +%s%N)
	wait_until 10 file_has started 16
	# Two programs, each not more often than every 300 ms.
	(($(date +%s%N) - before > 350000000)) || fail "too fast"
	kill -TERM "$pid"
	wait_for_end "$pid" 10
	is "$status" 143
	is "$(committed)" "[0]"
}

@test "--exec-lines: a long WHY: its beginning is in the letter, and the rest of the letter is right" {
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --dead-letter "$d" \
		--exec-lines 'while read -r n; do printf "reject begun"; head -c 40000 /dev/zero | tr "\0" x; echo; done' "$a"
	expect_status 0
	is "$("$MQTK" dlq show -q -J "$d" | jq -c '[.origin_stream,.origin_offset,.attempts,.error[:6],(.error | length)]')" \
		'["t",0,1,"begunx",2000]'
}

@test "--exec-lines: it answers after --exec-timeout and ends: no other message is to blame" {
	seq 9 | "$MQTK" produce -q "$a"
	mq_within 30 consume -e --group g --retries 0 --exec-timeout 1s --dead-letter "$d" \
		--exec-lines 'trap "stop=1" TERM; while read -r n; do
			if [ "$n" = 1 ]; then until [ "$stop" ]; do sleep 0.05; done; fi
			echo ok; [ -z "$stop" ] || exit 0; done' "$a"
	expect_status 0
	has "$err" "9 of 9 messages handled, 0 attempts repeated, 0 dead"
}

@test "a program that has joined another process group is ended all the same" {
	seq 1 | "$MQTK" produce -q "$a"
	cat >away.py <<'PYTHON'
import os, time
os.setpgid(0, os.getpgid(os.getppid()))
print("x", file=open("begun", "w"))
time.sleep(1000)
PYTHON
	mq_within 30 consume -e --group g --retries 0 --exec-timeout 4s --dead-letter "$d" \
		--exec "$(marked "exec '$root/scripts/python.sh' --with os away.py")" "$a"
	expect_status 0
	file_has begun 1
	is "$(letters)" "1 timeout 1"
	nothing_runs
	rm begun
	seq 1 | "$MQTK" produce -q "$a"
	background consume --group g --grace 0 --exec "$(marked "exec '$root/scripts/python.sh' --with os away.py")" "$a"
	wait_until 10 file_has begun 1
	kill -TERM "$pid"
	wait_for_end "$pid" 10
	is "$status" 143
	nothing_runs
}

@test "--exec-lines: replies stand behind ok" {
	printf 'a\nb\nc\n' | "$MQTK" produce -q --correlation-id c7 --reply-to answers "$a"
	mq consume -e --group g --reply --exec-lines 'while read -r l; do [ $l = b ] && echo ok || echo "ok <$l> "; done' "$a"
	expect_status 0
	is "$("$MQTK" consume -q -e -J sqlite:s.db/answers | jq -c '[.payload,.correlation_id]')" \
		'["<a> ","c7"]
["","c7"]
["<c> ","c7"]'
}

@test "--reply: to where each message says, or to one address; nowhere is no failure" {
	seq 2 | "$MQTK" produce -q --message-id m1 --reply-to answers "$a"
	seq 3 4 | "$MQTK" produce -q -k key "$a"
	mq consume -e --group g --reply --exec 'read -r n; printf "got %s" "$n"' "$a"
	expect_status 0
	has "$err" "names no reply-to"
	has "$err" "4 of 4 messages handled (2 without a reply)"
	is "$("$MQTK" consume -q -e -J sqlite:s.db/answers | jq -c '[.payload,.correlation_id]')" \
		'["got 1","m1"]
["got 2","m1"]'
	"$MQTK" group reset -q --execute --to beginning "$a" g
	mq consume -e --group g --reply=sqlite:r.db/r -X dst.synchronous=normal --exec 'cat >&2' "$a"
	expect_status 0
	is "$("$MQTK" consume -q -e -J sqlite:r.db/r | jq -c '[.key,.payload,.correlation_id]')" \
		'[null,"","m1"]
[null,"","m1"]
["key","",null]
["key","",null]'
	refuses_hint "there is none" consume --group g --exec true -X dst.synchronous=normal "$a"
	mq consume --group g --exec-batch cat --reply "$a"
	expect_status 2
	refuses_hint "--exec-json" consume --group g --exec cat -J "$a"
}

@test "nobody reads what the programs print: a quiet end, and nothing more is settled" {
	seq 1000 | "$MQTK" produce -q "$a"
	mkfifo pipe
	timeout 20 "$MQTK" consume -e --group g --retries 3 --dead-letter "$d" --exec "cat; echo" "$a" >pipe 2>err &
	pid=$!
	head -1 pipe >first
	wait_for_end "$pid" 20
	is "$status" 0
	is "$(cat first)" 1
	(($(committed | tr -d '[]') < 1000))
	mq ls sqlite:s.db/
	[[ $out != *dead* ]] || is "$(letters)" ""
}

@test "whoever reads our standard error may be slow: programs wait for it, we do not" {
	seq 5 | "$MQTK" produce -q "$a"
	mkfifo pipe
	exec 5<>pipe
	# Not through timeout, which would hand on a signal twice.
	background consume -q --group g --exec-timeout 20s --exec 'head -c 1000000 /dev/zero >&2' "$a" 2>pipe 5>&-
	wait_until 10 pipe_is_full 5
	# A signal is heard although the pipe is full.
	kill -TERM "$pid"
	cat <&5 >/dev/null &
	cat=$!
	wait_for_end "$pid" 10
	kill "$cat"
	is "$status" 143
	is "$(committed)" "[1]"
}

@test "standard input of ours is nobody's" {
	seq 3 | "$MQTK" produce -q "$a"
	printf 'mine\n' | {
		"$MQTK" consume -q -e --group g --exec 'cat >/dev/null' "$a"
		cat
	} >rest
	is "$(cat rest)" mine
}

@test "-c, --idle-timeout, several streams, -q; what belongs to printing or to nothing is refused" {
	seq 5 | "$MQTK" produce -q "$a"
	seq 6 9 | "$MQTK" produce -q sqlite:s.db/u
	mq consume -c 3 --group g --exec 'read -r n; echo "$n"' "$a"
	expect_status 0
	is "$out" $'1\n2\n3'
	has "$err" "3 of 3 messages handled, 0 attempts repeated, 0 dead"
	mq_within 20 consume -q --idle-timeout 300ms --group g --workers 2 --exec 'read -r n; echo "$MQTK_STREAM $n"' "$a" sqlite:s.db/u
	expect_status 0
	is "$(sort out)" "$(printf '%s\n' 't 4' 't 5' 'u 6' 'u 7' 'u 8' 'u 9')"
	is "$err" ""
	refuses_hint "--group NAME" consume --exec cat "$a"
	refuses_hint "belong to --exec" consume --group g --reply "$a"
	refuses_hint "belong to --exec" consume --group g --exec-timeout 1s "$a"
	refuses_hint "-f and -J" consume --group g --exec cat -f '%s' "$a"
}

@test "everything backs off: memory has a limit, and others are still worked on" {
	head -c 8000000 /dev/zero | tr '\0' x >big
	for _ in $(seq 40); do "$MQTK" produce -q -k bad "$a" big; done
	[ "$(peak "$MQTK" --version | tail -1)" -lt 200000 ] || skip "a sanitizer's memory is not ours"
	background consume --group g --workers 2 --backoff 1m --exec 'echo x >>tried; exit 1' "$a"
	wait_until 20 file_has tried 2
	wait_until 20 is_quiet "$pid"
	# 64 MiB of bodies and one more batch.
	(($(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status") < 300000)) ||
		fail "$(grep VmHWM "/proc/$pid/status")"
	kill -TERM "$pid"
	wait_for_end "$pid" 10
	is "$(committed)" "[0]"
	seq 500 | sed 's/.*/bad:&/' | "$MQTK" produce -q -K: sqlite:s.db/u
	seq 5 | sed 's/.*/good&:good&/' | "$MQTK" produce -q -K: sqlite:s.db/u
	background consume --group g --backoff 1m --exec 'read -r b; case $b in good*) echo "$b" >>good ;; *) exit 1 ;; esac' sqlite:s.db/u
	wait_until 20 file_has good 30
	kill -TERM "$pid"
	wait_for_end "$pid" 10
}

# It has nothing to do: its time does not go on.
is_quiet() {
	local before
	before=$(awk '{ print $14 + $15 }' "/proc/$1/stat")
	sleep 0.3
	[ $(($(awk '{ print $14 + $15 }' "/proc/$1/stat") - before)) -le 3 ]
}

@test "--exec-lines: when one message ends the run, what the others answer still counts" {
	seq 40 | "$MQTK" produce -q "$a"
	local begin=$SECONDS
	mq consume --group g --workers 4 --order none --grace 20s --exec-lines 'while read -r n; do
		[ "$n" != 3 ] || { echo reject; continue; }
		sleep 0.05; echo "$n" >>done; echo ok; done' -e "$a"
	expect_status 3
	[ $((SECONDS - begin)) -lt 15 ] || fail "it took $((SECONDS - begin)) s"
	has_not "$err" "--grace"
	is "$(sort -n "done" | head -2 | xargs)" "1 2"
	is "$(committed)" "[2]"
}

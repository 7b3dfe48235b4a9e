#!/usr/bin/env bats
# consume --exec, --exec-lines and --exec-batch on the local store: what programs are given, what
# becomes of messages, and programs that behave badly.
# shellcheck disable=SC2154 # set in the helpers
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

# work ARG…: as a member of g until the end.
work() {
	mq consume -e --group g --backoff 1ms..5ms "$@" "$a"
}

@test "each message goes through a program, in order, with all that is known of it" {
	printf 'k%s:v%s\n' 1 1 2 2 | "$MQTK" produce -q -K: -H 'x-Trace=a b' --ts 1700000000000 \
		--correlation-id c1 "$a"
	work --exec 'read -r body
		echo "$body $MQTK_STREAM $MQTK_PARTITION $MQTK_OFFSET $MQTK_KEY $MQTK_TIMESTAMP"
		echo "$MQTK_HEADER_X_TRACE $MQTK_HEADERS $MQTK_CORRELATION_ID $MQTK_GROUP $MQTK_ATTEMPT"'
	expect_status 0
	is "$out" "$(
		for n in 1 2; do
			echo "v$n t 0 $((n - 1)) k$n 1700000000000"
			echo "a b [[\"x-Trace\",\"a b\"]] c1 g 1"
		done
	)"
	is "$(committed)" "[2]"
	work --exec 'echo again'
	is "$out" ""
}

@test "bytes of any kind reach the program, and with --exec-json the whole message" {
	head -c 300000 /dev/urandom >body
	"$MQTK" produce -q "$a" body
	work --exec 'cat >got'
	expect_status 0
	cmp body got
	printf '{"key":"k","payload":"a\\nb","headers":[["h",null]]}\n' | "$MQTK" produce -q -J "$a"
	work --exec-json --exec cat
	expect_status 0
	is "$(jq -c '[.key,.payload,.headers]' out)" '["k","a\nb",[["h",null]]]'
}

@test "what fails is tried again, then put aside with its story; the others go on" {
	seq 10 | "$MQTK" produce -q "$a"
	work --retries 2 --dead-letter "$d" --exec '
		read -r n
		echo "$n" >>seen
		[ "$n" -ne 4 ] || { echo "four is bad" >&2; exit 7; }'
	expect_status 0
	is "$(grep -c 4 seen)" 3
	is "$(sort -nu seen)" "$(seq 10)"
	is "$(letters)" "4 exit 3"
	is "$(committed)" "[10]"
	"$MQTK" dlq show -q -J "$d" >letter
	is "$(jq -c '[.origin_stream,.origin_partition,.origin_offset,.exception,.error,.group,.dialect]' letter)" \
		'["t",0,3,"exit 7","four is bad\n","g","mqtk"]'
	work --retries 0 --dead-letter "$d" --fail-on-dead-letter --exec 'exit 1'
	expect_status 0
	seq 1 | "$MQTK" produce -q "$a"
	work --retries 0 --dead-letter "$d" --fail-on-dead-letter --exec 'exit 1'
	expect_status 3
}

@test "--backoff 0..MAX: at once at first, and then longer and longer" {
	seq 1 | "$MQTK" produce -q "$a"
	background consume --group g --retries 1000 --backoff 0..1h --exec 'echo x >>begun; exit 1' "$a"
	wait_until 10 file_has begun 6
	# Without growing thousands would have begun until then.
	wait_until 10 file_has begun 10
	kill -TERM "$pid"
	wait_for_end "$pid" 10
	(($(wc -l <begun) < 20)) || fail "$(wc -l <begun) attempts"
}

@test "without a place for dead letters the run ends there, and nothing behind it is settled" {
	seq 10 | "$MQTK" produce -q "$a"
	work --retries 1 --exec 'read -r n; [ "$n" -ne 4 ]'
	expect_status 3
	has "$err" "t[0] at 3 failed 2 times: exit"
	has "$err" "--dead-letter"
	is "$(committed)" "[3]"
	work --exec 'read -r n; echo "$n"'
	is "$out" "$(seq 4 10)"
}

@test "dead letters that are refused leave the message where it was" {
	seq 3 | "$MQTK" produce -q "$a"
	: >file
	mq consume -e --group g --retries 0 --exec false --dead-letter sqlite:file/s.db/d "$a"
	[ "$status" -ne 0 ]
	work --exec 'read -r n; echo "$n"'
	is "$out" "$(seq 3)"
}

@test "programs that are not there, die, hang, do not read or say too much" {
	seq 1 | "$MQTK" produce -q "$a"
	work --retries 0 --dead-letter "$d" --exec nonesuch-program
	expect_status 0
	has "$("$MQTK" dlq show -q "$d")" "exit 127"
	seq 1 | "$MQTK" produce -q "$a"
	work --retries 0 --dead-letter "$d" --exec 'kill -9 $$'
	has "$("$MQTK" dlq show -q --reason signal "$d")" "signal 9"
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --retries 0 --exec-timeout 200ms --dead-letter "$d" \
		--exec 'sleep 1000 & sleep 1000' "$a"
	expect_status 0
	has "$("$MQTK" dlq show -q --reason timeout "$d")" "timeout, 1 attempt"
	head -c 3000000 /dev/zero | tr '\0' x | "$MQTK" produce -q "$a"
	work --exec 'exec <&-; exit 0'
	expect_status 0
	seq 1 | "$MQTK" produce -q "$a"
	work --exec 'head -c 100000000 /dev/zero; head -c 1000000 /dev/zero >&2' 2>/dev/null
	expect_status 0
	is "$(stat -c %s out)" 100000000
	# What it left behind is not waited for.
	seq 1 | "$MQTK" produce -q "$a"
	mq_within 20 consume -e --group g --exec '(sleep 1000 >&2) & exit 0' "$a"
	expect_status 0
}

@test "many workers: order by key holds, also while one key waits; all is done once" {
	seed=$RANDOM
	echo "seed $seed"
	awk -v seed="$seed" 'BEGIN { srand(seed); for (i = 0; i < 400; i++) {
		k = int(rand() * 20); printf "k%d:%d %d\n", k, k, n[k]++ } }' >in
	"$MQTK" produce -q -K: "$a" <in
	work --workers 8 --retries 3 --exec '
		read -r key n
		# The first attempt of every tenth fails.
		[ "$MQTK_ATTEMPT" -gt 1 ] || [ $((MQTK_OFFSET % 10)) -ne 0 ] || exit 1
		echo "$key $n" >>seen'
	expect_status 0
	is "$(sort seen)" "$(cut -d: -f2 in | sort)"
	for key in $(seq 0 19); do
		is "$(grep "^$key " seen)" "$(cut -d: -f2 in | grep "^$key ")"
	done
	is "$(committed)" "[400]"
}

@test "--exec-lines: ok, retry and reject; it may read ahead; what it does not answer comes again" {
	seq 100 | "$MQTK" produce -q "$a"
	work --retries 1 --dead-letter "$d" --workers 2 --exec-lines '
		while read -r n; do
			echo "$n" >>seen
			case $n in
			7) echo retry later ;;
			13) echo reject unlucky ;;
			*) echo ok ;;
			esac
		done'
	expect_status 0
	is "$(sort -n seen | uniq -c | awk '$1 > 1 { print $2 }')" 7
	is "$(letters | sort -n)" $'7 retry 2\n13 reject 1'
	is "$(committed)" "[100]"
	# One that dies in the middle is started again.
	seq 100 | "$MQTK" produce -q "$a"
	work --retries 5 --exec-lines 'for i in 1 2 3 4 5 6 7; do read -r n || exit; echo "$n" >>twice; echo ok; done'
	expect_status 0
	is "$(sort -nu twice)" "$(seq 100)"
	is "$(committed)" "[200]"
}

@test "--exec-lines: answers that are none end the run; several lines in a body are no line" {
	seq 3 | "$MQTK" produce -q "$a"
	work --exec-lines 'while read -r n; do echo fine; done'
	expect_status 7
	has "$err" "'fine' is no answer"
	is "$(committed)" "[0]"
	work --exec-lines 'while read -r n; do echo ok; done'
	expect_status 0
	printf '{"payload":"a\\nb"}\n' | "$MQTK" produce -q -J "$a"
	work --dead-letter "$d" --exec-lines 'while read -r n; do echo ok; done'
	expect_status 0
	has "$("$MQTK" dlq show -q "$d")" "several lines"
}

@test "--exec-batch: several at once; when they fail, each by itself" {
	seq 100 | "$MQTK" produce -q "$a"
	work --batch 30 --exec-batch 'wc -l'
	expect_status 0
	is "$(awk '{ n += $1 } END { print n }' out)" 100
	(($(wc -l <out) < 100))
	seq 100 | "$MQTK" produce -q "$a"
	work --batch 30 --retries 0 --dead-letter "$d" --exec-batch '! grep -qx 42'
	expect_status 0
	is "$(letters)" "42 exit 1"
	is "$(committed)" "[200]"
}

@test "a signal: nothing new begins, what runs may finish, and is settled; 143" {
	seq 10 | "$MQTK" produce -q "$a"
	background consume --group g --exec 'read -r n; echo "$n" >>begun; until [ -e go ]; do :; done; echo "$n" >>finished' "$a"
	wait_until 10 test -s begun
	kill -TERM "$pid"
	touch go
	status=0
	wait "$pid" || status=$?
	is "$status" 143
	is "$(cat begun)" 1
	is "$(cat finished)" 1
	is "$(committed)" "[1]"
}

@test "--grace: a program that goes on is ended, and its message comes again" {
	seq 2 | "$MQTK" produce -q "$a"
	background consume --group g --grace 300ms --exec 'echo x >>begun; sleep 1000' "$a"
	wait_until 10 test -s begun
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	is "$status" 130
	work --exec 'read -r n; echo "$n"'
	is "$out" $'1\n2'
}

@test "command lines that make no sense" {
	refuses 'mqtk consume: --exec needs --group NAME or, for queues, --ack: what a command has done is settled' \
		consume --exec true "$a"
	refuses 'mqtk consume: --exec: there is no command' consume --group g --exec '' "$a"
	mq consume --group g --exec true --exec-lines cat "$a"
	expect_status 2
	mq consume --group g --workers 3 "$a"
	expect_status 2
	mq consume --group g --exec true --backoff 5s..1s "$a"
	expect_status 2
	for option in "--retries 1" "--backoff 1s" "--grace 1s" "--batch 5"; do
		read -ra words <<<"$option"
		mq consume -e "${words[@]}" "$a"
		expect_status 2
		has "$err" "belong to --exec"
	done
	"$MQTK" create -q "$a"
	"$MQTK" create -q "$a-too"
	mq consume --group g --exec false --retries 0 --dead-letter "$a" "$a-too" "$a"
	expect_status 2
	has "$err" "is where the messages come from"
	mq_within 10 consume --group g --exec cat --reply="$a" "$a"
	expect_status 2
	has "$err" "--reply: $a is where the messages come from"
}

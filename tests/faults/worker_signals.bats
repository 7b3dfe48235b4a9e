#!/usr/bin/env bats
# consume --exec and signals: what is settled, what comes again, and that nothing is left running,
# however the worker ends. Killed at random moments, nothing is lost.
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

# A program that begins and then goes on for ever, whatever it is told.
deaf=$'trap "" TERM INT; echo x >>begun; while :; do sleep 0.1; done'

@test "a signal: several programs finish within --grace, what they did is settled" {
	seq 20 | "$MQTK" produce -q "$a"
	background consume --group g --workers 4 --exec 'read -r n; echo "$n" >>begun; until [ -e go ]; do :; done; echo "$n" >>finished' "$a" 2>err
	wait_until 10 file_has begun 8
	kill -INT "$pid"
	touch go
	wait_for_end "$pid" 10
	is "$status" 130
	is "$(sort -n finished)" "$(seq 4)"
	is "$(committed)" "[4]"
	has "$(cat err)" "stopped by a signal: 4 of 20 messages handled"
}

@test "a signal that a program dies of, too: its message is not to blame" {
	seq 3 | "$MQTK" produce -q "$a"
	# We see both at once: as when Ctrl-C comes before the program leads its own process group.
	background consume --group g --retries 0 --dead-letter "$d" --exec '
		kill -STOP "$PPID"
		kill -TERM "$PPID"
		setsid sh -c "until grep -q State:.Z /proc/$$/status; do :; done; kill -CONT $PPID" </dev/null >/dev/null 2>&1 &
		until [ "$(cut -d" " -f6 /proc/$!/stat)" = $! ]; do :; done
		kill -TERM $$' "$a" 2>err
	wait_for_end "$pid" 10
	is "$status" 143
	has "$(cat err)" "0 attempts repeated, 0 dead"
	is "$(committed)" "[0]"
}

@test "a signal while messages wait for their next attempt: nobody waits for that" {
	seq 3 | "$MQTK" produce -q "$a"
	background consume --group g --workers 3 --backoff 1m --exec 'echo x >>begun; exit 1' "$a"
	wait_until 10 file_has begun 6
	kill -TERM "$pid"
	wait_for_end "$pid" 10
	is "$status" 143
	is "$(committed)" "[0]"
}

@test "when --grace is over programs get SIGTERM, then SIGKILL, with all that they started" {
	seq 2 | "$MQTK" produce -q "$a"
	background consume --group g --workers 2 --grace 200ms --exec "$(marked 'trap "echo x >>asked; exit" TERM
		read -r n; echo x >>begun; sleep 1000 & if [ "$n" = 1 ]; then trap "" TERM; fi; while :; do sleep 0.1; done')" "$a"
	wait_until 10 file_has begun 4
	kill -TERM "$pid"
	wait_for_end "$pid" 10
	is "$status" 143
	is "$(cat asked)" x
	is "$(committed)" "[0]"
	nothing_runs
}

@test "a second signal ends at once; so does kill -9; no program outlives it" {
	local signal
	seq 3 | "$MQTK" produce -q "$a"
	for signal in INT KILL; do
		rm -f begun
		background consume --group g --workers 3 --exec "$(marked "sleep 1000 & $deaf")" "$a"
		wait_until 10 file_has begun 6
		if [ $signal = INT ]; then
			# One that is handed on right after the first is no second one.
			kill -INT "$pid"
			wait_until 5 not_settling
			kill -INT "$pid"
			wait_until 5 not_settling
			! ended "$pid" || fail "ended by a signal that came twice"
			wait_until 5 ends_by_another
		else
			kill -KILL "$pid"
		fi
		wait_for_end "$pid" 5
		((status > 128))
		nothing_runs
	done
	is "$(committed)" "[0]"
}

# The first of two signals has been heard: it is not pending any more.
not_settling() {
	! grep -qE '^(SigPnd|ShdPnd):.*[1-9a-f]' "/proc/$pid/status"
}

ends_by_another() {
	kill -INT "$pid" 2>/dev/null || :
	ended "$pid"
}

@test "with --exec-lines and --exec-batch as well" {
	local kind
	seq 3 | "$MQTK" produce -q "$a"
	for kind in lines batch; do
		rm -f begun
		background consume --group g --grace 100ms "--exec-$kind" "$(marked "$deaf")" "$a"
		wait_until 10 file_has begun 2
		kill -TERM "$pid"
		wait_for_end "$pid" 10
		is "$status" 143
		nothing_runs
		rm -f begun
		background consume --group g "--exec-$kind" "$(marked "$deaf")" "$a"
		wait_until 10 file_has begun 2
		kill -KILL "$pid"
		wait_for_end "$pid" 10
		nothing_runs
	done
	is "$(committed)" "[0]"
}

@test "a program leads a process group of its own; nohup is meant for it, too" {
	seq 1 | "$MQTK" produce -q "$a"
	mq consume -e --group g --exec 'read -r _ _ _ _ group _ <"/proc/$$/stat"; [ "$group" = $$ ]' "$a"
	expect_status 0
	seq 1 | "$MQTK" produce -q "$a"
	# Whatever these tests were started with, as by nohup.
	run env --default-signal=HUP "$MQTK" consume -q -e --group g --exec 'grep SigIgn /proc/self/status' "$a"
	is "${output: -7}" 0000000 # of the real-time ones we know nothing
	seq 1 | "$MQTK" produce -q "$a"
	nohup "$MQTK" consume -e --group g --exec 'kill -HUP $$; kill -HUP $PPID; grep SigIgn /proc/self/status' "$a" >ignored 2>&1 </dev/null
	has "$(cat ignored)" 0000001
	is "$(committed)" "[3]"
}

@test "Ctrl-C at a terminal is heard by us, and not by the programs" {
	seq 1 | "$MQTK" produce -q "$a"
	"$root/scripts/python.sh" --with termios "$root/tests/lib/terminal.py" \
		run 'until [ -s begun ]; do sleep 0.01; done' send '\x03' expect '^C' run 'touch go' \
		expect 'stopped by a signal: 1 of 1 message handled' status 130 \
		-- "$MQTK" consume --group g --exec 'echo x >begun; until [ -e go ]; do sleep 0.01; done; echo x >finished' "$a" >&2
	is "$(cat finished)" x
	is "$(committed)" "[1]"
}

@test "on a terminal a line tells how far it is, and makes room for what programs say" {
	seq 3 | "$MQTK" produce -q "$a"
	"$root/scripts/python.sh" --with termios "$root/tests/lib/terminal.py" \
		expect '1 messages handled, 2 at work, 0 dead' run 'touch two' expect 'two is odd' \
		expect '2 messages handled, 1 at work, 0 dead' lacks 'dead, 0/stwo' run 'touch three' \
		expect '3 of 3 messages handled' lacks 'at work' status 0 \
		-- sh -c '"$0" "$@" >out' "$MQTK" consume -e --group g --exec 'read -r n
			[ "$n" -eq 1 ] || until [ -e two ]; do sleep 0.01; done
			[ "$n" -ne 2 ] || echo two is odd >&2
			[ "$n" -le 2 ] || until [ -e three ]; do sleep 0.01; done' "$a" >&2
}

# killed_often ADDR: 50 workers are killed at random moments; one more goes on to the end. What was
# handled and what is in the dead letters is everything, and nothing is left to do.
killed_often() {
	local kind limit
	RANDOM=${SEED:-$$}
	echo "SEED=${SEED:-$$}"
	local -a each lines
	each=(--exec 'read -r n; case $n in *7) exit 1 ;; esac; echo "$n" >>handled')
	lines=(--exec-lines 'while read -r n; do sleep 0.002; case $n in *7) echo reject seven ;; *) echo "$n" >>handled; echo ok ;; esac; done')
	seq 1500 | sed 's/.*/k&:&/; s/^k.*\(.\):/k\1:/' | "$MQTK" produce -q -K: --create "$1"
	for _ in $(seq 50); do
		kind=("${each[@]}")
		((RANDOM % 2)) || kind=("${lines[@]}")
		limit=0.$(printf '%03d' $((20 + RANDOM % 250)))
		timeout -s KILL "$limit" "$MQTK" consume -q --group g "${member[@]}" --retries 0 --dead-letter "$d" \
			--commit-interval 10ms --workers $((1 + RANDOM % 4)) "${kind[@]}" "$1" 2>>err || :
	done
	timeout 60 "$MQTK" consume -q -e --group g "${member[@]}" --retries 0 --dead-letter "$d" --workers 4 \
		"${lines[@]/sleep 0.002;/}" "$1" || fail "status $?" "$(tail -3 err)"
	sort -nu handled >union
	letters | cut -d' ' -f1 | sort -nu >dead
	diff <(seq 1500 | grep -v '7$') union || fail "not complete: handled"
	diff <(seq 1500 | grep '7$') dead || fail "not complete: dead letters"
	# It went on from where it was killed: not everything was done fifty times.
	echo "done $(wc -l <handled) times"
	(($(wc -l <handled) < 5 * 1350))
	mq consume -e --group g "${member[@]}" --exec 'echo again' "$1"
	is "$out" ""
}

@test "killed 50 times at random moments: handled and dead letters are complete (local)" {
	member=()
	killed_often "$a"
}

@test "killed 50 times at random moments: handled and dead letters are complete (Redis)" {
	requires_redis
	# A member gets again what it held when it died.
	member=(--consumer w)
	d=redis://$REDIS/$(unique dead)
	"$MQTK" create -q "$d"
	killed_often "redis://$REDIS/$(unique killed)"
}

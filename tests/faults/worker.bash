# shellcheck shell=bash
# shellcheck disable=SC2154 # set in the helpers and by the tests: a, d
# What the tests of the worker share: $a is what is read, by group g; $d has the dead letters.

# letters: what is in the dead letters, each as "payload reason attempts".
letters() {
	"$MQTK" dlq show -q -J "$d" | jq -r '[.message.payload, .reason, .attempts] | join(" ")'
}

committed() {
	"$MQTK" group show -J "$a" g | jq -c '[.places[].committed]'
}

# marked PROGRAM: the same, but nothing_runs knows it and all that it starts.
marked() {
	echo "export WORKER_MARK=$BATS_TEST_TMPDIR; $1"
}

marked_runs() {
	grep -lzsxF "WORKER_MARK=$BATS_TEST_TMPDIR" /proc/[0-9]*/environ >running
}

not_marked() {
	! marked_runs
}

# nothing_runs: of the marked programs, and no guard of ours. What was killed may take a moment.
nothing_runs() {
	wait_until 5 not_marked || fail "still there:" "$(cat running)"
}

# refuses_hint TEXT ARG…: a usage error that has TEXT.
refuses_hint() {
	local text=$1
	shift
	mq "$@"
	expect_status 2
	has "$err" "$text"
}

# pipe_is_full FD: nothing more goes into it.
pipe_is_full() {
	"$root/scripts/python.sh" -c 'import select, sys
sys.exit(bool(select.select([], [int(sys.argv[1])], [], 0)[1]))' "$1"
}

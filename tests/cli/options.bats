#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables are set by tests/lib/helpers.bash
# The command line as a whole: wrong ones are exit 2 with one line that says what was expected.

load ../lib/helpers
load saying

@test "unknown commands" {
	refuses "mqtk: unknown command 'consum'; did you mean 'consume'?" consum
	refuses "mqtk: unknown command 'tial'; did you mean 'tail'?" tial -J
	refuses "mqtk: unknown command 'xyzzy'" xyzzy
	has "$err" "mqtk help lists the commands"
	refuses "mqtk: unknown command ''" ""
	refuses "mqtk: expected a command before -J" -J consume
}

@test "unknown options" {
	refuses "mqtk consume: unknown option --tempate; did you mean --template?" consume --tempate x local/a
	refuses "mqtk consume: unknown option --xyzzy" consume --xyzzy local/a
	has "$err" "mqtk consume --help lists the options"
	refuses "mqtk consume: unknown option -j in -json; did you mean --json?" consume -json local/a
}

@test "missing, superfluous and bad values" {
	refuses "mqtk consume: --count needs a value: --count N" consume local/a --count
	refuses "mqtk consume: --json takes no value, but has 'yes'" consume --json=yes local/a
	refuses "mqtk consume: --color: 'pink' is unknown, expected one of: auto, always, never" \
		consume --color pink local/a
	for bad in x 1x "" " 1" 0x10 1e3 99999999999999999999; do
		mq consume -c "$bad" local/a
		expect_status 2
		is "$out" ""
		has "$err" "mqtk consume: -c: "
		has "$err" "'$bad'"
	done
	for bad in 5 x -1s 1y ""; do
		mq consume "--timeout=$bad" local/a
		expect_status 2
		has "$err" "mqtk consume: --timeout: "
	done
}

@test "options that exclude each other, both ways" {
	refuses "mqtk consume: -q and -v exclude each other: give one of them" consume -q -v local/a
	refuses "mqtk consume: -q and -v exclude each other: give one of them" consume -v -q local/a
	refuses "mqtk consume: -f and -J exclude each other: give one of them" consume -f x -J local/a
	refuses "mqtk consume: -f and -J exclude each other: give one of them" consume -J -f x local/a
}

@test "-X wants NAME=VALUE" {
	refuses "mqtk consume: -X: 'x' is no setting, expected NAME=VALUE" consume -X x local/a
	refuses "mqtk consume: -X: '=…' has no name, expected NAME=VALUE" consume -X =x local/a
}

@test "control characters of a name do not reach the terminal" {
	mq $'con\033[31m'
	expect_status 2
	has_not "$err" $'\033'
}

@test "colours only where they are wanted" {
	mq consume --color never --nope local/a
	has_not "$err" $'\033'
	mq consume --color=always --nope local/a
	has "$err" $'\033[31mmqtk consume:\033[0m unknown option --nope'
}

@test "passwords do not stand in the list of processes" {
	# What others see of its command line is the message.
	key='kafka://me:hidden-one@h/t?a=b&sasl.password=hidden-two&c=d'
	mq produce --create -k "$key" -H my.password=hidden-three sqlite:s.db/t \
		/proc/self/cmdline
	is "$err" ""
	expect_status 0
	mq consume -e -f '%s' sqlite:s.db/t
	has_not "$out" hidden
	has "$out" 'kafka://me:**********@h/t?a=b&sasl.password=**********&c=d'
	mq consume -e -f '%k %h' sqlite:s.db/t
	is "$out" "$key my.password=hidden-three"
}

@test "called through a link named kcat it takes kcat's command line" {
	ln -s "$MQTK" kcat
	status=0
	./kcat -h >out 2>&1 || status=$?
	[ "$status" -lt 128 ]
	mq kcat -h
	is "$(cat out)" "$out${err:+$err}"
	has_not "$(cat out)" "unknown command"
}

@test "a command that a signal ends exits with 128 and its number" {
	echo one | "$MQTK" produce -q sqlite:s.db/t
	for signal in TERM HUP; do
		rm -f "$BATS_TEST_TMPDIR/out" # or the first round's would be waited for
		env --default-signal=HUP "$MQTK" consume sqlite:s.db/t >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
		wait_until 10 grep -q one "$BATS_TEST_TMPDIR/out"
		kill -s "$signal" $!
		status=0
		wait $! || status=$?
		mq_result
		expect_signal "$(kill -l "$signal")"
		is "$out" one
	done
}

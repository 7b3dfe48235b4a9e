# What all bats files share: running mqtk with its outputs apart, and saying what was expected.
#
#   setup() { load helpers; use_scratch; }
#   run_mqtk consume -e local/a
#   [ "$status" = 0 ]; is "$out" "text"; has "$err" "words"

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
MQTK=${MQTK:-$root/mqtk}

# Nothing of the user's configuration reaches a test, and nothing of a test reaches the user.
use_scratch() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export HOME=$BATS_TEST_TMPDIR/home
	mkdir -p "$HOME"
	unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME NO_COLOR
	unset "${!MQTK_@}"
}

# Runs mqtk; the result is in $status, $out and $err. A crash fails the test, whatever the test
# expected, unless expect_signal=N says that it is ended by that signal.
run_mqtk() {
	status=0
	"$MQTK" "$@" >"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" || status=$?
	out=$(cat "$BATS_TEST_TMPDIR/.out")
	err=$(cat "$BATS_TEST_TMPDIR/.err")
	if [ "$status" -gt 128 ] && [ "${expect_signal:-}" != $((status - 128)) ]; then
		echo "mqtk $* ended by signal $((status - 128)): $err" >&2
		return 1
	fi
	if [[ $err == *AddressSanitizer* || $err == *"runtime error"* || $err == *LeakSanitizer* ]]; then
		echo "mqtk $*: $err" >&2
		return 1
	fi
}

# is ACTUAL EXPECTED
is() {
	if [ "$1" != "$2" ]; then
		printf 'expected: %s\n     got: %s\n' "$2" "$1" >&2
		return 1
	fi
}

# has TEXT PART
has() {
	if [[ $1 != *"$2"* ]]; then
		printf 'expected: …%s…\n      in: %s\n' "$2" "$1" >&2
		return 1
	fi
}

# has_not TEXT PART
has_not() {
	if [[ $1 == *"$2"* ]]; then
		printf 'not expected: …%s…\n          in: %s\n' "$2" "$1" >&2
		return 1
	fi
}

# refuses MESSAGE ARG…: exit 2, nothing on stdout, and the first line on stderr is the message.
refuses() {
	local message=$1
	shift
	run_mqtk "$@" || return 1
	is "$status" 2 && is "$out" "" && is "${err%%$'\n'*}" "$message"
}

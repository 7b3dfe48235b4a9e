# shellcheck shell=bash disable=SC2154 # the variables are set by tests/lib/helpers.bash
# What tests of words say: behind `load ../lib/helpers`, `load saying`.

# is ACTUAL EXPECTED
is() {
	[ "$1" = "$2" ] || fail "expected: $2" "     got: $1"
}

# has TEXT PART
has() {
	[[ $1 == *"$2"* ]] || fail "expected: …$2…" "      in: $1"
}

# has_not TEXT PART
has_not() {
	[[ $1 != *"$2"* ]] || fail "not expected: …$2…" "          in: $1"
}

# refuses MESSAGE ARG…: exit 2, nothing on stdout, and the first line on stderr is the message.
refuses() {
	local message=$1
	shift
	mq "$@" && expect_status 2 && is "$out" "" && is "${err%%$'\n'*}" "$message"
}

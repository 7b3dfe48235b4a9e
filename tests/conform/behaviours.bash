# What the lists of behaviours (*.list) share: a variety before each test, and words for tests.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the tests; the address $a is theirs

load varieties

setup_file() { variety_start; }
teardown_file() { variety_stop; }
setup() { variety_setup; }

# lines N: numbered records with keys, k:v.
lines() { seq 1 "$1" | sed 's/.*/k&:v&/'; }

# timed FIRST LAST: -J lines mN at N ms after a fixed moment, each with a key of its own.
timed() { seq "$1" "$2" | awk '{printf "{\"payload\":\"m%d\",\"ts\":%.0f,\"key\":\"k%d\"}\n", $1, 1700000000000 + $1, $1}'; }

# What of a message is about where it stands and how it came, and not the message itself.
placing='.stream,.offset,.id,.partition,.redelivered,.delivery_count,.exchange'

# reads ARGS… -- what is printed from $a, on one line
reads() {
	local args=()
	while [ "$1" != -- ]; do args+=("$1"); shift; done
	shift
	mq consume -e "${args[@]}" "$a"
	expect_status 0
	[ "$(paste -sd' ' "$OUT")" = "$*" ] || fail "${args[*]}: $(paste -sd' ' "$OUT")"
}

# depth_is N: the stream $a says that it holds so many.
depth_is() { "$MQTK" info -q -J "$a" 2>&1 | jq -e --argjson n "$1" '.messages==$n' >/dev/null 2>&1; }

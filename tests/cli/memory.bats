#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables are set by tests/lib/helpers.bash
# Allocations that fail, one run for each: a clean error and exit 70, no leak, and no record that
# was confirmed but is not there. MQTK_TEST_STRIDE=1 makes every single one fail; by default it is
# one in so many, from a place that MQTK_TEST_SEED decides.

load ../lib/helpers
load saying

setup() {
	common_setup
	if grep -q __asan_init "$MQTK"; then
		skip "a sanitizer has an allocator of its own"
	fi
	failing=$(test_tool preload_malloc.so)
	"$MQTK" produce -q -K: sqlite:before.db/s <<<$'k:1\nk:2'
	printf 'a:3\nb:4\n' >input
}

# run_failing AT ARG…: with allocation AT failing (0: none), on a fresh copy of the store.
run_failing() {
	local at=$1
	shift
	rm -f s.db* report
	cp before.db s.db
	status=0
	MALLOC_FAILS_AT=$at MALLOC_REPORT=$PWD/report LD_PRELOAD=$failing \
		"$MQTK" "$@" <input >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	mq_result
}

# each_fails ARG…: the command with one allocation after the other failing.
each_fails() {
	local total kept stride=${MQTK_TEST_STRIDE:-11} at left
	run_failing 0 "$@"
	expect_status 0
	read -r total kept <report
	cp "$BATS_TEST_TMPDIR/out" want
	RANDOM=${MQTK_TEST_SEED:-$$}
	at=$((RANDOM % stride + 1))
	echo "$*: $total allocations, from $at on each ${stride}th (MQTK_TEST_SEED=${MQTK_TEST_SEED:-$$})"
	((total > at))
	for (( ; at <= total; at += stride)); do
		run_failing "$at" "$@"
		# 3: the records that could not be stored were named and counted.
		((status == 0 || status == 70)) || [ "$1 $status" = "produce 3" ] ||
			fail "allocation $at: status $status" "$err"
		((status == 0)) || [ -n "$err" ] || fail "allocation $at: status $status without a word"
		((status != 0)) || cmp -s out want || fail "allocation $at: exit 0, other output"
		read -r _ left <report
		((left <= kept)) || fail "allocation $at: $left never freed, usually $kept" "$err"
		"$MQTK" consume -q -e sqlite:s.db/s >stored
		if [ "$1" = produce ]; then
			is "$(head -n 2 stored)" $'1\n2'
			((status != 0)) || is "$(tail -n +3 stored)" $'3\n4'
		fi
	done
}

@test "consume" { each_fails consume -q -J -e sqlite:s.db/s; }
@test "consume --group" { each_fails consume -q -e -g g sqlite:s.db/s; }
@test "produce" { each_fails produce -K: -H a=b sqlite:s.db/s; }
@test "produce --transactional --failed-to" {
	each_fails produce -K: --transactional --failed-to failed.jsonl sqlite:s.db/s
}
@test "tail" { each_fails tail -q -e -f '%k %{ts:iso} %s\n' sqlite:s.db/s; }
@test "ls" { each_fails ls sqlite:s.db/; }
@test "info" { each_fails info -J sqlite:s.db/s; }
@test "config" { each_fails config local/x; }

# Without --grep: a library that cannot be loaded for want of memory is said to be missing.
@test "group" {
	"$MQTK" group create sqlite:before.db/s g >/dev/null
	printf 's,0,1\n' >plan.csv
	each_fails group reset --plan plan.csv --execute sqlite:s.db/s g
	each_fails group skip --key k --keep kept.jsonl --execute sqlite:s.db/s g
}

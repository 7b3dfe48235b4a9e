#!/usr/bin/env bats
# Generated JSON Schemas and instances, judged by mqtk and by Python's jsonschema: they agree, on
# MQTK_DIFF_PAIRS pairs (20,000 unless told). `make schema-differ` compares 120,000.
# shellcheck disable=SC2154 # set in the helpers

bats_require_minimum_version 1.5.0
load ../lib/helpers

# Before a test gets a home of its own, where no cache is.
setup_file() {
	local root
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	peer=$("$root/scripts/pypi.sh" packages "$root/tests/python/jsonschema.txt" 2>"$BATS_FILE_TMPDIR/why") &&
		peer+=:$("$root/scripts/pypi.sh" packages "$root/tests/python/jsonschema_rs.txt" 2>"$BATS_FILE_TMPDIR/why") ||
		peer='' why=$(cat "$BATS_FILE_TMPDIR/why")
	pairs=${MQTK_DIFF_PAIRS:-20000} seed=${MQTK_DIFF_SEED:-$RANDOM$RANDOM}
	export peer why pairs seed
}

differ() {
	PYTHONPATH=$peer PYTHONDONTWRITEBYTECODE=1 "$root/scripts/python.sh" "$root/tests/lib/schema_differ.py" "$@" >&2
}

@test "generated schemas and instances: mqtk and jsonschema judge alike" {
	[ -n "$peer" ] || skip "$why"
	echo "# seed $seed, $pairs pairs" >&3
	differ "$(test_tool schema_judge)" "$pairs" "$seed"
}

@test "a judge that is wrong is found out" {
	[ -n "$peer" ] || skip "$why"
	cat >judge <<-EOF
	#!/bin/sh
	exec "$(test_tool schema_judge)" | sed -u s/0/1/
	EOF
	chmod +x judge
	run ! differ ./judge 500 "$seed"
}

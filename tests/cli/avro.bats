#!/usr/bin/env bats
# Avro beside Apache's library for Python and fastavro, which come from PyPI, pinned: the same schemas
# and data through both, both ways. What mqtk's own code is asked is tests/lib/avro_cases.c.
# shellcheck disable=SC2154 # set in the helpers

load ../lib/helpers

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	packages=$("$root/scripts/pypi.sh" packages "$root/tests/python/avro.txt" 2>"$BATS_FILE_TMPDIR/why") || true
	why=$(cat "$BATS_FILE_TMPDIR/why")
	export root packages why
}

# peer WHAT N: tests/lib/avro_peer.py, with a seed that it prints.
peer() {
	[ -n "$packages" ] || skip "$why"
	status=0
	PYTHONPATH=$packages "$root/scripts/python.sh" --with pip "$root/tests/lib/avro_peer.py" "$1" \
		"$(test_tool avro_cases)" "${MQTK_TEST_SEED:-$RANDOM}" "$2" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	mq_result
	expect_status 0
}

@test "2,500 random schemas and values, both ways, damaged, read with other schemas" {
	peer cases 2500
	grep -q ': 2500 cases, .* 0 differ$' "$BATS_TEST_TMPDIR/out"
}

@test "container files of every codec, both ways" {
	peer files 20
	[ "$(grep -c ': 20 files each way' "$BATS_TEST_TMPDIR/out")" -eq 6 ]
}

@test "Apache's container files" {
	[ -d "${MQTK_TEST_DATA:-}/avro" ] || skip "no \$MQTK_TEST_DATA/avro"
	local file
	for file in weather weather-deflate weather-snappy weather-zstd; do
		printf 'read\t%s\n' "$MQTK_TEST_DATA/avro/$file.avro" | "$(test_tool avro_cases)" >answer
		cut -f4 answer | jq -c '.[]' >got
		jq -c . "$MQTK_TEST_DATA/avro/weather.json" | cmp - got
	done
}

#!/usr/bin/env bats
# The official suite of JSON Schema: every required test of the five drafts, and every optional one
# but those of tests/lib/schema_suite.exceptions. It comes from $MQTK_TEST_DATA/json-schema-suite, or
# from the source archive of PyPI's jsonschema, which has an older state of it.
# shellcheck disable=SC2154 # set in the helpers

load ../lib/helpers

# Before a test gets a home of its own, where no cache is.
setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	if [ -d "${MQTK_TEST_DATA:-}/json-schema-suite" ]; then
		tests=$MQTK_TEST_DATA/json-schema-suite remotes=$MQTK_TEST_DATA/json-schema-suite/remotes
		version=2026
	elif archive=$("$root/scripts/pypi.sh" source "$root/tests/python/schema_suite.txt" 2>&1); then
		tests=$archive/json/tests remotes=$archive/json/remotes
		version=4.26.0
	else
		tests='' why=$archive
	fi
	export tests remotes version why
}

# suite DRAFT REQUIRED OPTIONAL: the counts of the state in MQTK_TEST_DATA, and after them those of
# the archive.
suite() {
	local required=$2 optional=$3
	[ -n "$tests" ] || skip "no \$MQTK_TEST_DATA/json-schema-suite, and $why"
	if [ "$version" = 4.26.0 ]; then
		required=$4 optional=$5
	fi
	status=0
	"$(test_tool schema_suite)" "$tests" "$remotes" "$1" "$root/tests/lib/schema_suite.exceptions" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	mq_result
	expect_status 0
	[ "$(grep ^required "$BATS_TEST_TMPDIR/out")" = "required: $required passed, 0 failed" ] ||
		fail "$out"
	local passed excepted
	read -r passed excepted < <(sed -n 's/^optional: \([0-9]*\) passed, 0 failed, \([0-9]*\) exc.*/\1 \2/p' \
		"$BATS_TEST_TMPDIR/out")
	((passed + excepted == optional)) || fail "$out"
}

@test "draft 4" {
	suite 4 618 319 610 253
}

@test "draft 6" {
	suite 6 839 431 829 320
}

@test "draft 7" {
	suite 7 927 794 913 552
}

@test "draft 2019-09" {
	suite 2019-09 1259 915 1227 637
}

@test "draft 2020-12" {
	suite 2020-12 1299 926 1257 649
}

@test "a test that fails is told, and counted" {
	mkdir -p suite/draft7/optional
	cat >suite/draft7/x.json <<-'END'
	[{"description":"g","schema":{"type":"string"},"tests":[
	{"description":"right","data":1,"valid":false},{"description":"wrong","data":1,"valid":true}]}]
	END
	cp suite/draft7/x.json suite/draft7/optional/y.json
	printf '#\ndraft7/optional/y.json\tg\twrong\twhy\n' >exceptions
	run "$(test_tool schema_suite)" suite suite 7 exceptions
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = 'FAIL draft7/x.json | g | wrong: 0 instead of 1 ' ] || fail "$output"
	[ "${lines[1]}" = 'required: 1 passed, 1 failed' ]
	[ "${lines[2]}" = 'optional: 1 passed, 0 failed, 1 exceptions' ]
}

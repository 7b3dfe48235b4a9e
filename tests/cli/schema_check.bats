#!/usr/bin/env bats
# Whether a schema may follow those before it: all kinds, without a server.

load ../lib/helpers

setup() {
	common_setup
	cat >v1.json <<-'EOF'
	{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"}},
	 "required":["id"],"additionalProperties":false}
	EOF
	# One more property, and a wider type: reads what v1 wrote.
	cat >v2.json <<-'EOF'
	{"type":"object","properties":{"id":{"type":"number"},"name":{"type":"string"},"note":{"type":"string"}},
	 "required":["id"],"additionalProperties":false}
	EOF
	# The name is gone, and the note is a number.
	cat >v3.json <<-'EOF'
	{"type":"object","properties":{"id":{"type":"number"},"note":{"type":"number"}},
	 "required":["id"],"additionalProperties":false}
	EOF
}

# rules: what -J says, sorted: direction, rule, both paths, which old one.
rules() {
	jq -r '.errors[] | "\(.direction) \(.rule) \(.path) \(.old_path) \(.old)"' out | sort
}

@test "a schema that reads old data is compatible, and nothing but a note is said" {
	mq schema check v1.json v2.json
	expect_status 0
	[ -z "$out" ]
	[[ $err == *"v2.json is compatible (backward)"* ]]
	mq schema check -q v1.json v2.json
	expect_status 0
	[ -z "$err" ]
	mq schema check -J v1.json v2.json
	expect_status 0
	[ "$out" = '{"compatible":true,"mode":"backward","errors":[]}' ]
}

@test "each broken rule is a line with both places, and the exit status is 1" {
	mq schema check v2.json v3.json
	expect_status 1
	[ "$(wc -l <out)" -eq 2 ]
	grep -qx 'v3.json: #/properties/name: PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL: .* (v2.json: #/properties/name)' out
	grep -qx 'v3.json: #/properties/note: TYPE_CHANGED: string is written, and number is read (v2.json: #/properties/note)' out
	[[ $err == *"v3.json is not compatible (backward): 2 rules are broken"* ]]
}

@test "forward and full: the old one reads what the new one writes" {
	mq schema check -J --mode forward v1.json v2.json
	expect_status 1
	[ "$(rules)" = "forward PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/note #/properties/note v1.json
forward TYPE_NARROWED #/properties/id #/properties/id v1.json" ]
	mq schema check -J --mode full v1.json v2.json
	expect_status 1
	[ "$(rules | wc -l)" -eq 2 ]
	mq schema check -J --mode full v1.json v1.json
	expect_status 0
}

@test "only the last of several is compared, unless the mode is transitive" {
	mq schema check v1.json v3.json v3.json
	expect_status 0
	[[ $err == *"only v3.json, the last one, was compared"* ]]
	mq schema check -J --mode backward-transitive v1.json v2.json v3.json
	expect_status 1
	[ "$(rules)" = "backward PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/name #/properties/name v1.json
backward PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/name #/properties/name v2.json
backward TYPE_CHANGED #/properties/note #/properties/note v2.json" ]
	[ "$(jq -r .mode out)" = backward-transitive ]
}

@test "references are followed, into other files too" {
	mkdir a b
	# shellcheck disable=SC2016 # no variable
	echo '{"properties":{"to":{"$ref":"address.json"}}}' | tee a/order.json >b/order.json
	echo '{"type":"object","properties":{"zip":{"type":"string"}}}' >a/address.json
	echo '{"type":"object","properties":{"zip":{"type":"string","maxLength":5}}}' >b/address.json
	mq schema check -J a/order.json b/order.json
	expect_status 1
	[ "$(jq -r '.errors[].rule' out)" = MAX_LENGTH_ADDED ]
	[[ $(jq -r '.errors[].path' out) == *"/b/address.json#/properties/zip/maxLength" ]]
	[[ $(jq -r '.errors[].old_path' out) == *"/a/address.json#/properties/zip/maxLength" ]]
}

@test "Avro: resolution by the specification" {
	echo '{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}' >v1.avsc
	echo '{"type":"record","name":"r","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}' >v2.avsc
	mq schema check -J v1.avsc v2.avsc
	expect_status 1
	[ "$(jq -r '.errors[].rule' out)" = READER_FIELD_MISSING_DEFAULT_VALUE ]
	[ "$(jq -r '.errors[].path' out)" = /fields/1 ]
	mq schema check -J --mode forward v1.avsc v2.avsc
	expect_status 1
	[ "$(jq -r '.errors[] | .rule + " " + .path' out)" = "TYPE_MISMATCH /fields/0/type" ]
	# A field stands elsewhere in the other one.
	echo '{"type":"record","name":"r","fields":[{"name":"b","type":"string","default":""},{"name":"a","type":"boolean"}]}' >v3.avsc
	mq schema check -J v1.avsc v3.avsc
	expect_status 1
	[ "$(rules)" = "backward TYPE_MISMATCH /fields/1/type /fields/0/type v1.avsc" ]
}

@test "Avro: random schemas, as Apache's library for Python sees them" {
	"$root/scripts/python.sh" --with avro -c 'import avro.compatibility' 2>/dev/null ||
		skip "no Avro library for Python (python3-avro)"
	"$root/scripts/python.sh" --with avro "$root/tests/lib/avro_compatible.py" \
		"$(test_tool avro_cases)" "$RANDOM" 3000
}

@test "schemas of different kinds are never compatible" {
	echo '"string"' >v1.avsc
	mq schema check -J v1.avsc v1.json
	expect_status 1
	[ "$(jq -r '.errors[].rule' out)" = TYPE_MISMATCH ]
}

@test "what is no schema is 7, what is not there 6, one alone is 2" {
	echo '{"type":' >broken.json
	mq schema check v1.json broken.json
	expect_status 7
	[[ $err == *broken.json* ]]
	# Also one that is not compared.
	mq schema check broken.json v1.json v1.json
	expect_status 7
	mq schema check v1.json none.json
	expect_status 6
	[[ $err == *none.json* ]]
	mq schema check v1.json
	expect_status 2
	mq schema check --mode sideways v1.json v2.json
	expect_status 2
}

@test "a name that drives terminals is printed without its power" {
	printf '{"additionalProperties":false,"properties":{"a\\u001b[31m":{}}}' >e1.json
	echo '{"additionalProperties":false}' >e2.json
	mq schema check e1.json e2.json
	expect_status 1
	[[ $out == *'a?[31m'* ]]
	mq schema check -J e1.json e2.json
	[ "$(jq -r '.errors[0].path' out | tr -d '\n' | od -An -c | tr -d ' \n')" = '#/properties/a033[31m' ]
}

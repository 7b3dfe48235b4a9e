#!/usr/bin/env bats
# A JSON Schema from samples.

load ../lib/helpers

write_orders() {
	local i
	for i in 1 2 3 4 5 6; do
		printf '{"id":%d,"price":%d.5,"state":"%s","when":"2026-11-0%dT10:00:00Z","lines":[{"sku":"a%d"}]%s}\n' \
			"$i" "$i" "$([ $((i % 2)) = 0 ] && echo open || echo paid)" "$i" "$i" \
			"$([ "$i" = 3 ] && echo ',"note":null' || echo ',"note":"x"')"
	done >orders.jsonl
}

# at EXPR: a part of the schema in out, on one line.
at() {
	jq -c "$1" out
}

@test "types, what is always there, formats, arrays of objects" {
	write_orders
	mq schema infer orders.jsonl
	expect_status 0
	# shellcheck disable=SC2016 # no variable
	[ "$(at '."$schema"')" = '"https://json-schema.org/draft/2020-12/schema"' ]
	[ "$(at .type)" = '"object"' ]
	[ "$(at .required)" = '["id","lines","note","price","state","when"]' ]
	[ "$(at .properties.id)" = '{"type":"integer"}' ]
	[ "$(at .properties.price)" = '{"type":"number"}' ]
	[ "$(at .properties.state)" = '{"type":"string"}' ]
	[ "$(at .properties.note)" = '{"type":["string","null"]}' ]
	[ "$(at .properties.when)" = '{"type":"string","format":"date-time"}' ]
	[ "$(at .properties.lines)" = '{"type":"array","items":{"type":"object","properties":{"sku":{"type":"string"}},"required":["sku"]}}' ]
	[[ $err == *"from 6 samples"* ]]
	cp out schema.json
	mq schema validate -q --schema schema.json --assert-format orders.jsonl
	expect_status 0
	echo '{"id":"1"}' >other.jsonl
	mq schema validate -q --schema schema.json other.jsonl
	expect_status 1
}

@test "the order of the samples does not matter, standard input is as good as files" {
	write_orders
	mq schema infer -q orders.jsonl
	cp out first
	tac orders.jsonl >turned
	mq schema infer -q <turned
	expect_status 0
	cmp first out
	head -n 3 orders.jsonl >a
	tail -n 3 orders.jsonl >b
	mq schema infer -q b a
	cmp first out
}

@test "listed values, ranges, closed objects, an older draft, each on request" {
	write_orders
	mq schema infer --enum 3 --ranges --closed --draft 7 orders.jsonl
	expect_status 0
	# shellcheck disable=SC2016 # no variable
	[ "$(at '."$schema"')" = '"http://json-schema.org/draft-07/schema#"' ]
	[ "$(at .properties.state)" = '{"enum":["open","paid"]}' ]
	[ "$(at .properties.id)" = '{"type":"integer","minimum":1,"maximum":6}' ]
	[ "$(at .properties.price)" = '{"type":"number","minimum":1.5,"maximum":6.5}' ]
	[ "$(at '.properties.lines | del(.items)')" = '{"type":"array","minItems":1,"maxItems":1}' ]
	[ "$(at '[.additionalProperties, .properties.lines.items.additionalProperties]')" = '[false,false]' ]
	cp out schema.json
	mq schema validate -q --schema schema.json orders.jsonl
	expect_status 0
	# A format needs enough samples, and one that the draft has.
	mq schema infer --formats 7 orders.jsonl
	[ "$(at .properties.when)" = '{"type":"string"}' ]
	mq schema infer --formats 0 orders.jsonl
	[ "$(at .properties.when)" = '{"type":"string"}' ]
	printf '"%s"\n' 123e4567-e89b-12d3-a456-426614174000 >uuid
	mq schema infer --formats 1 uuid
	[ "$(at .format)" = '"uuid"' ]
	mq schema infer --formats 1 --draft 7 uuid
	[ "$(at .format)" = null ]
}

@test "1.0 is an integer, but not for draft 4; huge numbers keep their digits" {
	printf '1\n1.0\n12345678901234567890123\n' >n
	mq schema infer --ranges n
	expect_status 0
	[ "$(at .type)" = '"integer"' ]
	grep -q '"minimum": 1,' out
	grep -q '"maximum": 12345678901234567890123$' out
	mq schema infer --draft 4 n
	[ "$(at .type)" = '"number"' ]
}

@test "names that are data make a map" {
	local i
	for i in $(seq 60); do
		printf '{"by_user":{"u%d":%d,"u%d":1},"id":1}\n' "$i" "$i" $((i + 1))
	done >in
	mq schema infer in
	expect_status 0
	[ "$(at .properties.by_user)" = '{"type":"object","additionalProperties":{"type":"integer"}}' ]
	mq schema infer --map-names 0 in
	[ "$(at '.properties.by_user.properties | length')" = 61 ]
}

@test "what is no JSON, or has a key twice, is refused with its place" {
	printf '{"a":1}\n{"a":1,"a":2}\n{"b":1}\n' >in
	mq schema infer in
	expect_status 7
	[ -z "$out" ]
	[[ $err == *"in line 2: "* ]]
	mq schema infer --skip-invalid in
	expect_status 3
	[ "$(at '.properties | keys')" = '["a","b"]' ]
	[[ $err == *"in line 2: "* ]]
	: >empty
	mq schema infer empty
	expect_status 1
	mq schema infer none
	expect_status 6
	mq schema infer --from 0 in
	expect_status 2
}

@test "envelopes, whole files and streams" {
	write_orders
	mq schema infer -q orders.jsonl
	cp out first
	mq produce -q local/orders <orders.jsonl
	expect_status 0
	mq schema infer -q local/orders
	expect_status 0
	cmp first out
	mq consume -q -J -e local/orders
	cp out envelopes
	mq schema infer -q --input envelopes envelopes
	expect_status 0
	cmp first out
	printf '{\n "a": 1\n}\n' >whole
	mq schema infer -q --input whole whole
	expect_status 0
	[ "$(at .properties.a.type)" = '"integer"' ]
	mq schema infer -q -c 1 local/orders
	[ "$(at .properties.note.type)" = '"string"' ]
	# Nothing was taken.
	mq consume -q -e local/orders
	[ "$(wc -l <out)" -eq 6 ]
}

@test "a signal ends it, and what was seen so far is told" {
	write_orders
	mkfifo pipe
	"$MQTK" schema infer <pipe >out 2>err 3>&- 4>&- &
	local pid=$!
	exec 7>pipe
	cat orders.jsonl >&7
	wait_until 10 pipe_is_empty 7
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 130 ]
	[ "$(at .type)" = '"object"' ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2154 # set in the helpers
# `schema validate` on files, standard input and the local store, and hostile inputs.

load judging

setup() {
	judging_setup
}

@test "each error is a line with its place, and the exit status is 1" {
	validate orders.jsonl
	expect_status 1
	diff out - <<-'END'
	orders.jsonl:2: /total: minimum: -5 is less than 0
	orders.jsonl:2: required: the member "id" is missing: {"total":-5}
	orders.jsonl:4: /items/1/qty: minimum: 0 is less than 1
	orders.jsonl:5: json: no JSON value, at byte 1
	END
	[ "$err" = "mqtk schema validate: 3 of 5 messages are invalid" ] || fail "$err"
	validate --max-errors 1 orders.jsonl
	[ "$(wc -l <out)" -eq 3 ]
	[ "$(sed -n 1p out)" = "orders.jsonl:2: /total: minimum: -5 is less than 0 (and more)" ]
	validate -c 1 orders.jsonl
	expect_status 0
	[ -z "$out" ]
	[[ $err == *"1 message, all valid"* ]]
}

@test "of anyOf and oneOf the nearest schema says why" {
	cat >shape.json <<-'END'
	{"oneOf": [{"properties": {"is": {"const": "circle"}, "r": {"type": "number"}}, "required": ["is", "r"]},
	           {"properties": {"is": {"const": "box"}, "a": {"anyOf": [{"type": "null"}, {"minimum": 1}]}},
	            "required": ["is", "a", "b"]}, {"type": "null"}]}
	END
	printf '%s\n' '{"is":"circle","r":"1"}' '{"is":"box","a":0}' '{"is":"oval"}' >shapes
	mq schema validate --schema shape.json shapes
	expect_status 1
	diff out - <<-'END'
	shapes:1: oneOf: valid for none of 3 schemas; nearest is oneOf/0: /r: type: "1" is a string, not of type number: {"is":"circle","r":"1"}
	shapes:2: oneOf: valid for none of 3 schemas; nearest is oneOf/1: /a: anyOf: valid for none of 2 schemas; nearest is anyOf/1: minimum: 0 is less than 1 (and 1 more): {"is":"box","a":0}
	shapes:3: oneOf: valid for none of 3 schemas; nearest is oneOf/0: /is: const: "oval" is not "circle" (and 1 more): {"is":"oval"}
	END
	echo '{"oneOf": [{"type": "string"}, {"type": "integer"}, {"minimum": 7}]}' >shape.json
	printf '%s\n' '"a"' 8 >shapes
	mq schema validate --schema shape.json shapes
	[[ $out == *'valid for more than one of 3 schemas: oneOf/0 and oneOf/2'*'oneOf/1 and oneOf/2'* ]] || fail "$out"
	jq -nc '{anyOf: [range(900) | {properties: {is: {const: .}}, required: ["n"]}]}' >shape.json
	echo '{"is":899}' >many
	mq schema validate --schema shape.json many
	[[ $out == *'nearest is anyOf/899: required: the member "n" is missing'* ]] || fail "$out"
	echo '{"anyOf": [{"type": "string"}, {"type": "null"}]}' >shape.json
	mq schema validate --schema shape.json shapes
	[ "$out" = 'shapes:2: anyOf: valid for none of 2 schemas, of which none takes a number: 8' ] || fail "$out"
}

@test "what is framed is said to be, and what decodes it" {
	printf '\0\0\0\0\7\2\3' >framed
	mq schema validate --schema order.json --input whole framed
	expect_status 1
	[[ $out == *"framed as Confluent's serializers do, with schema id 7: --framing confluent decodes"* ]] || fail "$out"
	mq schema validate --schema order.json framed
	[[ $out == *"id 7: --input whole --framing confluent decodes"* ]] || fail "$out"
	echo '{"payload":{"base64":"AAAAAAcCAw=="}}' | "$MQTK" produce -q -J "$store/f"
	mq schema validate --schema order.json "$store/f"
	expect_status 1
	[[ $out == *"id 7: --framing confluent decodes"* ]] || fail "$out"
	mq consume -e --schema order.json "$store/f"
	expect_status 1
	[[ $err == *"id 7: --decode auto decodes"* ]] || fail "$err"
}

@test "-J and --summary say the same for machines" {
	validate -J orders.jsonl
	expect_status 1
	fits schema-error
	jq -es '[.[] | [.file, .line, .pointer, .keyword]] == [
		["orders.jsonl", 2, "/total", "minimum"], ["orders.jsonl", 2, "", "required"],
		["orders.jsonl", 4, "/items/1/qty", "minimum"], ["orders.jsonl", 5, "", "json"]]' out
	jq -es '.[0].schema_pointer == "#/properties/total/minimum" and .[0].value == "-5"
		and (.[2].schema_pointer | endswith("parts/item.json#/properties/qty/minimum"))' out
	validate --summary -J orders.jsonl orders.jsonl
	expect_status 1
	fits schema-summary
	jq -e '.messages == 10 and .valid == 4 and .invalid == 6
		and (.errors | map(select(.pointer == "/items/*/qty"))[0].count == 2)' out
	validate --summary orders.jsonl
	expect_status 1
	[[ $out == *"2 valid, 3 invalid" ]]
	grep -qE '^ +1 +minimum +/items/\*/qty$' out
}

@test "--pass and --reject-to part the input byte for byte, and nothing is missing" {
	printf '{"id":"a"}\n {"id" : "\\u0061"}\t\r\n{"id":1}\r\n\xff\xfe\n{"id":"\0"}\n{"id":"last"}' >in
	status=0
	"$MQTK" schema validate --schema order.json --pass --reject-to bad <in >out 2>err || status=$?
	mq_result
	expect_status 1
	printf '{"id":"a"}\n {"id" : "\\u0061"}\t\r\n{"id":"last"}' | cmp - out
	printf '{"id":1}\r\n\xff\xfe\n{"id":"\0"}\n' | cmp - bad
	grep -q '^standard input:3: /id: type: ' err
	# A file without a last newline does not glue its last record to the next file's first one.
	printf '{"id":"x"}' >a
	printf '{"id":"y"}' >b
	validate --pass a b
	expect_status 0
	printf '{"id":"x"}\n{"id":"y"}' | cmp - out
	# What an earlier run left without an end stays by itself.
	printf 'half' >bad
	echo 1 >c
	validate --reject-to bad c
	expect_status 1
	printf 'half\n1\n' | cmp - bad
}

@test "what is sent to a stream is a dead letter, and comes from a stream or a file" {
	printf '%s\n' '{"id":"a"}' '{"id":1}' '{"id":"c"}' | "$MQTK" produce -q -k k -H h=1 "$store/orders"
	validate --reject-to "$store/dead" "$store/orders"
	expect_status 1
	[[ $out == 'orders[0]@1: /id: type: '* ]]
	mq dlq show -J "$store/dead"
	jq -es 'length == 1 and (.[0] | .origin_stream == "orders" and .origin_offset == 1 and
		.reason == "schema" and .dialect == "mqtk" and (.error | startswith("/id: type: ")) and
		.message.key == "k" and .message.payload == "{\"id\":1}" and
		.message.headers[0] == ["h", "1"])' out
	validate --reject-to "$store/dead" orders.jsonl
	expect_status 1
	mq dlq show -J "$store/dead"
	jq -es 'length == 4 and .[1].origin_stream == null and
		(.[1].error | startswith("orders.jsonl:2: /total: minimum"))' out
	# Into a file it is a line that can be produced again.
	validate --reject-to kept "$store/orders"
	expect_status 1
	mq produce -q -J "$store/again" kept
	expect_status 0
	mq consume -q -e "$store/again"
	[ "$out" = '{"id":1}' ]
	# Nothing was taken, and valid ones pass as lines.
	validate --pass "$store/orders"
	printf '{"id":"a"}\n{"id":"c"}\n' | cmp - out
	validate -J "$store/orders"
	jq -e '.stream == "orders" and .partition == 0 and .offset == 1 and .file == null' out
	validate --from 2 "$store/orders"
	expect_status 0
}

@test "envelopes pass as they stood, and lines that are none are invalid" {
	printf '%s\n' '{"id":"a"}' '{"id":1}' | "$MQTK" produce -q "$store/orders"
	"$MQTK" consume -q -J -e "$store/orders" >in
	# Members that mqtk does not know, white space and escapes stay.
	printf '%s\n' ' {"payload" : "{\"id\":\"\u0062\"}", "mine": [1, 2] }' '{"payload":' '[]' >>in
	validate --input envelopes --pass --reject-to bad in
	expect_status 1
	sed -n '1p;3p' in | cmp - out
	sed -n '2p;4,5p' in | cmp - bad
	grep -q '^in:4: envelope: ' err
	validate --input envelopes -J in
	fits schema-error
	jq -es '.[0] | .file == "in" and .line == 2 and .stream == "orders" and .offset == 1' out
}

@test "whole files" {
	printf '{"id":\n"a"}\n' >good
	printf '{"id":\n1}\n' >wrong
	: >empty
	validate --input whole --pass --reject-to kept.jsonl good wrong empty
	expect_status 1
	cmp good out
	grep -q '^wrong: /id: type: ' err
	grep -q '^empty: json: ' err
	jq -es 'length == 2 and .[0].payload == "{\"id\":\n1}\n" and .[1].payload == ""' kept.jsonl
}

@test "a message without a payload is invalid, unless that is allowed" {
	printf 'k:\n' | "$MQTK" produce -q -K: -Z "$store/t"
	validate "$store/t"
	expect_status 1
	[[ $out == 't[0]@0: null: '* ]]
	validate --allow-null "$store/t"
	expect_status 0
}

@test "Avro: lines are JSON, whole files are bytes" {
	echo '{"type":"record","name":"R","fields":[{"name":"n","type":"int"}]}' >r.avsc
	printf '%s\n' '{"n":1}' '{"n":"x"}' '{}' >in
	mq schema validate --schema r.avsc in
	expect_status 1
	[ "$(cut -d: -f1,2 out | tr '\n' ' ')" = "in:2 in:3 " ]
	printf '\x02' >good
	printf '\x02\x02' >long
	printf '\xff\xff\xff\xff\xff\xff' >wrong
	mq schema validate --schema r.avsc --input whole good long wrong
	expect_status 1
	[ "$(cut -d: -f1 out | tr '\n' ' ')" = "long wrong " ]
	mq schema validate --schema r.avsc --input whole --text in
	expect_status 1
}

# container FILE HEX…: an Avro container file of records with an int n, each datum as hex.
container() {
	python3 - "$@" <<-'END'
	import sys
	def number(n):
	    out = b""
	    n <<= 1
	    while n > 127:
	        out += bytes([n & 127 | 128])
	        n >>= 7
	    return out + bytes([n])
	def text(data): return number(len(data)) + data
	schema = b'{"type":"record","name":"R","fields":[{"name":"n","type":"int"}]}'
	data = [bytes.fromhex(one) for one in sys.argv[2:]]
	sync = b"s" * 16
	with open(sys.argv[1], "wb") as file:
	    file.write(b"Obj\1" + number(1) + text(b"avro.schema") + text(schema) + number(0) + sync)
	    file.write(number(len(data)) + text(b"".join(data)) + sync)
	END
}

@test "Avro container files: by their own schema, and judged by another" {
	container three.avro 02 10 04
	echo '{"properties":{"n":{"maximum":5}}}' >small.json
	mq schema validate --schema small.json three.avro three.avro
	expect_status 1
	[ "$out" = $'three.avro:2: /n: maximum: 8 is greater than 5\nthree.avro:2: /n: maximum: 8 is greater than 5' ]
	mq schema validate --input container three.avro
	expect_status 0
	[[ $err == *"3 messages, all valid"* ]]
	mq schema validate --input container --summary -J - <three.avro
	expect_status 0
	jq -e '.valid == 3' out
	mq schema validate --schema small.json --reject-to kept.jsonl three.avro
	expect_status 1
	jq -es 'map(.payload) == ["\u0010"]' kept.jsonl
	# Damaged: what stands before is judged, and the rest is one error.
	head -c -10 three.avro >damaged.avro
	mq schema validate --schema small.json damaged.avro three.avro
	expect_status 1
	grep -q '^damaged.avro.*: container: ' out
	grep -q '^three.avro:2: ' out
	mq schema validate --input container orders.jsonl
	expect_status 1
	[[ $out == "orders.jsonl: container: "* ]] || fail "$out"
	mq schema validate --schema small.json --pass three.avro
	expect_status 2
}

# requires_protobuf: skips where the program was built without it.
requires_protobuf() {
	printf 'syntax = "proto3";\nmessage M {}\n' >m.proto
	mq schema validate --schema m.proto <<<'{}'
	[[ $err != *"built without libprotobuf"* ]] || skip "built without libprotobuf"
}

@test "Protobuf: imports beside the file and above it, lines are JSON, files are bytes" {
	requires_protobuf
	mkdir -p shop/common
	cat >shop/order.proto <<-'END'
	syntax = "proto3";
	package shop;
	import "shop/common/item.proto";
	message Order { string id = 1; repeated common.Item items = 2; }
	END
	cat >shop/common/item.proto <<-'END'
	syntax = "proto3";
	package common;
	message Item { string sku = 1; int32 qty = 2; }
	END
	printf '%s\n' '{"id":"a","items":[{"sku":"x","qty":1}]}' '{"id":1}' '{"nope":1}' 'x' >in
	mq schema validate --schema shop/order.proto in
	expect_status 1
	[ "$(cut -d: -f1,2 out | tr '\n' ' ')" = "in:2 in:3 in:4 " ] || fail "$out"
	! grep -q '/id: type: /id' out || fail "the place is told twice"
	printf '\x0a\x01a' >good
	printf '\x0a\x09a' >wrong
	mq schema validate --schema shop/order.proto --input whole good wrong
	expect_status 1
	[[ $out == "wrong: "* ]]
	mq schema validate --schema shop/order.proto --message shop.Order in
	expect_status 1
	mq schema validate --schema shop/order.proto --message shop.None in
	expect_status 7
	echo 'import "../../etc/passwd";' >shop/out.proto
	mq schema validate --schema shop/out.proto in
	expect_status 7
}

@test "hostile records: huge, deep, broken, with a BOM; none is a crash" {
	head -c 3000000 /dev/zero | tr '\0' '[' >deep
	python3 -c 'import sys
sys.stdout.write("{\"id\":\"" + "x" * 30000000 + "\"}\n{\"id\":\"\\ud800\"}\n{\"id\":\"a\",\"id\":\"b\"}\n")' >huge
	printf '\xef\xbb\xbf{"id":"a"}\n' >bom
	printf '{"\x1b[31mid":1,"id":"\x1b"}\n{"\\u001b[2J\\u009b":1}\n' >escapes
	printf '{"id":"a"' >cutoff
	validate deep huge bom escapes cutoff
	expect_status 1
	! grep -q $'\x1b' out || fail "control characters reach the terminal"
	! grep -q "^huge:1:" out || fail "a long text is invalid"
	for place in deep:1 huge:2 huge:3 bom:1 escapes:1 escapes:2 cutoff:1; do
		grep -q "^$place: " out || fail "$place is valid: $out"
	done
	[ "$(wc -c <out)" -lt 10000 ]
	# A file as other systems write them says what is the matter with it.
	grep -q '^bom:1: json: a byte order mark (BOM) stands before the JSON text' out
	printf '\xff\xfe{\x00}\x00' >utf16
	validate utf16
	expect_status 1
	grep -q '^utf16:1: json: this is UTF-16, and JSON text is UTF-8' out
	validate -J deep huge bom escapes cutoff
	expect_status 1
	fits schema-error
}

@test "a pipe that closes is a quiet end, a full disk is not" {
	yes '{"id":"a"}' 2>/dev/null | head -n 300000 >many
	"$MQTK" schema validate --schema order.json --pass many 2>err | head -n 1 >first
	[ "$(cat first)" = '{"id":"a"}' ]
	[ ! -s err ] || fail "$(cat err)"
	# What was put aside until then is there.
	{ echo 1 && cat many; } >mixed
	"$MQTK" schema validate --schema order.json --pass --reject-to aside mixed 2>err | head -n 1 >first
	[ "$(cat aside)" = 1 ]
	[ -e /dev/full ] || skip "there is no /dev/full"
	status=0
	"$MQTK" schema validate --schema order.json --pass many >/dev/full 2>err || status=$?
	: >out
	mq_result
	expect_status 6
	status=0
	validate --reject-to /dev/full orders.jsonl
	expect_status 6
	[[ $err == *--reject-to* ]]
}

@test "records are judged as they come, and a signal ends it" {
	mkfifo in
	"$MQTK" schema validate --schema order.json --pass <in >passed 2>said 3>&- 4>&- &
	program_id=$!
	exec 5>in
	printf '{"id":"a"}\n{"id":1}\n{"id":' >&5
	wait_until 20 grep -q standard said
	[ "$(cat passed)" = '{"id":"a"}' ]
	kill -TERM "$program_id"
	status=0
	wait "$program_id" || status=$?
	exec 5>&-
	[ "$status" -eq 143 ]
	[[ $(cat said) == *"1 valid, 1 invalid; an unfinished record was not judged"* ]]
	[ "$(cat passed)" = '{"id":"a"}' ]
}

@test "what is read is not written to, files and streams do not mix" {
	validate --reject-to orders.jsonl orders.jsonl
	expect_status 2
	ln -s orders.jsonl link
	validate --reject-to link orders.jsonl
	expect_status 2
	echo 1 | "$MQTK" produce -q "$store/t"
	validate --reject-to "$store/t" "$store/t"
	expect_status 2
	validate orders.jsonl "$store/t"
	expect_status 2
	validate --from 1 orders.jsonl
	expect_status 2
	validate --input whole "$store/t"
	expect_status 2
	validate --reject-to "$store/none/" orders.jsonl
	expect_status 2
	[ "$(wc -l <orders.jsonl)" -eq 6 ]
}

#!/usr/bin/env bats
# --decode and --encode without a broker: the local store, schemas of files and of a registry of a
# few lines, which counts what it is asked.
load ../lib/helpers

# Ids 1, 2 and 5 are Avro, 3 JSON, 4 of a kind that nobody knows, 6 Protobuf.
setup_file() {
	cat >"$BATS_FILE_TMPDIR/schemas" <<-'EOF'
		{"1": {"schemaType": "AVRO", "subject": "orders-value", "version": 1,
		       "guid": "00010203-0405-0607-0809-0a0b0c0d0e0f",
		       "schema": "{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"who\",\"type\":[\"null\",\"string\"]},{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}}]}"},
		 "2": {"schemaType": "AVRO", "subject": "orders-key", "schema": "\"string\""},
		 "3": {"schemaType": "JSON", "subject": "json-value",
		       "schema": "{\"type\":\"object\",\"required\":[\"id\"]}"},
		 "4": {"schemaType": "THRIFT", "subject": "other", "schema": "struct"},
		 "5": {"schema": "\"bytes\""},
		 "6": {"schemaType": "PROTOBUF", "schema": "syntax = \"proto3\"; message A { string a = 1; } message B { int32 b = 1; }"}}
	EOF
	"$BATS_TEST_DIRNAME/../../scripts/python.sh" "$BATS_TEST_DIRNAME/../faults/codec_registry.py" \
		"$BATS_FILE_TMPDIR/schemas" >"$BATS_FILE_TMPDIR/requests" 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/pid"
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

setup() {
	common_setup
	wait_until 20 test -s "$BATS_FILE_TMPDIR/requests"
	url=http://127.0.0.1:$(head -1 "$BATS_FILE_TMPDIR/requests")
	rm -f "$BATS_FILE_TMPDIR/schemas.down"
	asked=$(wc -l <"$BATS_FILE_TMPDIR/requests")
	store=sqlite:$BATS_TEST_TMPDIR/s.db
	export MQTK_CONFIG=/dev/null
	jq -r '.["1"].schema' "$BATS_FILE_TMPDIR/schemas" >order.avsc
}

# feed TEXT ARG…: mq with a text (escapes as in printf) as its input.
feed() {
	# shellcheck disable=SC2059 # the escapes are meant
	printf "$1" >fed
	shift
	mq "$@" <fed
}

# How many requests there were in this test.
requests() {
	echo $(($(wc -l <"$BATS_FILE_TMPDIR/requests") - asked))
}

@test "there and back: Avro by the stream's own subject, keys too, and one question for each id" {
	feed '"a"\t{"id":1,"who":{"string":"böb"},"day":3}\n"b"\t{"id":2,"who":null,"day":"2020-02-29"}\n' produce -K '\t' --encode avro,key=auto --registry "$url" "$store/orders"
	expect_status 0
	[ "$(requests)" -eq 2 ]
	mq consume -e -f '%{payload:hex} %{key:hex}\n' "$store/orders"
	[ "${out%%$'\n'*}" = "000000000102020862c3b66206 00000000020261" ]
	mq consume -e --decode auto,key=auto -J --registry "$url" "$store/orders"
	expect_status 0
	cp out lines
	[ "$(jq -c '[.key_value, .key_schema_id, .value, .value_schema_id, has("payload")]' <<<"$out")" = \
		'["a",2,{"id":1,"who":{"string":"böb"},"day":3},1,false]
["b",2,{"id":2,"who":null,"day":18321},1,false]' ]
	fits message lines
	mq produce -J --encode avro,key=avro --registry "$url" --schema registry:orders-value \
		--key-schema id:2 "$store/again" <lines
	expect_status 0
	mq consume -e --decode avro --logical-types --bare-unions --registry "$url" "$store/again"
	[ "$out" = '{"id":1,"who":"böb","day":"1970-01-04"}
{"id":2,"who":null,"day":"2020-02-29"}' ]
	mq consume -e -f '%k %s %S %{schema_id} %{key_schema_id}\n' --decode auto,key=auto -c 1 \
		--registry "$url" "$store/again"
	[ "$out" = '"a" {"id":1,"who":{"string":"böb"},"day":3} 40 1 2' ]
}

@test "100,000 messages are one question" {
	yes '{"id":7,"who":null,"day":0}' | head -100000 >in || true
	mq produce --encode avro --schema id:1 --registry "$url" "$store/many" <in
	expect_status 0
	mq consume -e --decode auto --registry "$url" "$store/many"
	expect_status 0
	[ "$(wc -l <out)" -eq 100000 ]
	[ "$(sort -u out)" = '{"id":7,"who":null,"day":0}' ]
	[ "$(requests)" -eq 2 ] # one for each program
}

@test "auto: what names no schema is JSON or stays as it is" {
	feed '{"a": 1}\nhello\n12\n' produce "$store/t"
	printf '\0\0\0\0\0\0\0\5' >number && mq produce "$store/t" number
	: >empty && mq produce "$store/t" empty
	feed 'k\t\n' produce -K '\t' -Z "$store/t"
	mq consume -e --decode auto -J --registry "$url" "$store/t"
	expect_status 0
	[ "$(jq -c '[.value, .payload]' <<<"$out")" = '[{"a":1},null]
[null,"hello"]
[12,null]
[null,"\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0005"]
[null,""]
[null,null]' ]
	[ "$(requests)" -eq 0 ]
	mq consume -e --decode auto "$store/t"
	[ "${out%%$'\n'*}" = '{"a": 1}' ]
}

@test "an id without a registry: left as it is and said with auto, refused with avro" {
	printf '\0\0\0\0\1x' >framed && mq produce "$store/t" framed
	mq consume -e --decode auto "$store/t"
	expect_status 0
	cmp out <(cat framed && echo)
	[[ $err == *"schema id 1 "*"--registry URL"* ]]
	mq consume -e --decode auto -f '%{schema_id}' "$store/t"
	[ "$out" = 1 ]
	mq consume -e --decode avro "$store/t"
	expect_status 7
	[[ $err == *"t[0]@0: value: "*"schema id 1"*"--registry"* ]]
}

@test "what is not as it should be: fail, skip and raw, with its place" {
	local i=0 bytes
	for bytes in '\0\0\0\0\143x' '\0\0\0\0\4x' '\0\0\0\0\1' '\0\0\0\0\1\2' '\0\0\0\0\3{' '\0\0\0\0\3{}'; do
		i=$((i + 1))
		# shellcheck disable=SC2059 # the escapes are meant
		printf "$bytes" >part
		mq produce "$store/t" part
	done
	mq consume -e --decode auto --registry "$url" "$store/t"
	expect_status 7
	[[ $err == *"t[0]@0: value: schema id 99: "* ]]
	# What stands before it is printed.
	feed '{}\n' produce "$store/tailed"
	printf '\0\0\0\0\143x' >part
	mq produce "$store/tailed" part
	mq tail -e --decode auto --registry "$url" "$store/tailed"
	expect_status 7
	[ "$out" = "{}" ]
	mq consume -e --decode auto --on-error skip --registry "$url" "$store/t"
	expect_status 0
	[ "$out" = "{}" ]
	[ "$(grep -c '^mqtk: skipped t\[0\]@[0-4]: value: ' err)" -eq 5 ]
	grep -q 'THRIFT' err
	mq consume -e --decode auto --on-error raw -J --registry "$url" "$store/t"
	expect_status 0
	[ "$(jq -c 'has("value")' <<<"$out" | sort | uniq -c | tr -s ' ')" = " 5 false
 1 true" ]
	mq consume -e --decode avro --from 5 --registry "$url" "$store/t"
	expect_status 7
	[[ $err == *"schema id 3 is json, and avro is asked for"* ]]
}

@test "a registry that fails midway: exit 4, or by policy" {
	feed '{"id":7,"who":null,"day":0}\n' produce --encode avro --schema id:1 --registry "$url" "$store/t"
	feed '"k"\n' produce --encode avro --schema id:2 --registry "$url" "$store/t"
	touch "$BATS_FILE_TMPDIR/schemas.down"
	mq consume -e --decode auto --registry "$url" --timeout 2s "$store/t"
	expect_status 4
	[ -z "$out" ]
	[[ $err == *"503"* ]]
	mq consume -e --decode auto --on-error raw --registry "$url" --timeout 2s -J "$store/t"
	expect_status 0
	[ "$(jq -c 'has("payload")' <<<"$out")" = $'true\ntrue' ]
	[[ $err == *"503"* ]]
	mq produce --encode avro --schema id:1 --registry "$url" --timeout 1s "$store/t" </dev/null
	expect_status 4
}

@test "GUIDs stand in headers: written, read, and not taken along with the text" {
	feed '{"id":1,"who":null,"day":0}\n' produce --encode avro --framing guid --registry "$url" "$store/orders"
	expect_status 0
	mq consume -e -f '%{payload:hex} %{header:__value_schema_id}' "$store/orders"
	printf '020000 \1\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17' | cmp - out
	mq consume -e -J --decode auto --registry "$url" "$store/orders"
	cp out line
	[ "$(jq -c '[.value, .value_schema_id, .headers]' line)" = '[{"id":1,"who":null,"day":0},1,[]]' ]
	# What is encoded anew has the new name of its schema only.
	mq consume -e -J "$store/orders"
	jq -c '.payload = "{\"id\":2,\"who\":null,\"day\":0}" | .headers += [["a","b"]]' <<<"$out" >line
	mq produce -J --encode avro --schema id:1 --framing confluent --registry "$url" "$store/u" <line
	expect_status 0
	mq consume -e -f '%{payload:hex} %h\n' "$store/u"
	[ "$out" = "0000000001040000 a=b" ]
}

@test "a schema that is only bytes: with their length as most write it, and without as Java does" {
	# "abc" both ways, none both ways, and 200 of them.
	printf '\0\0\0\0\5\6abc;\0\0\0\0\5abc;\0\0\0\0\5\0;\0\0\0\0\5;\0\0\0\0\5%0200d;' 0 >fed
	mq produce -D ";" "$store/raw" <fed
	expect_status 0
	mq consume -e --decode auto --registry "$url" "$store/raw"
	expect_status 0
	[ "$out" = "$(printf '"abc"\n"abc"\n""\n""\n"%0200d"' 0)" ]
	# Without a frame the specification holds.
	printf abc >fed
	mq produce -D ";" "$store/bare" <fed
	mq consume -e --decode avro --framing none --schema id:5 --registry "$url" "$store/bare"
	expect_status 7
}

@test "Protobuf without message indexes, as kafkajs writes it; what is broken stays so" {
	echo 'syntax = "proto3"; message A { string a = 1; }' >a.proto
	mq schema show a.proto
	[[ $err != *"built without"* ]] || skip "this mqtk was built without libprotobuf"
	# A with indexes, A without (once they could be some: 5, of which one is negative), B.
	printf '\0\0\0\0\6\0\12\3\303\251x;\0\0\0\0\6\12\3\303\251x;\0\0\0\0\6\12\4bdfh;\0\0\0\0\6\2\2\10\7;' >fed
	mq produce -D ';' "$store/p" <fed
	mq consume -e --decode auto --registry "$url" "$store/p"
	expect_status 0
	[ "$out" = $'{"a":"éx"}\n{"a":"éx"}\n{"a":"bdfh"}\n{"b":7}' ]
	# A message that there is not, one that is cut off, none at all.
	printf '\0\0\0\0\6\2\4\10\7;\0\0\0\0\6\2\2\10;\0\0\0\0\6\0\12\5ab;\0\0\0\0\6;' >fed
	mq produce -D ';' "$store/broken" <fed
	mq consume -e --decode auto --on-error skip --registry "$url" "$store/broken"
	[ -z "$out" ]
	[[ $err == *"4 "* ]] || fail "$err"
}

@test "single objects and container files as payloads" {
	feed '{"id":1,"who":null,"day":0}\n' produce --encode avro --schema order.avsc --framing single-object "$store/t"
	feed '[{"id":1,"who":null,"day":0},{"id":2,"who":null,"day":0}]\n[]\n' produce --encode avro --schema order.avsc --framing container "$store/t"
	expect_status 0
	mq consume -e --decode auto --schema order.avsc "$store/t"
	[ "$out" = '{"id":1,"who":null,"day":0}
[{"id":1,"who":null,"day":0},{"id":2,"who":null,"day":0}]
[]' ]
	echo '"string"' >other.avsc
	mq consume -e --decode avro --framing single-object --schema other.avsc -c 1 "$store/t"
	expect_status 7
	[[ $err == *fingerprint* ]]
}

@test "a reader's schema: fields by alias and default" {
	cat >new.avsc <<-'EOF'
		{"type":"record","name":"Order","fields":[{"name":"number","aliases":["id"],"type":"double"},
		 {"name":"paid","type":"boolean","default":false}]}
	EOF
	feed '{"id":1,"who":null,"day":0}\n' produce --encode avro --schema order.avsc "$store/t"
	mq consume -e --decode avro --schema order.avsc --reader-schema new.avsc "$store/t"
	[ "$out" = '{"number":1,"paid":false}' ]
}

@test "what does not fit is not sent, is kept, and goes through the same command again" {
	printf '{"id":1,"who":null,"day":0}\nhello\n{"id":"x"}\n\n' >in
	mq produce --encode avro --schema id:1 --registry "$url" --failed-to failed "$store/t" <in
	expect_status 3
	[[ $err == *"record 2 failed: value: "* && $err == *"2 of 3 records failed"* ]]
	[ "$(jq -r .payload failed)" = $'hello\n{"id":"x"}' ]
	mq consume -e -f '%{payload:hex}\n' "$store/t"
	[ "$out" = 0000000001020000 ]
	# What was encoded already is not encoded again.
	mq consume -e -J "$store/t"
	cp out line
	mq produce -J --encode avro --schema id:1 --registry "$url" "$store/u" <line
	expect_status 0
	mq consume -e -f '%{payload:hex}\n' "$store/u"
	[ "$out" = 0000000001020000 ]
	feed '{}\n{"id":1}\n' produce --encode json --schema id:3 --registry "$url" "$store/j"
	expect_status 3
	mq consume -e --decode auto --registry "$url" "$store/j"
	[ "$out" = '{"id":1}' ]
	feed 'k\t\n' produce -K '\t' -Z --encode avro --schema id:1 --registry "$url" "$store/tomb"
	expect_status 0
	mq consume -e --decode avro -J --registry "$url" "$store/tomb"
	[ "$(jq -c '[.key, .payload]' <<<"$out")" = '["k",null]' ]
}

@test "programs get the decoded body; what cannot be decoded is a dead letter" {
	feed '{"id":1,"who":null,"day":0}\n' produce --encode avro --schema order.avsc "$store/t"
	feed 'hello\n' produce "$store/t"
	mq consume -e -g g --exec 'cat; echo' --decode avro --schema order.avsc \
		--dead-letter "$store/dead" "$store/t"
	expect_status 0
	[ "$out" = '{"id":1,"who":null,"day":0}' ]
	mq consume -e "$store/dead"
	[ "$out" = hello ]
	mq consume -e -g no --exec 'exit 1' --retries 0 --dead-letter "$store/dead" "$store/t"
	mq dlq show -J --decode avro --schema order.avsc "$store/dead"
	expect_status 0
	[ "$(jq -c '[.message.value, .message.payload]' <<<"$out")" = '[null,"hello"]
[{"id":1,"who":null,"day":0},null]
[null,"hello"]' ]
	mq dlq show --decode avro --schema order.avsc --on-error skip "$store/dead"
	expect_status 0
	[[ $out == *'"who":null'* && $out != *hello* && $err == *"skipped dead[0]@0: value: "* ]]
	# shellcheck disable=SC2016 # the program's own variable
	mq consume -e -g h --exec-lines 'while read -r line; do echo "$line" >>got; echo ok; done' \
		--decode avro --schema order.avsc --on-error raw "$store/t"
	expect_status 0
	[ "$(cat got)" = $'{"id":1,"who":null,"day":0}\nhello' ]
	mq consume -e -g i --exec cat --decode avro --schema order.avsc --on-error skip "$store/t"
	expect_status 2
}

@test "options that contradict each other or make no sense are said" {
	wrong() {
		local words=$1
		shift
		mq "$@" </dev/null
		expect_status 2
		[[ $err == *"$words"* ]] || fail "not '$words' but: $err"
	}
	wrong "'xml' is none of" consume -e --decode xml "$store/t"
	wrong "--framing: 'x' is none of" consume -e --decode avro --framing x "$store/t"
	wrong "--key-schema needs" consume -e --decode avro --key-schema order.avsc "$store/t"
	wrong "--framing needs --decode" consume -e --framing none "$store/t"
	wrong "needs a schema" produce --encode avro "$store/t"
	wrong "is Avro's" produce --encode json --framing single-object "$store/t"
	wrong "in a registry" produce --encode avro --schema order.avsc --framing confluent "$store/t"
	wrong "in a registry, and none is named" consume -e --decode avro --schema id:1 "$store/t"
	wrong "is JSON, and" consume -e --decode avro --schema id:3 --registry "$url" "$store/t"
}

@test "the registry of a profile, of the environment, and its token goes to nobody else" {
	printf 'registry = http://127.0.0.1:1\n[profile p]\nurl = %s\nregistry = %s\nregistry.token = secret\n' \
		"$store/" "$url" >config
	MQTK_CONFIG=config mq produce --encode avro --schema id:2 p/t <<<'"x"'
	expect_status 0
	MQTK_CONFIG=config mq consume -e --decode auto p/t
	expect_status 0
	[ "$out" = '"x"' ]
	MQTK_REGISTRY=$url mq consume -e --decode auto "$store/t"
	[ "$out" = '"x"' ]
	mq consume -e --decode auto -X registry="$url" "$store/t"
	[ "$out" = '"x"' ]
}

@test "Avro container files: written, read by Avro's own library, sent again" {
	feed '{"id":1,"who":null,"day":0}\n{"id":2,"who":{"string":"x"},"day":5}\n' \
		produce --encode avro --schema order.avsc "$store/t"
	mq consume -e -g g --schema order.avsc --to-avro-file o.avro "$store/t"
	expect_status 0
	[ -z "$out" ]
	if "$root/scripts/python.sh" --with avro -c 'import avro' 2>/dev/null; then
		"$root/scripts/python.sh" --with avro - >got <<-'PYTHON'
			import avro.datafile, avro.io
			with open("o.avro", "rb") as file:
			    for value in avro.datafile.DataFileReader(file, avro.io.DatumReader()):
			        print(value["id"], value["who"], value["day"])
		PYTHON
		[ "$(cat got)" = $'1 None 1970-01-01\n2 x 1970-01-06' ]
	fi
	mq produce --avro-file o.avro "$store/text"
	expect_status 0
	mq consume -e "$store/text"
	[ "$out" = $'{"id":1,"who":null,"day":0}\n{"id":2,"who":{"string":"x"},"day":5}' ]
	mq consume -e --decode json --schema order.avsc --to-avro-file - "$store/text"
	cp out again.avro
	# As they are: by the schema of the file itself.
	mq produce --avro-file again.avro --encode avro "$store/bytes"
	expect_status 0
	mq consume -e -f '%{payload:hex}\n' "$store/t"
	cp out first
	mq consume -e -f '%{payload:hex}\n' "$store/bytes"
	cmp out first
	mq produce --avro-file o.avro --encode avro --registry "$url" --schema id:1 "$store/framed"
	mq consume -e --registry "$url" --schema id:1 --to-avro-file framed.avro "$store/framed"
	expect_status 0
	mq produce --avro-file framed.avro --avro-file o.avro "$store/both"
	mq consume -e "$store/both"
	[ "$(wc -l <out)" -eq 4 ]

	mq consume -e --schema order.avsc --to-avro-file o.avro "$store/t"
	expect_status 2
	[[ $err == *"o.avro has something in it"* ]]
	head -c -6 o.avro >cut.avro
	mq produce --avro-file cut.avro "$store/cut"
	expect_status 6
	[[ $err == *"cut.avro: byte "* ]]
	mq produce --avro-file order.avsc "$store/cut"
	expect_status 6
	mq schema decode --schema o.avro o.avro
	expect_status 7
	[[ $err == *"o.avro is an Avro container file, and no schema"* ]]
}

@test "into an Avro file: what does not fit settles nothing behind it" {
	feed '{"id":1,"who":null,"day":0}\nhello\n{"id":3,"who":null,"day":0}\n' produce "$store/t"
	mq consume -e -g g --decode json --schema order.avsc --to-avro-file a.avro "$store/t"
	expect_status 7
	[[ $err == *"t[0]@1: value: "*"--on-error skip leaves it out"* ]] || fail "$err"
	mq produce --avro-file a.avro "$store/u"
	mq consume -e "$store/u"
	[ "$out" = '{"id":1,"who":null,"day":0}' ]
	mq consume -e -g g --decode json --on-error skip --schema order.avsc --to-avro-file b.avro "$store/t"
	expect_status 0
	mq produce --avro-file b.avro "$store/v"
	mq consume -e "$store/v"
	[ "$out" = '{"id":3,"who":null,"day":0}' ]
	mq consume -e --to-avro-file c.avro "$store/t"
	expect_status 2
	echo '{"payload":null}' | "$MQTK" produce -q -J "$store/null"
	mq consume -e -g g --schema order.avsc --to-avro-file d.avro "$store/null"
	expect_status 7
	[[ $err == *"no payload at all"*"--on-error skip leaves it out"* ]] || fail "$err"
	# A full disk: nothing is settled.
	mq consume -e -g full --schema order.avsc --decode json -c 1 --to-avro-file /dev/full "$store/t"
	expect_status 6
	mq group show -J "$store/t" full
	[[ $out != *'"committed":1'* ]]
}

@test "schema encode and decode: lines of digits, whole files, messages, container files" {
	printf '{"id":1,"who":null,"day":0}\nx\n{"id":2,"who":{"string":"x"},"day":5}\n' >in
	grep -v x$ in | grep -v '^x' >good
	mq schema encode --schema order.avsc in
	expect_status 7
	[[ $err == *"in:2: "* && $err == *"1 of 3 records"* ]]
	[ "$out" = $'AgAA\nBAICeAo=' ]
	cp out digits
	mq schema decode --schema order.avsc digits
	expect_status 0
	cmp out good
	# The next step is said with the first record that needs it.
	echo '{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}' >price.avsc
	printf '"12.34"\n"12.35"\n12.34\n' >prices
	mq schema encode --schema price.avsc --as hex prices
	expect_status 7
	[ "$out" = 0404d2 ]
	[ "$(grep -c 'a decimal is written as a JSON number' <<<"$err")" -eq 1 ] || fail "$err"
	mq schema encode --schema id:1 --registry "$url" --as hex good
	[ "$out" = $'0000000001020000\n0000000001040202780a' ]
	cp out digits
	mq schema decode --registry "$url" --as hex digits
	cmp out good
	mq schema encode --schema order.avsc --framing container good
	expect_status 0
	cp out file.avro
	mq schema decode file.avro
	cmp out good
	mq schema decode --framing container --bare-unions <file.avro
	[ "$(tail -1 out)" = '{"id":2,"who":"x","day":5}' ]
	head -1 good >one
	mq schema encode --schema order.avsc --as raw one
	printf '\2\0\0' | cmp - out
	cp out one.bin
	mq schema decode --schema order.avsc --as raw one.bin
	cmp out one
	mq produce --encode avro --schema order.avsc "$store/t" <good
	mq consume -e -J "$store/t"
	cp out lines
	mq schema decode -J --schema order.avsc lines
	cp out decoded
	[ "$(jq -c .value decoded)" = "$(cat good)" ]
	mq schema encode -J --schema order.avsc decoded
	cmp out lines
	mq schema decode --schema order.avsc --as hex <<<$'0200\nzz\n020000'
	expect_status 7
	[ "$out" = '{"id":1,"who":null,"day":0}' ]
	mq schema encode one
	expect_status 2
	mq schema decode --schema order.avsc "$BATS_TEST_TMPDIR/nothing"
	expect_status 6
}

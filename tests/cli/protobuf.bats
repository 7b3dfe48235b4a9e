#!/usr/bin/env bats
# Protobuf against another implementation: random messages of a rich schema, Python's bytes in our
# JSON and back, from the definition itself and from the descriptors that protoc writes.

load ../lib/helpers

setup_file() {
	filter=$MQTK_TEST_BIN/lib/schema_lines
	export filter
}

need() {
	"$filter" "$root/tests/lib/rich.proto" indexes >/dev/null 2>built || {
		! grep -q 'built without' built || skip "$(cat built)"
		fail "$(cat built)"
	}
	command -v protoc >/dev/null || skip 'there is no protoc'
	"$root/scripts/python.sh" --with google.protobuf -c 'import google.protobuf' 2>/dev/null ||
		skip "Python has no google.protobuf"
	protoc "-I$root/tests/lib" --include_imports -o rich.desc rich.proto
}

@test "random messages are the same for Python, both ways" {
	need
	"$root/scripts/python.sh" --with google.protobuf "$root/tests/lib/protobuf_random.py" \
		"$filter" "$root/tests/lib/rich.proto" rich.desc 1000
}

@test "the same by the descriptors of protoc, as bytes and as base64" {
	need
	"$root/scripts/python.sh" --with google.protobuf "$root/tests/lib/protobuf_random.py" \
		"$filter" "$PWD/rich.desc" rich.desc 300
	base64 rich.desc >rich.pb
	"$filter" rich.pb rich.All indexes >out
	[ "$(cat out)" = '0 rich.All' ]
}

@test "the normal form is read by protoc, and describes the same messages" {
	need
	mkdir normal
	for file in rich rich_proto2; do
		"$filter" "$root/tests/lib/$file.proto" canonical >"normal/$file.proto"
	done
	protoc -Inormal --include_imports -o normal.desc rich.proto
	"$root/scripts/python.sh" --with google.protobuf "$root/tests/lib/protobuf_random.py" \
		"$filter" "$PWD/normal.desc" rich.desc 100
}

@test "a message of an import is chosen by its name, and has no indexes" {
	printf 'syntax = "proto3"; package o; import "there.proto"; message First { t.M m = 1; }\n' >here.proto
	printf 'syntax = "proto3"; package t; message L {}\nmessage M { int32 id = 9; }\n' >there.proto
	mq schema encode --as hex --schema here.proto --message t.M <<<'{"id":1}'
	[[ $err != *"built without"* ]] || skip "$err"
	expect_status 0
	[ "$out" = 4801 ]
	mq schema decode --as hex --schema here.proto --message t.M <<<4801
	[ "$out" = '{"id":1}' ]
}

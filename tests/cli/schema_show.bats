#!/usr/bin/env bats
# What a schema is: its type, normal form, fingerprints.

load ../lib/helpers

@test "an Avro schema: name, Parsing Canonical Form, the specification's fingerprint" {
	echo '{ "name": "order", "namespace": "shop", "doc": "x", "type": "record",
	        "fields": [{"type": {"type": "int"}, "name": "id", "default": 0}] }' >a.avsc
	mq schema show -J a.avsc
	expect_status 0
	[ "$(jq -r '.type + " " + .name' out)" = "avro shop.order" ]
	[ "$(jq -r .canonical out)" = '{"name":"shop.order","type":"record","fields":[{"name":"id","type":"int"}]}' ]
	[ "$(jq -r .fingerprints.sha256 out)" = "$(jq -rj .canonical out | sha256sum | cut -d' ' -f1)" ]
	[ "$(jq -r .fingerprints.md5 out)" = "$(jq -rj .canonical out | md5sum | cut -d' ' -f1)" ]
	# Avro's own test vectors (share/test/data/schema-tests.txt): "null" and "int".
	echo '"null"' >null.avsc
	mq schema show -J null.avsc
	[ "$(jq -r .fingerprints.crc64 out)" = 63dd24e7cc258f8a ]
	[ "$(jq .name out)" = null ]
	echo '{"type":"int"}' >int.avsc
	mq schema show -J int.avsc
	[ "$(jq -r .fingerprints.crc64 out)" = 7275d51a3f395c8f ]
}

@test "where OpenSSL may not make a fingerprint, the others are there" {
	printf '%s\n' 'openssl_conf = all' '[all]' 'alg_section = some' '[some]' 'default_properties = fips=yes' >fips.cnf
	echo '"int"' >int.avsc
	OPENSSL_CONF=$PWD/fips.cnf mq schema show -J int.avsc
	expect_status 0
	fits schema-show
	[ "$(jq -c .fingerprints out)" = '{"crc64":"7275d51a3f395c8f","md5":null,"sha256":null}' ]
	OPENSSL_CONF=$PWD/fips.cnf mq schema show int.avsc
	expect_status 0
	grep -q '^md5      - (not allowed' out
}

@test "a JSON Schema: layout does not matter" {
	echo '{"b":1.0,"a":{"d":[1,2],"c":null}}' >1.json
	printf '{\n "a" : {"c":null, "d":[1, 2]},\n "b":1.0}\n' >2.json
	mq schema show --canonical 1.json
	expect_status 0
	cp out first
	mq schema show --canonical 2.json
	expect_status 0
	cmp first out
	mq schema show 1.json
	expect_status 0
	grep -qx 'type     json' out
	grep -qE '^sha256   [0-9a-f]{64}$' out
	[ "$(tail -n 1 out)" = "$(cat first)" ]
}

@test "no schema is 7, none is 6, two are 2" {
	echo '{' >bad.json
	mq schema show bad.json
	expect_status 7
	mq schema show none.json
	expect_status 6
	mq schema show
	expect_status 2
	mq schema show a b
	expect_status 2
	mq schema show -J --canonical bad.json
	expect_status 2
}

@test "a name cannot drive the terminal" {
	# shellcheck disable=SC2016 # no variable
	printf '{"title":"\\u001b[31m","$comment":"\\u007f"}' >t.json
	mq schema show t.json
	expect_status 0
	[[ $out != *$'\e'* ]]
	# CSI as one character, which some terminals take.
	printf '{"title":"\302\23331m"}' >c1.json
	mq schema show c1.json
	expect_status 0
	[[ $out == *'"title":"'* && $out != *$'\302\233'* ]]
}

@test "a Protobuf definition: all its messages, and the one in use" {
	printf 'syntax = "proto3"; package p;\nmessage A { message B { message C {} } message D {} }\nmessage E {}\n' >a.proto
	mq schema show -J a.proto
	[[ $err != *"was built without"* ]] || skip "built without Protobuf"
	expect_status 0
	[ "$(jq -r '.name + ": " + (.messages | join(" "))' out)" = "p.A: p.A p.A.B p.A.B.C p.A.D p.E" ]
	mq schema show -J --message p.E a.proto
	[ "$(jq -r .name out)" = p.E ]
	mq schema show a.proto
	[ "$(grep -c '^message  ' out)" -eq 5 ]
}

#!/usr/bin/env bats
# A real schema registry: what mqtk registers another client reads, to the byte, and the other way
# round; how it refuses; what happens when it is gone. And TLS with client certificates. Wrong answers
# are in tests/cli/schema_registry.bats. (Apicurio takes for a JSON Schema only what has $schema or
# properties, whatever type it is told; what is deleted is gone at once; and of a subject without a
# mode of its own it tells the global one.)
# shellcheck disable=SC2154,SC2030,SC2031,SC2016 # set in the helpers; each test is a process; $schema

load ../lib/helpers

setup() {
	common_setup
	pids=()
	requires_registry
	subject=$(unique subject)
}
teardown() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
}

is() { [ "$1" = "$2" ] || fail "it is: $1" "expected: $2" "stderr: $err"; }
has() { [[ $1 == *"$2"* ]] || fail "it is: $1" "expected in it: $2"; }
client() { "$root/scripts/python.sh" "$root/tests/faults/registry_client.py" "$REGISTRY" "$@"; }
schema() { mq schema "$1" --registry "$REGISTRY" "${@:2}"; }

record() { printf '{"type": "record",\n\t"name": "R", "fields": [%s]}\n\n' "$1"; }

@test "what mqtk registers another client reads, and the other way round, to the byte" {
	local name="$subject/a:1 é%"
	record '{"name": "a", "type": "int", "doc": "\u00e9\\ \"q\" 日本"}' >r.avsc
	printf '{\n  "type": "object", "properties": {"x": {"const": 1.50}}\n}' >j.json
	printf 'syntax = "proto3";\r\npackage p; message M { int32 a = 1; } // ä\n' >m.proto
	for pair in r.avsc:AVRO j.json:JSON m.proto:PROTOBUF; do
		schema register -J --type "$(tr '[:upper:]' '[:lower:]' <<<"${pair#*:}")" "$name-${pair#*:}" "${pair%:*}"
		expect_status 0
		jq -e '.version == 1 and .registered' out
		client get-text "$name-${pair#*:}" 1 >there
		cmp "${pair%:*}" there
		client id-text "$(jq .id out)" >there
		cmp "${pair%:*}" there
		schema get "id:$(jq .id out)"
		cmp "${pair%:*}" out
		schema register "$name-${pair#*:}" "${pair%:*}"
		has "$err" already
		id=$(client register "$subject-theirs-${pair#*:}" "${pair#*:}" "${pair%:*}")
		schema get "$subject-theirs-${pair#*:}"
		cmp "${pair%:*}" out
		schema get -J "$subject-theirs-${pair#*:}:latest"
		is "$(jq -c '[.id,.version,.type]' out)" "[$id,1,\"${pair#*:}\"]"
	done
	schema ls -J "$subject"
	is "$(jq -r .subject out | sort | paste -sd,)" "$(client subjects |
		jq -r --arg s "$subject" '.[] | select(startswith($s))' | sort | paste -sd,)"
	is "$(wc -l <out)" 6
}

@test "references: registered with their versions, and followed when messages are judged" {
	printf '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "integer", "minimum": 5}' >n.json
	printf '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": {"$ref": "n.json"}}' >l.json
	schema register "$subject-n" n.json
	schema register "$subject-l" l.json --reference "n.json=$subject-n:1"
	expect_status 0
	is "$(client get "$subject-l" 1 | jq -c .references)" \
		"[{\"name\":\"n.json\",\"subject\":\"$subject-n\",\"version\":1}]"
	id=$(client register "$subject-theirs" JSON l.json n.json "$subject-n" 1)
	for source in "registry:$subject-l" "registry:$subject-theirs:1" "id:$id"; do
		printf '[5,6]\n[7,4]\n' >in
		mq schema validate --registry "$REGISTRY" --schema "$source" -J in
		expect_status 1
		is "$(jq -c '[.line,.pointer,.keyword]' out)" '[2,"/1","minimum"]'
	done
}

@test "modes: set, told, obeyed; what does not fit is exit 1 and not registered" {
	record '{"name": "a", "type": "int"}' >1.avsc
	record '{"name": "b", "type": "int"}' >2.avsc
	record '{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 1}' >3.avsc
	schema register "$subject" 1.avsc
	schema config "$subject" backward
	expect_status 0
	schema config "$subject"
	is "$out" BACKWARD
	for how in "" --dry-run; do
		# shellcheck disable=SC2086 # nothing, or a word
		schema register $how "$subject" 2.avsc
		expect_status 1
	done
	schema register --dry-run "$subject" 3.avsc
	expect_status 0
	schema register "$subject" 3.avsc
	is "${out% *}" "$subject:2"
	schema config "$subject" NONE
	schema register "$subject" 2.avsc
	is "${out% *}" "$subject:3"
	is "$(client get-text "$subject" 3)" "$(cat 2.avsc)"
	echo '{"type": "nonsense"}' >bad.avsc
	schema register --type avro "$subject-bad" bad.avsc
	expect_status 7
}

@test "deleting a version, a subject, and for good" {
	record '{"name": "a", "type": "int"}' >1.avsc
	record '{"name": "b", "type": "int"}' >2.avsc
	schema register "$subject" 1.avsc
	schema register "$subject" 2.avsc
	schema delete --yes "$subject:1"
	expect_status 0
	schema get "$subject:1"
	expect_status 8
	schema get "$subject:2"
	expect_status 0
	schema delete --yes --permanent "$subject"
	expect_status 0
	schema get "$subject"
	expect_status 8
	schema ls --deleted "$subject"
	has "$err" "begins with"
	schema delete --yes "$subject"
	expect_status 8
}

@test "a registry that dies: exit 4 in time, unless what is needed was kept; and it comes back" {
	# shellcheck source=tests/brokers/registry.sh
	source "$root/tests/brokers/registry.sh"
	local name keep started
	name=$(unique own)
	registry_start "$name" 3>&- 4>&-
	printf '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "integer"}' >n.json
	schema register -J s n.json
	id=$(jq .id out)
	keep=(--registry "$REGISTRY" -X "registry.cache=$PWD/kept" --schema "id:$id")
	echo 1 >in
	mq schema validate "${keep[@]}" in
	expect_status 0
	registry_kill "$name"
	mq schema validate "${keep[@]}" in
	expect_status 0
	started=$SECONDS
	schema get --timeout 3s "id:$id"
	expect_status 4
	has "$err" "${REGISTRY%/apis*}"
	((SECONDS - started <= 8)) || fail "it took $((SECONDS - started)) s"
	# Another one is asked instead.
	mq schema ls --registry "$REGISTRY,$MQTK_TEST_REGISTRY"
	expect_status 0
	# It begins with nothing; while it starts we wait for it.
	("$MQTK" schema config --registry "$REGISTRY" --timeout 60s >waited 2>&1 && : >answered) 3>&- 4>&- &
	pids+=($!)
	registry_again "$name" 3>&- 4>&-
	wait_until 60 test -e answered
	schema get "id:$id"
	expect_status 8
	registry_stop "$name"
}

@test "https: the server's certificate is checked, and ours is shown" {
	local tls url
	tls=$(dirname "$MQTK_TEST_CA")
	echo '{"GET /subjects": {"json": []}}' >answers
	mkfifo fifo
	"$root/scripts/python.sh" "$root/tests/lib/fake_registry.py" answers log "$tls/server.pem" \
		"$tls/ca.pem" >fifo 3>&- 4>&- &
	pids+=($!)
	read -r -t 20 url <fifo
	mq schema ls --registry "$url" --timeout 2s
	expect_status 5
	has "$err" registry.ca
	# Without ours, or with one that nobody signed, the server's refusal is told at once.
	local started=$SECONDS
	mq schema ls --registry "$url" --timeout 30s -X "registry.ca=$tls/ca.pem"
	expect_status 5
	has "$err" "it wants a certificate of us"
	has "$err" "-X registry.cert=FILE"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.crt -days 2 -subj /CN=x 2>openssl.log
	mq schema ls --registry "$url" --timeout 30s -X "registry.ca=$tls/ca.pem" \
		-X registry.cert=other.crt -X registry.key=other.key
	expect_status 5
	has "$err" "it does not trust our certificate"
	((SECONDS - started < 25)) || fail "it took $((SECONDS - started)) s"
	# An encrypted key is nobody's question: neither on a terminal nor elsewhere.
	openssl rsa -aes128 -passout pass:word -in "$tls/server.key" -out closed.key 2>openssl.log
	local cert=(-X "registry.ca=$tls/ca.pem" -X "registry.cert=$tls/server.crt" -X registry.key=closed.key)
	mq schema ls --registry "$url" "${cert[@]}"
	expect_status 2
	has "$err" "registry.key-password"
	[[ $err != *"pass phrase"* ]] || fail "it asked: $err"
	mq schema ls --registry "$url" "${cert[@]}" -X registry.key-password=word
	expect_status 0
	mq schema ls --registry "$url" -X "registry.ca=$tls/ca.pem" -X "registry.cert=$tls/server.crt" \
		-X "registry.key=$tls/server.key"
	expect_status 0
	mq schema ls --registry "$url" -X registry.insecure=true -X "registry.cert=$tls/server.crt" \
		-X "registry.key=$tls/server.key"
	expect_status 0
	mq schema ls --registry "$url" -X registry.ca=missing.pem
	expect_status 2
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # $ref is no variable; set in the helpers
# Where `schema validate` has schemas from: files that refer to each other, the web, a registry; and bad ones.

load judging

setup() {
	judging_setup
}

@test "the draft: what $schema names, whatever is current, and one that is too old" {
	draft() { # URI: what it makes of a member that draft 2019-09 has brought, and of one of draft 7
		echo '{"$schema":"'"$1"'","dependentRequired":{"a":["b"]},"if":{"required":["c"]},"then":false}' >draft.json
		printf '%s\n' '{"a":1}' '{"c":1}' >members.jsonl
		mq schema validate --schema draft.json "${@:2}" members.jsonl
	}
	draft http://json-schema.org/schema#
	expect_status 1
	[ "$(cut -d: -f2 out | xargs)" = "1 2" ]
	draft https://json-schema.org/schema --draft 7
	expect_status 1
	[ "$(cut -d: -f2 out | xargs)" = 2 ]
	# Draft 5 is draft 4, written down anew.
	draft http://json-schema.org/draft-05/schema# --draft 7
	expect_status 0
	draft https://json-schema.org/draft-07/schema
	expect_status 1
	[ "$(cut -d: -f2 out | xargs)" = 2 ]
	draft http://json-schema.org/draft-03/schema#
	expect_status 7
	[ "$(head -1 err)" = 'mqtk schema validate: draft.json, its $schema: draft 3 of JSON Schema is too old' ]
}

@test "a bad schema is 7 and names the place, a missing file 6" {
	echo '{"properties":{"a":{"type":"objekt"}}}' >bad.json
	mq schema validate --schema bad.json orders.jsonl
	expect_status 7
	[[ $err == *bad.json*'#/properties/a/type'* ]] || fail "$err"
	echo '{"type":' >cut.json
	mq schema validate --schema cut.json orders.jsonl
	expect_status 7
	[[ $err == *cut.json* ]]
	: >empty.json
	mq schema validate --schema empty.json orders.jsonl
	expect_status 7
	mq schema validate --schema nowhere.json orders.jsonl
	expect_status 6
	[[ $err == *nowhere.json* ]]
	mq schema validate --schema . orders.jsonl
	expect_status 6
	mq schema validate orders.jsonl
	expect_status 2
	validate nowhere.jsonl orders.jsonl
	expect_status 6
	[[ $err == *"cannot read nowhere.jsonl"* ]]
	[ "$(wc -l <out)" -eq 4 ]
	validate parts
	expect_status 6
	validate "$store/nowhere"
	expect_status 8
	mq schema validate --schema - orders.jsonl <order.json
	expect_status 1
	[ "$(wc -l <out)" -eq 4 ]
	mq schema validate --schema - <order.json
	expect_status 2
	printf '\xef\xbb\xbf{"type":"object"}' >bom.json
	mq schema validate --schema bom.json orders.jsonl
	expect_status 7
	[[ $err == *"bom.json"*"byte order mark"* ]] || fail "$err"
	printf '\xff\xfe{\0}\0' >utf16.json
	mq schema validate --schema utf16.json orders.jsonl
	expect_status 7
	[[ $err == *"utf16.json"*"UTF-16"* ]] || fail "$err"
}

@test "references: beside the file, by --remote-dir, and nothing else without --allow-remote" {
	echo '{"$ref":"http://schemas.invalid/v1/a%20b.json"}' >remote.json
	mkdir v1
	echo '{"type":"integer"}' >"v1/a b.json"
	echo '{}' >outside.json
	echo 1 >good
	echo '"x"' >wrong
	mq schema validate --schema remote.json good
	expect_status 7
	[[ $err == *http://schemas.invalid/v1/a%20b.json*--remote-dir* ]]
	mq schema validate --schema remote.json --remote-dir http://schemas.invalid/=. good
	expect_status 0
	mq schema validate --schema remote.json --remote-dir http://schemas.invalid/=. wrong
	expect_status 1
	# The longest prefix counts, and nothing outside of its folder is read.
	mq schema validate --schema remote.json --remote-dir http://schemas.invalid=parts \
		--remote-dir http://schemas.invalid/v1=v1 good
	expect_status 0
	mq schema validate --schema remote.json --remote-dir http://schemas=. good
	expect_status 7
	echo '{"$ref":"http://schemas.invalid/..%2foutside.json"}' >remote.json
	mq schema validate --schema remote.json --remote-dir http://schemas.invalid=v1 good
	expect_status 7
	mq schema validate --schema remote.json --remote-dir http://schemas.invalid good
	expect_status 2
	# Beside the file, wherever the program runs.
	cd v1
	mq schema validate --schema ../order.json ../orders.jsonl
	expect_status 1
	echo '{"$schema": "./schema-of-itself-with-a-long-name.json"}' >schema-of-itself-with-a-long-name.json
	mq schema validate --schema schema-of-itself-with-a-long-name.json orders.jsonl
	expect_status 7
	[[ $err == *"meta-schemas that need each other"* ]] || fail "$err"
}

# serve: the folder site over HTTP, with a registry's answer for what is not there; $url is its
# address, $server its process.
serve() {
	python3 - 3>&- 4>&- >port <<-'END' &
	import http.server, os
	os.chdir("site")
	class Quiet(http.server.SimpleHTTPRequestHandler):
	    def log_message(self, *args): pass
	    def send_error(self, code, *args):
	        body = b'{"error_code": 40403, "message": "Schema not found"}'
	        self.send_response(code)
	        self.send_header("Content-Length", str(len(body)))
	        self.end_headers()
	        self.wfile.write(body)
	server = http.server.HTTPServer(("127.0.0.1", 0), Quiet)
	print(server.server_port, flush=True)
	server.serve_forever()
	END
	server=$!
	wait_until 20 test -s port
	url=http://127.0.0.1:$(cat port)
}

@test "--allow-remote fetches" {
	mkdir site
	echo '{"type":"integer"}' >site/n.json
	serve
	echo "{\"\$ref\":\"$url/n.json\"}" >remote.json
	echo '"x"' >wrong
	mq schema validate --schema remote.json wrong
	expect_status 7
	mq schema validate --allow-remote --schema remote.json wrong
	expect_status 1
	echo "{\"\$ref\":\"$url/none.json\"}" >remote.json
	mq schema validate --allow-remote --schema remote.json wrong
	expect_status 7
	[[ $err == *"HTTP status 404"* ]]
	kill "$server"
	wait "$server" || true
	mq schema validate --allow-remote --schema remote.json wrong
	expect_status 4
}

@test "schemas of a registry, and payloads that name the one that wrote them" {
	mkdir -p site/schemas/ids site/subjects/r-value/versions
	schema='{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":\"int\"}]}'
	echo "{\"schema\":\"$schema\"}" >site/schemas/ids/7
	echo "{\"subject\":\"r-value\",\"version\":1,\"id\":7,\"schema\":\"$schema\"}" >site/subjects/r-value/versions/latest
	cp site/subjects/r-value/versions/latest site/subjects/r-value/versions/1
	echo '{"properties":{"n":{"maximum":5}}}' >small.json
	serve
	export MQTK_REGISTRY=$url
	printf '\0\0\0\0\x07\x02' >one
	printf '\0\0\0\0\x07\x10' >eight
	printf '\0\0\0\0\x07\xff' >cutoff
	printf '\0\0\0\0\x08\x02' >unknown
	printf 'text' >bare
	"$MQTK" produce -q "$store/r" one eight cutoff unknown bare
	# By the schema that each names.
	mq schema validate "$store/r"
	expect_status 1
	[ "$(cut -d: -f1,2 out | tr '\n' ' ')" = "r[0]@2: data r[0]@3: data r[0]@4: framing " ] || fail "$out"
	# By one of the registry's, and by another kind altogether.
	mq schema validate --schema registry:r-value "$store/r"
	expect_status 1
	[ "$(cut -d: -f1 out | tr '\n' ' ')" = "r[0]@2 r[0]@3 r[0]@4 " ] || fail "$out"
	mq schema validate --schema small.json --framing confluent "$store/r"
	expect_status 1
	[ "$(sed -n 1p out)" = "r[0]@1: /n: maximum: 8 is greater than 5" ] || fail "$out"
	# Lines are JSON text whatever the schema.
	echo '{"n":1}' >line
	mq schema validate --schema id:7 line
	expect_status 0
	mq schema validate --schema id:9 line
	expect_status 8
	mq schema validate line
	expect_status 2
	kill "$server"
	wait "$server" || true
	mq schema validate --timeout 2s "$store/r"
	expect_status 4
	mq schema validate --timeout 2s --schema id:7 line
	expect_status 4
	unset MQTK_REGISTRY
	mq schema validate "$store/r"
	expect_status 2
	[[ $err == *--registry* ]]
}

#!/usr/bin/env bats
# What a schema registry may answer, and what becomes of it: a server that answers what it was told
# (tests/lib/fake_registry.py). The real one is in tests/faults/registry.bats.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

load ../lib/helpers

setup() {
	common_setup
	pids=()
}
teardown() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
}

is() { [ "$1" = "$2" ] || fail "it is: $1" "expected: $2" "stderr: $err"; }
has() { [[ $1 == *"$2"* ]] || fail "it is: $1" "expected in it: $2"; }
lacks() { [[ $1 != *"$2"* ]] || fail "it is: $1" "not expected in it: $2"; }
# requests: what the server was asked, without headers and bodies.
requests() { cut -d' ' -f1,2 "${1:-log}"; }

# fake [NAME]: a server with the answers on standard input; sets url. Its log is "log", or NAME.log.
fake() {
	local name=${1:-}
	cat >"${name:+$name.}answers"
	mkfifo "${name:+$name.}fifo"
	"$root/scripts/python.sh" "$root/tests/lib/fake_registry.py" "${name:+$name.}answers" \
		"${name:+$name.}log" >"${name:+$name.}fifo" 3>&- 4>&- &
	pids+=($!)
	read -r -t 20 url <"${name:+$name.}fifo"
}

# schema …: in the registry, within 20 s.
schema() {
	local started=$SECONDS
	mq schema "$1" --registry "$url" "${@:2}"
	((SECONDS - started < 20)) || fail "it took $((SECONDS - started)) s"
}

@test "what is registered comes out as it is, and once for each that is asked for" {
	fake <<-'EOF'
	{"GET /schemas/ids/7": {"json": {"schema": "{\"type\": \"string\"}\n\n"}},
	 "GET /schemas/ids/9": {"json": {"schemaType": "", "schema": "\"bytes\""}},
	 "GET /subjects/a%2Fb%3A%20%C3%A9/versions/latest": {"json": {"subject": "a/b: é", "version": 3, "id": 7,
	   "guid": "3c51d2a6-f9cf-4ab5-a4b0-0b7a3ae6ff18", "schemaType": "JSON", "schema": "true",
	   "references": [{"name": "x.json", "subject": "x", "version": 2}]}},
	 "GET /subjects/s%3A3/versions/12": {"json": {"subject": "s:3", "version": 12, "id": 8, "schema": "\"int\""}},
	 "GET /schemas/guids/3c51d2a6-f9cf-4ab5-a4b0-0b7a3ae6ff18": {"json": {"schema": "\"long\""}}}
	EOF
	schema get id:7
	expect_status 0
	is "$(od -An -v -tc out | tr -d ' \n')" '{"type":"string"}\n\n'
	# A type that is sent empty is the one that is left out: Avro.
	schema get -J id:9
	is "$(jq -c '[.type, .schema]' out)" '["AVRO","\"bytes\""]'
	schema get -J 'a/b: é'
	expect_status 0
	is "$(jq -c . out)" '{"subject":"a/b: é","version":3,"id":7,"guid":"3c51d2a6-f9cf-4ab5-a4b0-0b7a3ae6ff18","type":"JSON","schema":"true","references":[{"name":"x.json","subject":"x","version":2}]}'
	fits schema-registered
	schema get s:3:12
	is "$out" '"int"'
	schema get guid:3C51D2A6F9CF4AB5A4B00B7A3AE6FF18
	is "$out" '"long"'
	schema get "registry:a/b: é:latest"
	is "$out" true
	# Everything of the protocol's kind is asked for with its type.
	grep -q '^GET /schemas/ids/7 - application/vnd.schemaregistry.v1+json' log
}

@test "several thousand messages ask for their schema once, and for what it refers to" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": {"json": {"schemaType": "JSON", "schema": "{\"$ref\": \"n.json\"}",
	   "references": [{"name": "n.json", "subject": "n", "version": 1}]}},
	 "GET /subjects/n/versions/1?deleted=true": {"json": {"subject": "n", "version": 1, "id": 2,
	   "schemaType": "JSON", "schema": "{\"type\": \"integer\"}"}}}
	EOF
	seq 5000 >in
	mq schema validate --registry "$url" --schema id:1 in
	expect_status 0
	echo '"no"' >>in
	mq schema validate --registry "$url" --schema id:1 in
	expect_status 1
	is "$(requests | sort | uniq -c | awk '{ print $1, $3 }' | paste -sd' ')" \
		"2 /schemas/ids/1 2 /subjects/n/versions/1?deleted=true"
}

@test "an id that is not there is asked for once, however many messages have it" {
	fake <<<'{}'
	for _ in $(seq 200); do printf '\0\0\0\0\11{"a":1}\n'; done | mq produce -q --create local/t
	expect_status 0
	mq consume -q -e --decode json --registry "$url" --on-error skip local/t
	[ "$(requests | grep -c /schemas/ids/9)" -eq 1 ] || fail "$(requests)"
}

@test "answers that are none: exit 7, and what was asked is named" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": {"text": "<!DOCTYPE html><html>welcome</html>"},
	 "GET /schemas/ids/2": {"text": "{\"schema\": \"\\\"int\\\""},
	 "GET /schemas/ids/3": {"json": {"id": 4, "schema": "\"int\""}},
	 "GET /schemas/ids/4": {"json": ["schema"]},
	 "GET /schemas/ids/5": {"json": {"schema": {"type": "int"}}},
	 "GET /schemas/ids/6": {"text": ""},
	 "GET /schemas/ids/7": {"json": {"schema": "1", "references": [{"name": "x"}]}},
	 "GET /schemas/ids/8": {"json": {"schema": "1", "references": [{"name": "x", "subject": "s", "version": 99999999999}]}},
	 "GET /schemas/ids/9": {"do": "chunks"},
	 "GET /schemas/ids/10": {"do": "huge"},
	 "GET /schemas/ids/11": {"status": 302, "headers": {"Location": "http://elsewhere/"}},
	 "GET /schemas/ids/12": {"text": "{\"schema\": \"1\", \"schema\": \"2\"}"},
	 "GET /schemas/ids/13": {"do": "raw", "text": "SSH-2.0-OpenSSH_9.2\r\n"},
	 "GET /schemas/ids/14": {"status": 404, "text": "<html>no such page</html>"},
	 "GET /subjects/s/versions/2": {"json": {"subject": "s", "version": 3, "id": 1, "schema": "1"}},
	 "GET /subjects/s/versions/4": {"json": {"subject": "t", "version": 4, "id": 1, "schema": "1"}},
	 "GET /subjects": {"json": {"subjects": []}},
	 "GET /config": {"json": {"level": 1}}}
	EOF
	for id in 1 2 3 4 5 6 7 8 10 11 12 13 14; do
		schema get id:$id
		((status == 7)) || fail "id $id: status $status: $err"
		has "$err" "$url"
		is "$out" ''
	done
	schema get id:1 && has "$err" HTML
	schema get id:11 && has "$err" "another address"
	schema get id:14 && has "$err" "is the URL complete"
	# A connection that breaks is tried again.
	schema get --timeout 1s id:9
	[[ $status == 4 || $status == 7 ]] || fail "status $status: $err"
	schema get s:2 && expect_status 7
	schema get s:4 && expect_status 7
	schema ls && expect_status 7
	schema config && expect_status 7
}

@test "compressed answers are read; a 409 to a question is no no" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": {"gzip": true, "json": {"schema": "\"string\""}},
	 "GET /schemas/ids/2": {"gzip": true, "status": 404, "json": {"error_code": 40403, "message": "not here"}},
	 "GET /schemas/ids/3": {"status": 409, "json": {"error_code": 40901, "message": "busy with itself"}}}
	EOF
	schema get id:1
	expect_status 0
	is "$out" '"string"'
	schema get id:2
	expect_status 8
	has "$err" "not here"
	schema get id:3
	expect_status 7
	has "$err" "busy with itself"
}

@test "not there: exit 8; not allowed: exit 5; both in one line" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": {"status": 401, "json": {"error_code": 401, "message": "Unauthorized"}},
	 "GET /schemas/ids/2": {"status": 403},
	 "GET /subjects/s/versions/latest": {"status": 404, "json": {"error_code": 40401, "message": "Subject 's'\nnot found"}}}
	EOF
	schema get -J id:3
	expect_status 8
	has "$err" "$url"
	schema get s
	expect_status 8
	is "$(grep -c . <<<"$err")" 2
	schema get id:1
	expect_status 5
	has "$err" registry.token
	schema get id:2
	expect_status 5
}

@test "a registry that is busy is asked again; for ever busy it is exit 4, in time" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": [{"status": 503}, {"status": 429}, {"do": "close"}, {"json": {"schema": "\"int\""}}],
	 "GET /schemas/ids/2": {"status": 503, "json": {"error_code": 50003, "message": "starting"}},
	 "GET /schemas/ids/3": {"do": "hang"},
	 "GET /schemas/ids/4": {"status": 503, "headers": {"Retry-After": "3600"}},
	 "GET /schemas/ids/5": [{"status": 503, "headers": {"Retry-After": "1"}}, {"json": {"schema": "\"int\""}}],
	 "GET /schemas/ids/6": {"do": "cut"},
	 "GET /schemas/ids/7": [{"status": 408, "json": {"error_code": 40800, "message": "slow"}},
	   {"json": {"schema": "\"int\""}}]}
	EOF
	schema get id:1
	expect_status 0
	is "$out" '"int"'
	is "$(requests | grep -c ids/1$)" 4
	schema get --timeout 2s id:2
	expect_status 4
	has "$err" "status 503: starting"
	schema get --timeout 1s id:3
	expect_status 4
	has "$err" "no answer within"
	schema get --timeout 5s id:4
	expect_status 4
	is "$(requests | grep -c ids/4$)" 1
	local started=$SECONDS
	schema get id:5
	expect_status 0
	((SECONDS > started)) || fail "it did not wait for what Retry-After says"
	schema get --timeout 1s id:6
	expect_status 4
	schema get id:7
	expect_status 0
	# Who waits is told why before it is over.
	url=http://127.0.0.1:1 schema get --timeout 3s id:1
	expect_status 4
	is "$(grep -c 'Connection refused; trying again for up to 3 s$' <<<"$err")" 1
	url=http://127.0.0.1:1 schema get -q --timeout 1s id:1
	expect_status 4
	is "$(wc -l <<<"$err")" 1
}

@test "of several registries the one that answers is asked" {
	local here answers='{"GET /schemas/ids/1": {"json": {"schemaType": "JSON", "schema": "true"}},
	"GET /subjects": {"json": ["a", "b"]}, "GET /subjects?subjectPrefix=b": {"json": ["a", "b"]},
	"GET /subjects/a/versions": {"json": [1]}, "GET /subjects/b/versions": {"json": [1, 2]},
	"GET /subjects/a/versions/latest": {"json": {"subject": "a", "version": 1, "id": 1, "schema": "1"}},
	"GET /subjects/b/versions/latest": {"json": {"subject": "b", "version": 2, "id": 5, "schema": "1", "schemaType": "XSD"}}}'
	fake second <<<"$answers"
	here=$url
	fake first <<<'{"GET /subjects": {"status": 500}}'
	url=http://127.0.0.1:1,$url,$here
	schema ls -J
	expect_status 0
	is "$(cat out)" '{"subject":"a","versions":1,"latest":1,"id":1,"type":"AVRO","deleted":false}
{"subject":"b","versions":2,"latest":2,"id":5,"type":"XSD","deleted":false}'
	fits schema-subject
	# The others are not asked any more.
	is "$(requests first.log)" "GET /subjects"
	is "$(wc -l <second.log)" 5
	schema ls --format csv
	is "$(tail -n 1 out | tr -d '\r')" b,2,2,5,XSD,false
	url=$here schema ls b
	has "$out" XSD
	lacks "$out" AVRO
	# One that takes the question and is silent leaves time for those behind it.
	fake third <<<'{"GET /schemas/ids/1": {"do": "hang"}}'
	url=$url,$here schema get --timeout 4s id:1
	expect_status 0
}

@test "secrets are sent, and never said" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": {"json": {"schema": "1"}},
	 "GET /schemas/ids/2": {"status": 422, "json": {"error_code": 42201, "message": "bad: geheim"}},
	 "GET /schemas/ids/3": {"status": 500, "json": {"error_code": 50001, "message": "Basic YW5hOmdlaGVpbQ=="}},
	 "GET /schemas/ids/4": {"status": 404, "json": {"error_code": 40403, "message": "token t0ken+x="}}}
	EOF
	local open=$url
	url=http://ana:geheim@${open#http://}
	schema get id:1
	expect_status 0
	grep -q '^GET /schemas/ids/1 Basic YW5hOmdlaGVpbQ== ' log
	for id in 2 3 9; do
		schema get -vv --timeout 500ms id:$id
		((status != 0)) || fail "id $id"
		lacks "$err$out" geheim
		lacks "$err$out" YW5h
	done
	url=$open
	schema get -X registry.token=t0ken+x= id:1
	expect_status 0
	grep -q '^GET /schemas/ids/1 Bearer t0ken+x= ' log
	schema get -vv -X registry.token=t0ken+x= id:4
	expect_status 8
	lacks "$err" t0ken
	url=http://ana:geheim@127.0.0.1:1 schema ls -vv --timeout 200ms
	expect_status 4
	lacks "$err" geheim
	url=ftp://ana:geheim@host schema ls
	expect_status 2
	lacks "$err" geheim
	for url in 'http://ana:geh/eim@host:1' 'http://ana:geheim?@host:1' 'http://ana:1#geheim@host'; do
		schema ls
		expect_status 2
		lacks "$err" eim
		has "$err" %2F
	done
	# What is asked for would be behind the query, and another page be answered.
	url="http://127.0.0.1:1/?a=b" schema ls
	expect_status 2
	has "$err" 'expected a host, a port and a path'
	MQTK_REGISTRY=http://ana:geheim@host mq config
	has "$out" MQTK_REGISTRY
	lacks "$out" geheim
}

@test "where the registry is: --registry, -X, the environment, the profile in use" {
	fake <<<'{"GET /config": {"json": {"compatibilityLevel": "FULL"}}}'
	mq schema config
	expect_status 2
	has "$err" --registry
	MQTK_REGISTRY=$url mq schema config
	is "$out" FULL
	echo x | mq produce -q "sqlite:$PWD/x.db/x"
	mkdir -p "$XDG_CONFIG_HOME/mqtk"
	cat >"$XDG_CONFIG_HOME/mqtk/config" <<-EOF
	default = prod
	[profile prod]
	url = sqlite:$PWD/x.db
	readonly = true
	registry = $url
	registry.token = of-the-profile
	[profile other]
	url = sqlite:$PWD/y.db
	EOF
	mq schema config
	is "$out" FULL
	grep -q '^GET /config Bearer of-the-profile ' log
	MQTK_BROKER=other mq schema config
	expect_status 2
	# A token does not go where its profile does not say.
	: >log
	MQTK_REGISTRY=$url mq schema config
	mq schema config --registry "$url"
	mq schema config -X "registry=$url" -X registry.token=mine
	is "$(cut -d' ' -f3,4 log | sed 's/ app.*//' | paste -sd,)" "-,-,Bearer mine"
	MQTK_REGISTRY=http://127.0.0.1:1 mq schema config --registry "$url"
	is "$out" FULL
	# The broker does not get what is the registry's, and readonly holds for it too.
	mq ls prod/
	expect_status 0
	for act in "register s f" "delete --yes s" "config s FULL" "config --unset s"; do
		# shellcheck disable=SC2086 # words
		mq schema $act
		expect_status 5
		has "$err" read-only
	done
	for act in "ls -X registry.tokn=1" "ls -X foo=1" "ls -X registry.insecure=maybe"; do
		# shellcheck disable=SC2086 # words
		mq schema $act
		expect_status 2
	done
	mq ls -X registry.tokn=1 prod/
	expect_status 2
	has "$err" "did you mean registry.token?"
	# Each of them is explained.
	mq help registry
	while read -r name; do
		has "$out" "$name"
	done < <(grep -o 'registry[a-z.-]*=' "$root/completions/mqtk.bash" | sort -u)
}

@test "what never changes is kept on disk when asked, and asked anew when damaged" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": {"json": {"schemaType": "JSON", "schema": "{\"$ref\": \"n.json\"}",
	   "references": [{"name": "n.json", "subject": "n/%1", "version": 1}]}},
	 "GET /subjects/n%2F%251/versions/1?deleted=true": {"json": {"subject": "n/%1", "version": 1, "id": 2,
	   "schemaType": "JSON", "schema": "{\"type\": \"integer\"}"}},
	 "GET /subjects/n/versions/latest": {"json": {"subject": "n", "version": 1, "id": 2, "schema": "\"int\""}}}
	EOF
	local keep=(-X "registry.cache=$PWD/a/b") open=$url
	echo 5 >in
	check() { mq schema validate --registry "$url" "${keep[@]}" --timeout 300ms --schema id:1 in; }
	check
	expect_status 0
	is "$(wc -l <log)" 2
	check
	expect_status 0
	is "$(wc -l <log)" 2
	is "$(find a/b -type f -printf '%f\n' | sort | paste -sd' ')" "id-1.json version-1-n%2F%251.json"
	# Another registry has other schemas.
	url=http://127.0.0.1:1
	check
	expect_status 4
	url=$open
	# The latest changes.
	schema get "${keep[@]}" n
	schema get "${keep[@]}" n
	is "$(grep -c latest log)" 2
	# Damaged in any way: asked again, and mended.
	for damage in ': >' 'sed -i s/ref/rex/' 'truncate -s 60' 'head -c 999 /dev/zero >'; do
		: >log
		eval "$damage" a/b/*/id-1.json
		check
		expect_status 0
		is "$(requests)" "GET /schemas/ids/1"
		check
		is "$(wc -l <log)" 1
	done
	# A whole file that is another's.
	: >log
	cp a/b/*/version-1* "$(echo a/b/*)/id-1.json"
	check
	expect_status 0
	is "$(wc -l <log)" 1
	# Where nothing can be written everything goes on.
	keep=(-X registry.cache=/proc/nowhere)
	check
	expect_status 0
	has "$err" "cannot be kept"
	# A tree that was checked out does not say where.
	mkdir -p tree/.git
	printf '[profile p]\nurl = sqlite:x.db\nregistry.cache = .\n' >tree/.mqtk
	cd tree
	mq config
	expect_status 2
	has "$err" "your own configuration file"
}

@test "a reference to version -1 is to the latest one, and is told as it was registered" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": {"json": {"schema": "{\"type\": \"array\", \"items\": \"R\"}",
	   "references": [{"name": "R", "subject": "r", "version": -1}]}},
	 "GET /schemas/ids/2": {"json": {"schema": "\"int\"", "references": [{"name": "R", "subject": "gone", "version": -1}]}},
	 "GET /schemas/ids/3": {"json": {"schema": "\"int\"", "references": [{"name": "R", "subject": "r", "version": -2}]}},
	 "GET /subjects/r/versions/latest": {"json": {"subject": "r", "version": 7, "id": 9,
	   "schema": "{\"type\": \"record\", \"name\": \"R\", \"fields\": [{\"name\": \"a\", \"type\": \"int\"}]}"}}}
	EOF
	printf '\2\12\0' >in
	# Twice, the second time from the disk.
	for _ in 1 2; do
		mq schema decode --registry "$url" -X "registry.cache=$PWD/kept" --schema id:1 --as raw in
		expect_status 0
		is "$(jq -c . out)" '[{"a":5}]'
	done
	is "$(requests | grep -c ids/1$)" 1
	schema get -J id:1
	is "$(jq -c .references out)" '[{"name":"R","subject":"r","version":-1}]'
	fits schema-registered
	mq schema decode --registry "$url" --schema id:2 in
	expect_status 7
	has "$err" "the latest version of 'gone', which the registry does not have"
	schema get id:3
	expect_status 7
}

@test "ls: more subjects than the registry tells at once; and one that knows no offset" {
	jq -n '[range(1000) | "s\(.)"] as $a | [range(1000; 2000) | "s\(.)"] as $b |
		{json: {subject: "s1999", version: 1, id: 7, schema: "\"int\""}} as $latest |
		{"GET /subjects?subjectPrefix=s1999": {json: $a},
		 "GET /subjects?subjectPrefix=s1999&offset=1000": {json: $b},
		 "GET /subjects?subjectPrefix=s1999&offset=2000": {json: []},
		 "GET /subjects/s1999/versions": {json: [1]}, "GET /subjects/s1999/versions/latest": $latest,
		 "GET /subjects?subjectPrefix=s199": {json: $b},
		 "GET /subjects?subjectPrefix=s199&offset=1000": {json: $b}} |
		reduce range(1990; 1999) as $i (.; .["GET /subjects/s\($i)/versions"] = {json: [1]} |
			.["GET /subjects/s\($i)/versions/latest"] = ($latest | .json.subject = "s\($i)"))' >all
	fake <all
	schema ls -J s1999
	expect_status 0
	is "$(jq -r .subject out)" s1999
	schema ls -J s199
	expect_status 0
	is "$(jq -r .subject out)" "$(seq -f s%.0f 1990 1999)"
}

@test "references that go in a circle, or nowhere, and texts that are no schema: exit 7" {
	fake <<-'EOF'
	{"GET /schemas/ids/1": {"json": {"schemaType": "JSON", "schema": "{\"$ref\": \"a\"}",
	   "references": [{"name": "a", "subject": "a", "version": 1}]}},
	 "GET /subjects/a/versions/1?deleted=true": {"json": {"subject": "a", "version": 1, "id": 2, "schemaType": "JSON",
	   "schema": "{\"$ref\": \"b\"}", "references": [{"name": "b", "subject": "b", "version": 1}]}},
	 "GET /subjects/b/versions/1?deleted=true": {"json": {"subject": "b", "version": 1, "id": 3, "schemaType": "JSON",
	   "schema": "{\"$ref\": \"a\"}", "references": [{"name": "a", "subject": "a", "version": 1}]}},
	 "GET /schemas/ids/4": {"json": {"schemaType": "JSON", "schema": "true",
	   "references": [{"name": "a", "subject": "gone", "version": 1}]}},
	 "GET /schemas/ids/5": {"json": {"schemaType": "JSON", "schema": "{\"type\": 5}"}},
	 "GET /schemas/ids/6": {"json": {"schemaType": "JSON", "schema": "<html>"}},
	 "GET /schemas/ids/7": {"json": {"schemaType": "AVRO", "schema": "{\"type\": \"record\"}"}},
	 "GET /schemas/ids/8": {"json": {"schemaType": "THRIFT", "schema": "struct {}"}}}
	EOF
	echo 5 >in
	for id in 1 4 5 6 7 8; do
		mq schema validate --registry "$url" --schema id:$id in
		((status == 7)) || fail "id $id: status $status: $err"
		is "$(grep -c '^mqtk schema validate: ' <<<"$err")" 1
	done
}

@test "register --dry-run: where only one version can be asked about, it is the latest" {
	fake <<-'EOF'
	{"POST /subjects/fits": {"status": 404, "json": {"error_code": 40403, "message": "no"}},
	 "POST /compatibility/subjects/fits/versions?verbose=true": {"status": 404, "json": {"detail": "Not Found"}},
	 "POST /compatibility/subjects/fits/versions/latest?verbose=true": {"json": {"is_compatible": true}},
	 "POST /subjects/bad": {"status": 404, "json": {"error_code": 40403, "message": "no"}},
	 "POST /compatibility/subjects/bad/versions?verbose=true": {"status": 404, "json": {"error_code": 404, "message": "HTTP 404 Not Found"}},
	 "POST /compatibility/subjects/bad/versions/latest?verbose=true": {"json": {"is_compatible": false, "messages": ["no default"]}},
	 "POST /subjects/new": {"status": 404, "json": {"error_code": 40401, "message": "no"}},
	 "POST /compatibility/subjects/new/versions?verbose=true": {"status": 405, "json": {"error_code": 405, "message": "Method Not Allowed"}},
	 "POST /compatibility/subjects/new/versions/latest?verbose=true": {"status": 404, "json": {"error_code": 40401, "message": "no"}},
	 "POST /subjects/none": {"status": 404, "json": {"error_code": 40401, "message": "no"}},
	 "POST /compatibility/subjects/none/versions?verbose=true": {"status": 404, "json": {"detail": "Not Found"}},
	 "POST /compatibility/subjects/none/versions/latest?verbose=true": {"status": 404, "json": {"detail": "Not Found"}},
	 "GET /schemas/guids/01020304-0506-0708-090a-0b0c0d0e0f10": {"status": 404, "json": {"detail": "Not Found"}}}
	EOF
	printf '"int"\n' >s.avsc
	schema register --dry-run fits s.avsc
	expect_status 0
	has "$err" "new version of fits"
	schema register --dry-run bad s.avsc
	expect_status 1
	has "$err" "no default"
	schema register --dry-run new s.avsc
	expect_status 0
	schema register --dry-run none s.avsc
	expect_status 7
	has "$err" "is the URL complete"
	schema get guid:01020304-0506-0708-090a-0b0c0d0e0f10
	expect_status 7
	has "$err" "no GUIDs"
}

@test "register: what is there is said, refusals with each reason, references, types" {
	fake <<-'EOF'
	{"POST /subjects/new": {"status": 404, "json": {"error_code": 40401, "message": "no"}},
	 "POST /subjects/new/versions": {"json": {"id": 12}},
	 "POST /compatibility/subjects/new/versions?verbose=true": {"status": 404, "json": {"error_code": 40401, "message": "no"}},
	 "POST /subjects/old": {"json": {"subject": "old", "version": 4, "id": 9, "schema": "\"int\""}},
	 "POST /subjects/bad": {"status": 404, "json": {"error_code": 40403, "message": "no"}},
	 "POST /subjects/bad/versions": {"status": 409, "json": {"error_code": 409, "message": "incompatible"}},
	 "POST /compatibility/subjects/bad/versions?verbose=true": {"json": {"is_compatible": false,
	   "messages": ["{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'}", "and\nanother"]}},
	 "POST /subjects/sick": {"status": 404, "json": {"error_code": 40401, "message": "no"}},
	 "POST /subjects/sick/versions": {"status": 422, "json": {"error_code": 42201, "message": "Invalid schema"}},
	 "GET /subjects/ref/versions/latest": {"json": {"subject": "ref", "version": 6, "id": 1, "schema": "1"}}}
	EOF
	printf '"int"\n' >s.avsc
	schema register old s.avsc
	expect_status 0
	is "$out" "old:4 id:9"
	has "$err" already
	schema register -J old s.avsc
	is "$out" '{"subject":"old","version":4,"id":9,"registered":false}'
	fits schema-register
	schema register --dry-run -J new s.avsc
	expect_status 0
	is "$out" '{"subject":"new","version":null,"id":null,"registered":false}'
	fits schema-register
	[ "$(requests | grep -c 'new/versions$')" -eq 0 ]
	schema register --reference com.x.R=ref:2 --reference a=b=ref new s.avsc
	expect_status 0
	has "$err" "id 12"
	grep 'POST /subjects/new/versions ' log | sed 's/^[^{]*//' >body
	is "$(jq -c . body)" '{"schemaType":"AVRO","references":[{"name":"com.x.R","subject":"ref","version":2},{"name":"a=b","subject":"ref","version":6}],"schema":"\"int\"\n"}'
	schema register bad s.avsc
	expect_status 1
	has "$err" READER_FIELD_MISSING_DEFAULT_VALUE
	has "$err" another
	schema register --dry-run bad s.avsc
	expect_status 1
	has "$err" READER_FIELD_MISSING_DEFAULT_VALUE
	schema register sick s.avsc
	expect_status 7
	schema register --type json new s.avsc
	grep 'POST /subjects/new/versions ' log | tail -n 1 | grep -q '"schemaType":"JSON"'
	printf 'syntax = "proto3"; message M {}' >m.proto
	schema register new m.proto
	grep 'POST /subjects/new/versions ' log | tail -n 1 | grep -q '"schemaType":"PROTOBUF"'
	schema register new missing.avsc
	expect_status 6
	printf '\377' >bytes.avsc
	schema register new bytes.avsc
	expect_status 7
	printf '{"type":"record","name":"R"}' >half.avsc
	schema register --dry-run new half.avsc
	expect_status 7
	has "$err" 'new would not take it: no Avro schema'
	# What refers to something may be known there.
	printf '{"type":"array","items":"com.x.R"}' >refers.avsc
	schema register --dry-run new refers.avsc
	expect_status 0
	: >empty
	schema register new empty
	expect_status 7
	for wrong in --reference=x --reference==s:1 --reference=x=; do
		schema register "$wrong" new s.avsc
		expect_status 2
	done
}

@test "delete asks, and knows both ways; config sets, unsets and checks its mode" {
	fake <<-'EOF'
	{"GET /subjects/s/versions": {"json": [1, 2, 5]},
	 "DELETE /subjects/s": {"json": [1, 2, 5]},
	 "DELETE /subjects/s?permanent=true": {"json": [1, 2, 5]},
	 "DELETE /subjects/s/versions/5": {"json": 5},
	 "DELETE /subjects/s/versions/2": {"status": 422, "json": {"error_code": 42206, "message": "referred to"}},
	 "GET /subjects/s/versions/latest": {"json": {"subject": "s", "version": 5, "id": 1, "schema": "1"}},
	 "GET /subjects/gone/versions": {"status": 404, "json": {"error_code": 40401, "message": "no"}},
	 "GET /subjects/gone/versions?deleted=true": {"json": [1]},
	 "DELETE /subjects/gone?permanent=true": {"json": [1]},
	 "GET /subjects/lost/versions": {"json": [1]},
	 "DELETE /subjects/lost": [{"do": "close"}, {"status": 404, "json": {"error_code": 40401, "message": "no"}}],
	 "GET /config/s": [{"status": 404, "json": {"error_code": 40408, "message": "none"}}, {"json": {"compatibilityLevel": "FULL"}}],
	 "GET /config": {"json": {"compatibilityLevel": "BACKWARD"}},
	 "PUT /config/s": {"json": {"compatibility": "FULL_TRANSITIVE"}},
	 "DELETE /config/s": {"json": {"compatibilityLevel": "FULL"}}}
	EOF
	schema delete s
	expect_status 2
	has "$err" --yes
	schema delete --dry-run s
	is "$out" "would delete the subject s with 3 versions"
	schema delete --dry-run --permanent s:2
	is "$out" "would permanently delete version 2 of the subject s"
	[ "$(grep -c ^DELETE log)" -eq 0 ]
	schema delete --yes s:latest
	expect_status 0
	schema delete --yes --permanent s
	expect_status 0
	schema delete --yes s:3
	expect_status 8
	schema delete --yes s:2
	expect_status 1
	schema delete --yes gone
	expect_status 8
	schema delete --yes --permanent gone
	expect_status 0
	is "$(requests | grep ^DELETE | cut -d' ' -f2 | paste -sd' ')" \
		"/subjects/s/versions/5 /subjects/s /subjects/s?permanent=true /subjects/s/versions/2 /subjects/gone?permanent=true"
	# The answer was lost, and then it was not there.
	schema delete --yes lost
	expect_status 0
	schema config -J s
	is "$out" '{"subject":"s","mode":"BACKWARD","inherited":true}'
	fits schema-config
	schema config s full-transitive
	expect_status 0
	grep -q '^PUT /config/s .*{"compatibility":"FULL_TRANSITIVE"}' log
	schema config --unset s
	expect_status 0
	grep -q '^DELETE /config/s ' log
	: >log
	schema config s sideways
	expect_status 2
	schema config a b c
	expect_status 2
	is "$(wc -l <log)" 0
}

#!/usr/bin/env bats
# shellcheck disable=SC2154 # set in the helpers
# --schema on produce, consume and replay: what is invalid is not sent, marked or put aside.

load judging

setup() {
	judging_setup
}

@test "produce --schema: what is invalid is not sent, but said, counted and kept" {
	status=0
	"$MQTK" produce --schema order.json --failed-to kept -H h=1 "$store/o" <orders.jsonl >out 2>err ||
		status=$?
	mq_result
	expect_status 3
	[[ $err == *"record 2 failed: /total: minimum: -5 is less than 0"* ]] || fail "$err"
	[[ $err == *"3 of 5 records failed"*kept* ]] || fail "$err"
	mq consume -q -e "$store/o"
	[ "$out" = $'{"id":"a","total":3}\n{"id":"c"}' ]
	jq -es 'map(.payload) == ["{\"total\":-5}", "{\"id\":\"b\",\"items\":[{\"qty\":1},{\"qty\":0}]}",
		"no json"] and all(.[]; .headers == [["h", "1"]])' kept
	# Kept ones can be mended and sent.
	sed 's/-5/5,\\"id\\":\\"d\\"/' kept >mended
	mq produce -q -J --schema order.json "$store/o" mended
	expect_status 3
	mq consume -q -e --from 2 "$store/o"
	[ "$out" = '{"total":5,"id":"d"}' ]
	mq produce -q --schema order.json --transactional -l "$store/t" orders.jsonl
	expect_status 3
	mq consume -q -e "$store/t"
	[ -z "$out" ]
	mq produce -q --schema nowhere.json "$store/t" orders.jsonl
	expect_status 6
	echo '{"type":1}' >bad.json
	mq produce -q --schema bad.json "$store/t" orders.jsonl
	expect_status 7
}

@test "produce --schema sends valid records while the input is quiet, whatever failed before" {
	mkfifo in
	"$MQTK" produce -q --schema order.json "$store/o" <in 2>err 3>&- 4>&- &
	program_id=$!
	exec 5>in
	printf '1\n2\n3\n{"id":"a"}\n' >&5
	arrived() { [ "$("$MQTK" consume -q -e "$store/o" 2>/dev/null)" = '{"id":"a"}' ]; }
	wait_until 20 arrived
	exec 5>&-
	status=0
	wait "$program_id" || status=$?
	[ "$status" -eq 3 ]
}

@test "consume --schema marks what is not valid, and ends with 1" {
	printf '%s\n' '{"id":"a"}' '{"total":-1}' '{"id":"c"}' | "$MQTK" produce -q "$store/o"
	mq consume -e --schema order.json "$store/o"
	expect_status 1
	[ "$out" = $'{"id":"a"}\n{"total":-1}\n{"id":"c"}' ]
	[[ $err == *"o[0]@1: /total: minimum: -1 is less than 0"* ]] || fail "$err"
	[[ $err == *"1 of 3 messages is invalid"* || $err == *"1 of 3 messages are invalid"* ]]
	mq consume -q -J -e --schema order.json "$store/o"
	expect_status 1
	fits message
	jq -es '[.[].valid] == [true, false, true] and (.[1].errors | map(.keyword)) == ["minimum", "required"]
		and (.[0] | has("errors") | not)' out
	# Marked lines can be produced again, and the marks are not a part of the message.
	cp out marked
	mq produce -q -J "$store/copy" marked
	expect_status 0
	mq consume -q -J -e "$store/copy"
	jq -es 'length == 3 and (.[1].payload == "{\"total\":-1}") and all(.[]; has("valid") | not)' out
	mq consume -q -J -e -c 1 --schema order.json "$store/o"
	expect_status 0
	mq consume -q -e --schema order.json --on-error raw "$store/o"
	expect_status 0
	[ "$(wc -l <out)" -eq 3 ]
	[ -z "$err" ]
	mq consume -e --schema order.json --on-error skip "$store/o"
	expect_status 0
	[ "$out" = $'{"id":"a"}\n{"id":"c"}' ]
	[[ $err == *"skipped o[0]@1: "* ]]
	mq consume -q -e --group g --schema order.json --on-error fail "$store/o"
	expect_status 1
	[ "$out" = '{"id":"a"}' ]
	# What ended it was not settled.
	mq consume -q -e --group g "$store/o"
	[ "$out" = $'{"total":-1}\n{"id":"c"}' ]
}

@test "consume --schema --reject-to prints the others, and settles only what is kept" {
	printf '%s\n' '{"id":"a"}' '{"total":-1}' '{"id":"c"}' | "$MQTK" produce -q -k k "$store/o"
	mq consume -e --group g --schema order.json --reject-to "$store/dead" "$store/o"
	expect_status 0
	[ "$out" = $'{"id":"a"}\n{"id":"c"}' ]
	[[ $err == *"1 message was put into "* ]] || fail "$err"
	mq dlq show -J "$store/dead"
	jq -es 'length == 1 and .[0].origin_offset == 1 and .[0].reason == "schema" and
		.[0].message.key == "k"' out
	mq consume -q -e --schema order.json --reject-to kept.jsonl "$store/o"
	expect_status 0
	jq -es 'map(.payload) == ["{\"total\":-1}"]' kept.jsonl
	# A run that was killed left half a line: the next one goes on behind it.
	printf '{"stream":"o"' >half.jsonl
	mq consume -q -e --schema order.json --reject-to half.jsonl "$store/o"
	expect_status 0
	[ "$(sed -n 1p half.jsonl)" = '{"stream":"o"' ]
	sed 1d half.jsonl | jq -es 'map(.payload) == ["{\"total\":-1}"]'
	# Nothing is settled that could not be put aside.
	if [ -e /dev/full ]; then
		mq consume -q -e --group h --schema order.json --reject-to /dev/full "$store/o"
		expect_status 6
		mq consume -q -e --group h "$store/o"
		[[ $out == *'{"total":-1}'* ]] || fail "$out"
	fi
	mq consume -q -e --reject-to kept.jsonl "$store/o"
	expect_status 2
	mq consume -q -e --schema order.json --on-error skip --reject-to kept.jsonl "$store/o"
	expect_status 2
	mq consume -q -e --schema order.json --reject-to "$store/o" "$store/o"
	expect_status 2
	mq consume -q -e --schema order.json --reject-to kept.jsonl --group w --exec cat "$store/o"
	expect_status 2
	mq tail -q -e --schema order.json "$store/o"
	expect_status 2
	[[ $err == *"mqtk consume --from -10 --schema"* ]] || fail "$err"
	# There it would only say whether they are JSON.
	mq tail -q -e --decode json --schema order.json "$store/o"
	expect_status 2
}

@test "consume --decode and --schema: what was decoded is judged, what was not is put aside" {
	printf '%s\n' '{"id":"a"}' '{"id":1}' 'no json' | "$MQTK" produce -q "$store/o"
	mq consume -q -e --decode json --schema order.json --reject-to kept.jsonl "$store/o"
	expect_status 0
	[ "$out" = '{"id":"a"}' ]
	jq -es 'map(.payload) == ["{\"id\":1}", "no json"]' kept.jsonl
}

@test "replay --schema copies only what is valid, and keeps or ends at the rest" {
	printf '%s\n' '{"id":"a"}' '{"id":1}' '{"id":"c"}' | "$MQTK" produce -q "$store/o"
	mq replay -q --schema order.json --failed-to kept.jsonl "$store/o" "$store/copy"
	expect_status 3
	mq consume -q -e "$store/copy"
	[ "$out" = $'{"id":"a"}\n{"id":"c"}' ]
	jq -es 'map(.payload) == ["{\"id\":1}"]' kept.jsonl
	mq replay -q --group g --schema order.json "$store/o" "$store/some"
	expect_status 3
	[[ $err == *"/id: type: "* ]] || fail "$err"
	mq consume -q -e "$store/some"
	[[ $out != *'"id":1'* ]]
	# What ended it was not settled.
	mq replay -q --group g "$store/o" "$store/some"
	expect_status 0
	mq consume -q -e "$store/some"
	[ "$(sort -u out)" = $'{"id":"a"}\n{"id":"c"}\n{"id":1}' ]
	mq replay --dry-run --schema order.json "$store/o" "$store/copy"
	expect_status 2
}

@test "consume --exec --schema: programs are given only what is valid, the rest is dead" {
	printf '%s\n' '{"id":"a"}' '{"id":1}' '{"id":"c"}' | "$MQTK" produce -q "$store/o"
	echo 'k:' | "$MQTK" produce -q -K: -Z "$store/o"
	mq consume -q -e --schema order.json --group w --exec 'cat >>given; echo >>given' \
		--dead-letter "$store/dead" "$store/o"
	expect_status 0
	[ "$(sort given)" = $'{"id":"a"}\n{"id":"c"}' ]
	mq dlq show -J "$store/dead"
	jq -es 'map([.origin_offset, .reason]) == [[1, "data"], [3, "data"]] and
		(.[0].error | contains("/id: type: "))' out
	# Without a place for it the run ends there, and it comes again.
	mq consume -q -e --schema order.json --group v --exec 'cat >>more' "$store/o"
	expect_status 3
	! grep -q '"id":1' more || fail "a program was given it"
}

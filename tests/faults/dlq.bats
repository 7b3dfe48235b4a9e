#!/usr/bin/env bats
# Dead letters on the local store: shown, counted, put back, moved, dropped, exported; what is chosen
# and what stays; a target that refuses, and being killed in the middle.
# shellcheck disable=SC2154 # set in the helpers
# shellcheck disable=SC2016 # the programs' own variables

load ../cli/saying
load faults

setup() {
	use_faults
	RANDOM=${MQTK_TEST_SEED:=$((SECONDS + $$ % 32768))}
	echo "MQTK_TEST_SEED=$MQTK_TEST_SEED"
	a=sqlite:s.db/t
	d=sqlite:s.db/dead
}
teardown() { end_faults; }

# some_letters N: N messages in t, of which every fifth dies.
some_letters() {
	seq "$1" | sed 's/.*/k&:&/' | "$MQTK" produce -q -K: "$a"
	"$MQTK" consume -q -e --group g --retries 0 --dead-letter "$d" --exec-lines 'while read -r n; do
		case $n in *5) echo reject ends in 5 ;; *0) echo reject ends in 0 ;; *) echo ok ;; esac
	done' "$a"
}

payloads() {
	"$MQTK" consume -q -e "$1"
}

@test "requeue: a preview, then each goes back, without the headers of its death; once" {
	some_letters 20
	mq dlq requeue --dry-run "$d"
	expect_status 0
	has "$out" "would requeue 4 letters"
	has "$err" "reject"
	is "$(payloads "$a" | wc -l)" 20
	mq dlq requeue "$d" </dev/null
	expect_status 2
	has "$err" "--yes"
	mq dlq requeue --yes "$d"
	expect_status 0
	"$MQTK" consume -q -e -J --from 20 "$a" >back
	is "$(jq -c '[.key,.payload,(.headers|map(.[0]))]' back)" \
		"$(for n in 5 10 15 20; do echo "[\"k$n\",\"$n\",[\"mqtk-replay-source\",\"mqtk-replay-count\"]]"; done)"
	mq dlq requeue --yes "$d"
	expect_status 0
	has "$err" "there are no such letters behind those that group mqtk-dlq-${d##*/} has passed"
	is "$(payloads "$a" | wc -l)" 24
}

@test "what is chosen goes, the others stay; letters without a home need --to" {
	some_letters 20
	echo homeless | "$MQTK" produce -q "$d"
	mq dlq requeue --yes --key k10 "$d"
	expect_status 0
	is "$(payloads "$a" | tail -1)" 10
	mq dlq requeue --yes "$d"
	expect_status 3
	has "$err" "--to ADDR"
	mq dlq requeue --yes --group other --to sqlite:s.db/elsewhere "$d"
	expect_status 0
	is "$(payloads sqlite:s.db/elsewhere)" $'5\n10\n15\n20\nhomeless'
}

@test "export, import, move and drop lose nothing that a letter carries" {
	some_letters 30
	mq dlq export "$d" dead.jsonl
	expect_status 0
	"$MQTK" consume -q -e -J "$d" >before
	cmp before dead.jsonl
	mq dlq import dead.jsonl sqlite:s.db/back
	expect_status 0
	mq dlq move --yes sqlite:s.db/back sqlite:s.db/lot
	expect_status 0
	is "$("$MQTK" consume -q -e -J sqlite:s.db/lot | jq -c '[.key,.headers,.payload,.ts]')" \
		"$(jq -c '[.key,.headers,.payload,.ts]' before)"
	mq dlq drop --yes sqlite:s.db/lot
	expect_status 0
	is "$(jq -c .payload lot-dropped-*.jsonl)" "$(jq -c .payload before)"
	mq dlq drop --yes sqlite:s.db/lot
	has "$err" "there are no such letters"
}

@test "show and stats: reasons, origins, limits for alarms" {
	some_letters 20
	mq dlq show -c 1 "$d"
	has "$out" "dead[0]@0 from t[0]@4"
	has "$out" "ends in 5"
	mq dlq stats -J "$d"
	is "$(jq -c '[.letters,.reasons,.origins]' out)" \
		'[4,[{"name":"reject","count":4}],[{"name":"t","count":4}]]'
	mq dlq stats --max 4 --max-age 1h "$d"
	expect_status 0
	mq dlq stats --max 3 "$d"
	expect_status 1
	has "$err" "4 letters are more than --max 3"
	"$MQTK" create -q sqlite:s.db/none
	mq dlq stats --max 0 sqlite:s.db/none
	expect_status 0
}

# dead N: N letters in $d, as from t, without anything in t.
dead() {
	seq -f %09.0f "$1" | sed 's/.*/{"key":"&","payload":"&","headers":[["dlq-origin-stream","t"]]}/' |
		"$MQTK" produce -q -J "$d"
}

@test "killed at 50 moments while letters go back: none is lost" {
	dead 40000
	strike 50 50 500 dlq requeue -q --yes --rate 1500 "$d"
	((struck >= 30)) || fail "only $struck of 50 were killed: $(tail -3 struck.err)"
	mq_within 60 dlq requeue --yes "$d"
	expect_status 0
	[[ $err =~ ([0-9]+)\ messages ]]
	((BASH_REMATCH[1] < 40000)) || fail "the last run did it all: nothing was remembered"
	payloads "$a" >back
	complete 40000 back
	mq dlq requeue --yes "$d"
	has "$err" "there are no such letters"
}

@test "killed at 50 moments while letters move: none is lost, and what they carry is there" {
	dead 200000
	strike 50 5 60 dlq move -q --yes "$d" sqlite:s.db/lot
	((struck >= 10)) || fail "only $struck of 50 were killed: $(tail -3 struck.err)"
	mq_within 60 dlq move --yes "$d" sqlite:s.db/lot
	expect_status 0
	payloads sqlite:s.db/lot >back
	complete 200000 back
	is "$("$MQTK" consume -q -e -J sqlite:s.db/lot | jq -c .headers | sort -u)" '[["dlq-origin-stream","t"]]'
}

@test "killed at 50 moments, the worker: each message was handled or is dead, none is lost" {
	seq -f %09.0f 30000 | "$MQTK" produce -q "$a"
	# shellcheck disable=SC2016
	program='while read -r n; do case $n in *7) echo reject seven ;; *) echo "$n" >>handled; echo ok ;; esac; done'
	strike 50 30 300 consume -q -e --group g --workers 3 --retries 0 --dead-letter "$d" --exec-lines "$program" "$a"
	((struck >= 10)) || fail "only $struck of 50 were killed: $(tail -3 struck.err)"
	mq_within 60 consume -e --group g --workers 3 --retries 0 --dead-letter "$d" --exec-lines "$program" "$a"
	expect_status 0
	payloads "$d" >letters
	complete 30000 handled letters
	is "$(grep -vc '7$' letters)" 0
	is "$("$MQTK" group show -J "$a" g | jq -c '[.places[].committed]')" "[30000]"
}

#!/usr/bin/env bats
# Groups that are moved from outside, on real servers: against live members, by time, by plans, past
# messages; and what other programs see of it.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() { end_faults; }

# stands GROUP: its committed positions, on one line
stands() {
	"$MQTK" group show -J "$address" "$1" | jq -r '[.places[].committed] | map(tostring) | join(" ")'
}

stand_at() { [ "$(stands g)" = "$*" ]; }
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# Kafka's own tool about group g: ARG…
java_groups() {
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, for the Java tool"
	# shellcheck source=tests/brokers/kafka.sh
	source "$root/tests/brokers/kafka.sh"
	kafka_tool kafka3 org.apache.kafka.tools.consumer.group.ConsumerGroupCommand \
		--bootstrap-server "$broker" --group "$group" "$@" 2>java.err
}

# A topic of N partitions with 100 messages each, and a group of a name of its own.
filled() {
	local p
	real_topic "$1"
	group=$topic
	for ((p = 0; p < $1; p++)); do
		seq $((1000 * p)) $((1000 * p + 99)) | "$MQTK" produce -q -p "$p" "$address"
	done
}

shared_redis() {
	requires_redis
	broker=redis://$REDIS
	address=$broker/$topic
	group=g
}
cli() {
	redis-cli --no-auth-warning -h "${REDIS%:*}" -p "${REDIS##*:}" "$@"
}

# --- Kafka ----------------------------------------------------------------------------------------

@test "Kafka: a group that is read is not moved, forced or not, and not after a kill -9 either" {
	filled 2
	background consume -u --group "$group" "${session[@]}" "$address" >got 2>got.err
	wait_until 60 has_lines got 200
	reads_all() { [ "$(stands "$group")" = "100 100" ]; }
	wait_until 30 reads_all
	for act in "reset --to 1 --execute" "reset --to 1 --execute --force" \
		"skip -c 1 --execute --keep kept" "delete --yes"; do
		# shellcheck disable=SC2086 # words
		mq_within 30 group $act "$address" "$group"
		expect_status 2
		[ ! -e kept ]
		is "$(stands "$group")" "100 100"
	done
	mq_within 30 group reset --to 1 "$address" "$group"
	expect_status 0
	has "$err" "1 active member"
	kill -9 "$pid"
	# Kafka misses it only after its session.
	moved() { "$MQTK" group reset --to 7 --execute "$address" "$group" >/dev/null 2>&1; }
	wait_until 60 moved
	is "$(stands "$group")" "7 7"
	mq_within 60 consume -e --group "$group" "$address"
	expect_status 0
	is "$(wc -l <"$OUT")" 186
}

@test "Kafka: by plan, by shift and by another group, the Java tool sees the same offsets" {
	filled 3
	mq_within 30 group create --to 10 "$address" "$group"
	expect_status 0
	mq_within 30 group reset --to shift:+5 "$address" "$group"
	expect_status 0
	sed 's/^\([^,]*,1,10\),15/\1,77/' "$OUT" >plan.csv
	mq_within 30 group reset --plan plan.csv --execute "kafka://$broker/" "$group"
	expect_status 0
	java_groups --describe >java.out
	is "$(awk -v t="$topic" '$2 == t { print $3, $4, $5, $6 }' java.out | sort)" \
		$'0 15 100 85\n1 77 100 23\n2 15 100 85'
	# And back: what the Java tool exports is a plan.
	java_groups --reset-offsets --to-offset 20 --topic "$topic" --export | grep -F "$topic" >java.csv
	is "$(wc -l <java.csv)" 3
	mq_within 30 group reset --plan java.csv --execute "$address" "$group"
	expect_status 0
	is "$(stands "$group")" "20 20 20"
	mq_within 30 group create --to "group:$group" "$address" "$group-like"
	expect_status 0
	is "$(stands "$group-like")" "20 20 20"
	# One partition that is not there: the others are moved, and it is said.
	mq_within 30 group reset --to 3 -p 9 --execute "$address" "$group"
	expect_status 8
	is "$(stands "$group")" "20 20 20"
	mq_within 30 group delete --yes "$address" "$group"
	expect_status 0
	java_groups --describe >java.out || :
	has "$(cat java.out)" "Consumer group '$group' does not exist"
}

@test "Kafka: by time, each partition at its first message at or after the moment" {
	real_topic 2
	group=$topic
	for p in 0 1; do
		seq 0 9 | awk -v p="$p" \
			'{ printf "{\"partition\":%d,\"payload\":\"%d\",\"ts\":%.0f}\n", p, $1, 1700000000000 + 1000 * (p + 1) * $1 }'
	done | "$MQTK" produce -q -J "$address"
	mq_within 30 group create "$address" "$group"
	mq_within 30 group reset --to @1700000004001 --execute "$address" "$group"
	expect_status 0
	is "$(stands "$group")" "5 3"
	mq_within 30 group reset --to @1700000010000 --execute "$address" "$group"
	is "$(stands "$group")" "10 5"
}

@test "Kafka: what is skipped is in the file before the group moves, whenever it is killed" {
	filled 2
	mq_within 30 group create --to 10 "$address" "$group"
	preload fsync
	for when in BEFORE AFTER; do
		status=0
		env "FSYNC_KILLS_$when=kept.jsonl" LD_PRELOAD="$mq_preload" "$MQTK" group skip \
			--grep '^1?0?1[0-4]$' --keep kept.jsonl --execute "$address" "$group" \
			>"$OUT" 2>"$ERR" || status=$?
		expect_signal 9
		is "$(stands "$group")" "10 10"
	done
	mq_preload=
	mq_within 30 group skip --grep '^1?0?1[0-4]$' --keep kept.jsonl --execute -J "$address" "$group"
	expect_status 0
	is "$(jq -c '[.partition,.target,.skipped]' "$OUT")" $'[0,15,5]\n[1,15,5]'
	is "$(jq -r '[.partition,.offset] | join(" ")' kept.jsonl | sort -u | wc -l)" 10
	mq_within 60 consume -e --group "$group" "$address"
	expect_status 0
	{ cat "$OUT"; jq -r .payload kept.jsonl; } | sort -n -u |
		diff - <({ seq 10 99; seq 1010 1099; } | sort -n) || fail "something is lost"
}

@test "Kafka: a transaction's messages are skipped as a reader would see them" {
	real_topic 1
	group=$topic
	"$MQTK" produce -q --transactional "$address" < <(seq 3)
	"$MQTK" produce -q --transactional "$address" < <(seq 4 6)
	mq_within 30 group create "$address" "$group"
	mq_within 30 group skip -c 4 --keep kept.jsonl --execute "$address" "$group"
	expect_status 0
	is "$(jq -r .payload kept.jsonl | tr '\n' ' ')" "1 2 3 4 "
	mq_within 60 consume -e --group "$group" "$address"
	is "$(tr '\n' ' ' <"$OUT")" "5 6 "
}

# --- Redis ----------------------------------------------------------------------------------------

@test "Redis: a poison entry is kept, settled and gone; the others stay pending" {
	shared_redis
	seq 5 | "$MQTK" produce -q --create "$address"
	printf 'poison\n' | "$MQTK" produce -q "$address"
	seq 7 9 | "$MQTK" produce -q "$address"
	mq group create "$address" g
	expect_status 0
	cli XREADGROUP GROUP g w1 COUNT 7 STREAMS "$topic" '>' >/dev/null
	preload fsync
	status=0
	env FSYNC_KILLS_AFTER=kept.jsonl LD_PRELOAD="$mq_preload" "$MQTK" group skip --force \
		--grep poison --keep kept.jsonl --execute "$address" g >"$OUT" 2>"$ERR" || status=$?
	expect_signal 9
	mq_preload=
	is "$(cli XPENDING "$topic" g | head -1)" 7
	# Somebody has just read: refused without a file.
	mq group skip --grep poison --keep other.jsonl --execute "$address" g
	expect_status 2
	[ ! -s other.jsonl ]
	mq group skip --grep poison --keep kept.jsonl --execute --force -J "$address" g
	expect_status 0
	is "$(jq -c '[.skipped,.settled]' out)" "[0,1]"
	is "$(jq -r .payload kept.jsonl | sort -u)" poison
	is "$(cli XPENDING "$topic" g | head -1)" 6
	# So many from the oldest pending one on, and on into what was not delivered.
	mq group skip -c 7 --keep rest.jsonl --execute --force "$address" g
	expect_status 0
	is "$(jq -r .payload rest.jsonl | tr '\n' ' ')" "1 2 3 4 5 7 8 "
	mq consume -q -e --group g --consumer w2 "$address"
	is "$out" 9
}

@test "Redis: positions by id, by time, by counting and by plan" {
	shared_redis
	for i in $(seq 9); do cli XADD "$topic" "$((i * 1000))-5" payload "$i" >/dev/null; done
	mq group create "$address" g
	next() { # the first message that the group would be given now
		"$MQTK" consume -q -e --group g --consumer "c$RANDOM" "$address" | head -1
	}
	while read -r to want; do
		"$MQTK" group reset --to "$to" --execute --force "$address" g >/dev/null
		is "$to: $(cli XINFO GROUPS "$topic" | grep -A1 last-delivered | tail -1)" "$to: $want"
	done <<-'EOF2'
	3000-5 3000-4
	shift:+2 4000-5
	shift:-1 4000-4
	shift:-2 2000-4
	shift:-99 1000-4
	shift:+99 9000-5
	@000000006500 7000-4
	-2 8000-4
	end 9000-5
	beginning 1000-4
	EOF2
	mq group reset --to shift:+4 "$address" g
	cp out plan.csv
	has "$(cat plan.csv)" "after:4000-5"
	mq group reset --plan plan.csv --execute --force "$address" g
	expect_status 0
	is "$(next)" 5
}

@test "Redis: claim, and a consumer is deleted only when it holds nothing" {
	shared_redis
	seq 6 | "$MQTK" produce -q --create "$address"
	mq group create "$address" g
	cli XREADGROUP GROUP g dead COUNT 4 STREAMS "$topic" '>' >/dev/null
	mq group delete --yes --member dead "$address" g
	expect_status 2
	has "$err" "holds 4 messages"
	mq group claim --idle 1h --to w2 -J "$address" g
	expect_status 0
	is "$(jq .claimed out)" 0
	mq group claim --idle 0 --to w2 --dry-run -J "$address" g
	is "$(jq .claimed out)" 4
	is "$(cli XPENDING "$topic" g - + 10 dead | grep -c '^dead$')" 4
	mq group claim --idle 0 --to w2 -c 3 "$address" g
	expect_status 0
	mq group delete --yes --member dead "$address" g
	expect_status 2
	mq group claim --idle 0 --to w2 "$address" g
	expect_status 0
	mq group delete --yes --member dead "$address" g
	expect_status 0
	mq consume -q -e --group g --consumer w2 "$address"
	expect_status 0
	is "$(sort out | tr '\n' ' ')" "1 2 3 4 5 6 "
	mq group show -J "$address" g
	is "$(jq -c '[.lag,.pending,[.member_list[].name]]' out)" '[0,0,["w2"]]'
}

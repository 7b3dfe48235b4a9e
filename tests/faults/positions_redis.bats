#!/usr/bin/env bats
# Where groups of Redis stand, compared with what Redis itself says: figures that XINFO tells, tells
# wrongly or not at all; members that died; moving and removing groups; what was removed before it
# was read; clusters with a node that is down.
# shellcheck disable=SC2154,SC2030,SC2031 # set in the helpers; each test is a process

setup() {
	load faults
	use_faults
}
teardown() {
	[ -z "${own-}" ] || redis_stop "$own" || :
	unset own
	end_faults
	[ -z "${REDIS-}" ] || redis-cli -h "${REDIS%:*}" -p "${REDIS##*:}" del "$topic" "$topic"-{0..9} >/dev/null 2>&1 || :
}

shared_redis() {
	requires_redis
	broker=redis://$REDIS
	address=$broker/$topic
}

cli() {
	redis-cli --no-auth-warning -h "${REDIS%:*}" -p "${REDIS##*:}" "$@"
}

# add N: entries 1-1 … N-1
add() {
	cli eval 'for i = 1, ARGV[1] do redis.call("XADD", KEYS[1], i .. "-1", "payload", i) end' \
		1 "$topic" "$1" >/dev/null
}

figures() {
	"$root/scripts/python.sh" --with redis "$root/tests/faults/figures_redis.py" "$@"
}

# lag_is_right HOSTS ADDRESS STREAM…: what mqtk says of these streams is what Redis says.
lag_is_right() {
	local asked=${EPOCHREALTIME/[.,]/}
	mq lag -J "$2"
	expect_status 0
	figures compare "$1" "${asked%???}" "${@:3}" <<<"$out"
}

# One figure of the group `g`: figure lag
figure() {
	mq lag -J "$address" "${2:-g}" && expect_status 0 && jq -r ".$1" <<<"$out"
}

# What XINFO GROUPS says of `g`, which is the first one.
xinfo() {
	cli xinfo groups "$topic" | grep -m 1 -A1 -x "$1" | tail -1
}

# --- figures ----------------------------------------------------------------------------------

@test "every figure is that of XINFO and XPENDING, for groups of any kind" {
	shared_redis
	for seed in 1 2 3 "$RANDOM"; do
		echo "seed $seed"
		cli del "$topic"-{0..5} >/dev/null
		figures make "$REDIS" "$topic" "$seed"
		lag_is_right "$REDIS" "$broker/^$topic-" "$topic"-{0..5}
		# Named groups and streams are the same rows.
		mq lag -J "$broker/$topic-2" g1
		expect_status 0
		is "$(jq -r '.group + " " + .stream' <<<"$out")" "g1 $topic-2"
	done
}

@test "a lag that XINFO does not tell is counted: made in mid-stream, behind deleted entries" {
	shared_redis
	add 20
	cli xgroup create "$topic" g 12-1 >/dev/null
	is "$(xinfo lag)" ""
	is "$(figure lag)" 8
	cli xgroup setid "$topic" g 12-1 entriesread 12 >/dev/null
	is "$(xinfo lag)" 8
	is "$(figure lag)" 8
	cli xdel "$topic" 15-1 16-1 >/dev/null
	is "$(xinfo lag)" ""
	is "$(figure lag)" 6
	# The last ones: nothing is left behind 12.
	cli xdel "$topic" 13-1 14-1 17-1 18-1 19-1 20-1 >/dev/null
	is "$(figure lag)" 0
	is "$(figure age_ms)" 0
}

@test "a lag that XINFO tells wrongly is not believed: negative, too large, of trimmed entries" {
	shared_redis
	add 20
	cli xgroup create "$topic" g 12-1 entriesread 50 >/dev/null
	is "$(xinfo lag)" -30
	is "$(figure lag)" 8
	cli xgroup setid "$topic" g 12-1 entriesread 0 >/dev/null
	is "$(figure lag)" 8
	cli xgroup setid "$topic" g 12-1 entriesread 20 >/dev/null
	is "$(xinfo lag) $(figure lag)" "0 8"
	cli xgroup setid "$topic" g 2-1 entriesread 2 >/dev/null
	cli xtrim "$topic" maxlen = 5 >/dev/null
	is "$(figure lag)" 5
}

@test "what would have to be counted for too long is unknown, and it says why; a gate is exit 3" {
	shared_redis
	add 220000
	cli xgroup create "$topic" g 110000-1 >/dev/null
	is "$(figure lag)" null
	mq group show -J "$address" g
	expect_status 0
	has "$(jq -r '.places[0].error' <<<"$out")" "entries would have to be counted"
	mq lag "$address" g --max-lag 1
	expect_status 3
	# From either end there is less to count.
	cli xgroup setid "$topic" g 219000-1 >/dev/null
	is "$(figure lag)" 1000
	cli xgroup setid "$topic" g 1000-1 >/dev/null
	is "$(figure lag)" 219000
}

@test "many groups in the middle of one stream, of which XINFO tells no lag: all are counted" {
	shared_redis
	add 10000
	cli xdel "$topic" 5-1 7777-1 >/dev/null
	cli eval 'for i = 1, 1000 do redis.call("XGROUP", "CREATE", KEYS[1], "g" .. i, i * 10 .. "-1") end' \
		1 "$topic" >/dev/null
	mq lag -J "$address"
	expect_status 0
	is "$(jq -r '"\(.group) \(.lag)"' <<<"$out" | sort)" \
		"$(for ((i = 1; i <= 1000; i++)); do echo "g$i $((10000 - 10 * i - (i < 778)))"; done | sort)"
}

@test "what a dead member held is shown until somebody claims it" {
	shared_redis
	add 10
	cli xgroup create "$topic" g 0 >/dev/null
	background consume "$address" --group g --consumer dead -c 100 >"$OUT.dead"
	wait_until 20 file_has "$OUT.dead" 20
	kill -9 "$pid"
	wait_for_end "$pid" 10 || :
	cli xreadgroup group g alive streams "$topic" '>' >/dev/null
	cli xadd "$topic" 11-1 payload 11 >/dev/null
	cli xreadgroup group g dead2 streams "$topic" '>' >/dev/null
	lag_is_right "$REDIS" "$address" "$topic"
	is "$(jq -r .pending <<<"$out")" "$(cli xpending "$topic" g | head -1)"
	mq group show -J --pending "$address" g
	expect_status 0
	jq -r '.pending_list[] | "\(.id) \(.member) \(.deliveries)"' <<<"$out" >mine
	cli xpending "$topic" g - + 100 | paste - - - - | awk '{print $1, $2, $4}' >theirs
	diff mine theirs
	[ -s mine ]
}

@test "no such group, no such stream, another kind of key" {
	shared_redis
	add 1
	mq lag "$address" nobody
	expect_status 8
	has "$err" "there is no group nobody in $topic"
	mq lag "$broker/$topic-none" g
	expect_status 8
	has "$err" "there is no stream $topic-none"
	cli set "$topic-1" text >/dev/null
	mq lag "$broker/$topic-1"
	expect_status 2
	# Among all streams it is just none.
	mq lag -J "$broker/^$topic"
	expect_status 0
}

# fake COMMAND REPLY: a server that has a stream with three entries in it, and answers COMMAND with
# REPLY, where \r\n are written so. $broker.
fake() {
	rm -f fake.out
	mkfifo fake.out
	"$root/scripts/python.sh" "$root/tests/faults/fake_redis.py" "$@" >fake.out 3>&- 4>&- &
	pids+=($!)
	read -r -t 10 broker <fake.out
	address=redis://$broker/$topic
}

# A group of XINFO GROUPS with this id, and further words.
group_told() {
	local word
	printf '*1\\r\\n*%d\\r\\n' $(($# + 7))
	for word in name g consumers pending last-delivered-id "$@"; do
		case $word in
		consumers | pending) printf '$%d\\r\\n%s\\r\\n:0\\r\\n' ${#word} "$word" ;;
		*) printf '$%d\\r\\n%s\\r\\n' ${#word} "$word" ;;
		esac
	done
}

@test "a server before 7.0, which knows no lag: entries are counted" {
	fake XINFO.GROUPS "$(group_told 5-1)"
	mq_within 20 lag -J "$address" g
	expect_status 0
	# That server always gives the three that it has.
	is "$(jq -c '[.committed, .end, .lag, .pending]' <<<"$out")" '["5-1","5-3",3,0]'
}

@test "answers that are none: an error in words, never a crash" {
	while read -r code command reply; do
		[ "$reply" = group ] && reply=$(group_told nonsense)
		fake "$command" "$reply"
		mq_within 20 lag --timeout 2s "$address" g
		is "$command $reply: $status" "$command $reply: $code"
		[ -n "$err" ]
	done <<-'END'
		7 XINFO.GROUPS +OK\r\n
		7 XINFO.GROUPS group
		8 XINFO.GROUPS *1\r\n$1\r\nx\r\n
		4 XINFO.GROUPS close
		4 XINFO.STREAM silence
		4 XINFO.STREAM -LOADING\r\n
	END
}

# --- moving -----------------------------------------------------------------------------------

# The next entry that the group gets, without a trace of it.
next_entry() {
	local id
	id=$(cli xreadgroup group g probe count 1 streams "$topic" '>' | sed -n 2p)
	[ -z "$id" ] || cli xack "$topic" g "$id" >/dev/null
	cli xgroup delconsumer "$topic" g probe >/dev/null
	echo "$id"
}

@test "a group that is moved gets exactly what was asked for next, and XINFO tells its lag" {
	shared_redis
	add 20
	cli xgroup create "$topic" g 0 >/dev/null
	cli xgroup create "$topic" other 16-1 >/dev/null
	while read -r to first lag; do
		mq group reset "$address" g --to "$to" --execute
		expect_status 0
		is "$to $(xinfo lag) $(figure lag)" "$to $lag $lag"
		is "$to $(next_entry)" "$to ${first#none}"
	done <<-'END'
		beginning 1-1 20
		12-1 12-1 9
		12-2 13-1 8
		1970-01-01T00:00:00.013Z 13-1 8
		-3 18-1 3
		group:other 17-1 4
		end none 0
	END
	# Behind trimmed and deleted entries, too.
	cli xtrim "$topic" maxlen = 10 >/dev/null
	mq group reset "$address" g --to beginning --execute
	expect_status 0
	is "$(xinfo lag) $(figure lag) $(next_entry)" "10 10 11-1"
	cli xdel "$topic" 15-1 >/dev/null
	mq group reset "$address" g --to 14-1 --execute
	expect_status 0
	is "$(figure lag) $(next_entry)" "6 14-1"
}

@test "a group in use is not moved, unless it is forced" {
	shared_redis
	add 5
	cli xgroup create "$topic" g 0 >/dev/null
	background consume "$address" --group g --consumer living >"$OUT.living"
	wait_until 20 file_has "$OUT.living" 10
	mq group reset "$address" g --to beginning --execute
	expect_status 2
	has "$err" "1 active member in $topic: living was heard of"
	is "$(xinfo last-delivered-id)" 5-1
	mq group reset "$address" g --to beginning --execute --force
	expect_status 0
	wait_until 20 file_has "$OUT.living" 20
	kill -INT "$pid"
	wait_for_end "$pid" 20
	is "$status" 130
	is "$(sort -n "$OUT.living" | uniq -c | awk '{print $1, $2}' | paste -sd,)" "2 1,2 2,2 3,2 4,2 5"
}

# --- making, claiming, removing ---------------------------------------------------------------

@test "what a dead member held is claimed: as it is, counted, by the living one read" {
	shared_redis
	add 2500
	cli xgroup create "$topic" g 0 >/dev/null
	cli xreadgroup group g dead count 2400 streams "$topic" '>' >/dev/null
	cli xreadgroup group g young streams "$topic" '>' >/dev/null
	mq group delete "$address" g --member dead --yes
	expect_status 2
	has "$err" "holds 2400 messages of $topic that are not settled"
	has "$err" "mqtk group claim"
	mq group delete "$address" g --yes
	expect_status 2
	is "$(cli xpending "$topic" g | head -1)" 2500
	# Only what is idle for so long: all of it is young.
	mq group claim "$address" g --idle 1h --to heir
	is "$(cli xpending "$topic" g - + 3000 heir | wc -w)" 0
	# XCLAIM makes what dead holds look old.
	ids=$(seq -f '%.0f-1' 1 2400)
	# shellcheck disable=SC2086 # words
	cli xclaim "$topic" g dead 0 $ids idle 600000 justid >/dev/null
	mq group claim "$address" g --idle 5m --to heir -c 100
	expect_status 0
	is "$(cli xpending "$topic" g | tail -n +4 | paste -sd' ')" "dead 2300 heir 100 young 100"
	mq group claim "$address" g --idle 5m --to heir
	expect_status 0
	is "$(cli xpending "$topic" g | tail -n +4 | paste -sd' ')" "heir 2400 young 100"
	# Given, not delivered once more.
	is "$(cli xpending "$topic" g - + 3000 heir | paste - - - - | awk '{print $4}' | sort -u)" 1
	mq group delete "$address" g --member dead --yes
	expect_status 0
	mq consume "$address" --group g --consumer heir -e
	expect_status 0
	is "$(seq 2400 | cmp - "$OUT" && echo same)" same
	is "$(cli xpending "$topic" g | tail -n +4 | paste -sd' ')" "young 100"
	mq group delete "$address" g --yes --force
	expect_status 0
	is "$(cli xinfo groups "$topic")" ""
}

@test "a plan that names a stream where the group does not stand is refused in words" {
	shared_redis
	add 1
	cli xgroup create "$topic" g 0 >/dev/null
	printf 'stream,partition,target\nnope,,end\n' >plan.csv
	mq group reset "$address" g --plan plan.csv
	expect_status 8
	has "$err" "plan.csv:2: the group does not stand in nope of redis://"
}

@test "a skip begins with the first message that is pending, and ends with its number" {
	shared_redis
	add 9
	cli xgroup create "$topic" g 0 >/dev/null
	cli xreadgroup group g c1 count 3 streams "$topic" '>' >/dev/null
	mq group skip -J -c 2 --keep kept --force --execute "$address" g
	expect_status 0
	is "$(jq -c '[.settled,.skipped]' out)" '[2,0]'
	is "$(jq -r .payload kept)" $'1\n2'
	is "$(cli xpending "$topic" g - + 9 | head -1)" 3-1
	mq group skip -J -c 3 --keep kept --force --execute "$address" g
	expect_status 0
	is "$(jq -c '[.settled,.skipped]' out)" '[1,2]'
	is "$(jq -r .payload kept)" "$(seq 5)"
	is "$(xinfo last-delivered-id)" 5-1
}

@test "a skip behind a message keeps that one too" {
	shared_redis
	add 20
	cli xgroup create "$topic" g 5-1 >/dev/null
	cli xgroup create "$topic" h 5-1 >/dev/null
	mq group skip "$address" g --to shift:+3 --keep kept --execute
	expect_status 0
	is "$(jq -r .payload kept | paste -sd' ')" "6 7 8"
	is "$(xinfo last-delivered-id)" 8-1
	# And where another group stands, even when that message is gone.
	cli xgroup setid "$topic" g 11-1 >/dev/null
	cli xdel "$topic" 11-1 >/dev/null
	mq group skip "$address" h --to group:g --keep other --execute
	expect_status 0
	is "$(jq -r .payload other | paste -sd' ')" "6 7 8 9 10"
	mq group skip "$address" h --to shift:+1 --keep last --execute
	is "$(jq -r .payload last)" 12
}

@test "a member that reads is never removed with what it was given at that moment" {
	shared_redis
	add 60000
	cli xgroup create "$topic" g 0 >/dev/null
	"$root/scripts/python.sh" --with redis - "$REDIS" "$topic" >acked 3>&- 4>&- <<'PYTHON' &
import redis, sys, time
host, port = sys.argv[1].split(":")
server, lost, until = redis.Redis(host=host, port=int(port)), 0, time.time() + 6
while time.time() < until:
    for _, entries in server.xreadgroup("g", "quick", {sys.argv[2]: ">"}, count=5, block=100) or []:
        lost += len(entries) - server.xack(sys.argv[2], "g", *[entry for entry, _ in entries])
print("lost", lost)
PYTHON
	pids+=($!)
	while ! ended "$!"; do
		"$MQTK" group delete -q --yes --member quick "$address" g 2>refused || :
	done
	is "$(cat acked)" "lost 0"
}

@test "a group is made where it is told, of which XINFO knows the lag; once" {
	shared_redis
	mq group create "$address" g --to end
	expect_status 8
	add 10
	mq group create "$address" g --to 4-1
	expect_status 0
	is "$(xinfo last-delivered-id) $(xinfo lag) $(figure lag)" "4-0 7 7"
	mq group create "$address" g --to 4-1
	expect_status 2
	has "$err" "already a group g"
	mq group delete "$broker/$topic" g --yes
	expect_status 0
	mq group delete "$broker/$topic" g --yes
	expect_status 8
}

# --- what was lost ----------------------------------------------------------------------------

@test "entries that are trimmed under a reader are counted: what came and what was lost are all" {
	shared_redis
	add 100000
	mkfifo way
	# It opens the pipe by itself: that waits for the reader.
	("$MQTK" consume "$address" -e >way) 3>&- &
	pid=$!
	pids+=("$pid")
	exec {from}<way
	read -r first <&"$from"
	cli xtrim "$topic" maxlen = 1000 >/dev/null
	{ echo "$first"; cat <&"$from"; } >came
	exec {from}<&-
	wait_for_end "$pid" 30
	is "$status" 0
	tail -1 came >last
	is "$(cat last)" 100000
	lost=$((100000 - $(wc -l <came)))
	[ "$lost" -gt 0 ]
	background replay "$address" copy.jsonl 2>said
	wait_for_end "$pid" 30
	is "$status" 0
	is "$(wc -l <copy.jsonl)" 1000
}

@test "reading from an id that was trimmed away says so" {
	shared_redis
	add 10
	mq consume "$address" -e --from 3-1
	has_not "$err" removed
	cli xtrim "$topic" maxlen = 4 >/dev/null
	mq consume "$address" -e --from 3-1
	expect_status 0
	has "$err" "entries may have been removed from 3-1 on; reading goes on with 7-1"
	cli xdel "$topic" 7-1 8-1 >/dev/null
	mq consume "$address" -e --from 7-1
	expect_status 0
	has "$err" "entries were removed from 7-1 on; reading goes on with 9-1"
}

# --- clusters ---------------------------------------------------------------------------------

@test "in a cluster: every figure, from all nodes" {
	requires_redis_cluster
	local name
	for name in "$topic"-{0..9}; do
		redis-cli -c -p "${REDIS_CLUSTER##*:}" xadd "$name" '*' payload x >/dev/null
		redis-cli -c -p "${REDIS_CLUSTER##*:}" xadd "$name" '*' payload y >/dev/null
		redis-cli -c -p "${REDIS_CLUSTER##*:}" xgroup create "$name" g 0 >/dev/null
		redis-cli -c -p "${REDIS_CLUSTER##*:}" xreadgroup group g m count 1 streams "$name" '>' >/dev/null
	done
	lag_is_right "$REDIS_CLUSTER" "redis://$REDIS_CLUSTER/^$topic-" "$topic"-{0..9}
	mq lag -J --totals "redis://$REDIS_CLUSTER/^$topic-"
	expect_status 0
	is "$(jq -s '[.[].lag] | add' <<<"$out") $(jq -s '[.[].members] | unique' -c <<<"$out")" "10 [1]"
	mq group show -J --pending "redis://$REDIS_CLUSTER/$topic-3" g
	is "$(jq '.pending_list | length' <<<"$out")" 1
	mq group claim "redis://$REDIS_CLUSTER/$topic-3" g --idle 0 --to other
	expect_status 0
	is "$(redis-cli -c -p "${REDIS_CLUSTER##*:}" xpending "$topic-3" g | sed -n 4p)" other
	mq group reset "redis://$REDIS_CLUSTER/" g --to end --execute --force
	expect_status 0
	mq lag -J --totals "redis://$REDIS_CLUSTER/^$topic-"
	is "$(jq -s '[.[].lag] | add' <<<"$out")" 0
	mq group delete "redis://$REDIS_CLUSTER/" g --yes --force
	expect_status 0
	mq lag "redis://$REDIS_CLUSTER/" g
	expect_status 8
	redis-cli -c -p "${REDIS_CLUSTER##*:}" del "$topic-3" >/dev/null
}

@test "in a cluster with a node down: what the others tell, and exit 3" {
	requires_redis_cluster
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, to start a cluster of its own"
	# shellcheck source=tests/brokers/redis.sh
	source "$root/tests/brokers/redis.sh"
	own=own-$$-$BATS_TEST_NUMBER
	redis_cluster_start "$own" --set "cluster-require-full-coverage no" 3>&-
	local name
	for name in "$topic"-{0..9}; do
		redis-cli -c -p "${REDIS##*:}" xadd "$name" '*' payload x >/dev/null
		redis-cli -c -p "${REDIS##*:}" xgroup create "$name" g 0 >/dev/null
	done
	mq lag -J "redis://$REDIS_CLUSTER/"
	expect_status 0
	is "$(wc -l <<<"$out")" 10
	redis_kill "$own" 3
	mq_within 60 lag -J --timeout 3s "redis://$REDIS_CLUSTER/"
	expect_status 3
	is "$(jq -r .lag <<<"$out" | sort -u)" 1
	rows=$(wc -l <<<"$out")
	[ "$rows" -gt 0 ] && [ "$rows" -lt 10 ]
	refused=${err%%$'\n'*}
	mq_within 60 lag --max-lag 0 --timeout 3s "redis://$REDIS_CLUSTER/"
	expect_status 1
	has "$err" "${refused#mqtk lag: }"
	# What changes a group does what it can, and does not call that the whole.
	for change in "claim --idle 0 --to heir" "skip -c 1" "skip -c 1 --execute" "reset --to end" "reset --to end --execute"; do
		# shellcheck disable=SC2086 # words
		mq_within 60 group $change -J --timeout 3s "redis://$REDIS_CLUSTER/" g
		expect_status 3
		is "$(wc -l <<<"$out")" "$rows"
		has "$err" "${refused#mqtk lag: }"
	done
	redis_stop "$own"
	unset own
}

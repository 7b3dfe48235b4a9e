#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables are set by tests/lib/helpers.bash
# mqtk lag on the local store: figures, formats, limits and their exit codes, watching.

load ../lib/helpers
load saying

# 100 messages in two partitions; billing has read the first 30 of partition 1 and never committed in
# partition 0, audit has read everything.
some_groups() {
	mq create -q --partitions 2 sqlite:s.db/orders
	expect_status 0
	seq 30 | "$MQTK" produce -q -p 1 sqlite:s.db/orders
	"$MQTK" consume -q --group billing -e sqlite:s.db/orders >/dev/null
	sqlite3 s.db "DELETE FROM mq_positions WHERE grp = 'billing' AND partition = 0"
	seq 30 | "$MQTK" produce -q -p 1 sqlite:s.db/orders
	seq 40 | "$MQTK" produce -q -p 0 sqlite:s.db/orders
	"$MQTK" consume -q --group audit -e sqlite:s.db/orders >/dev/null
}

# field GROUP PARTITION NAME: of the JSON lines in out.
field() {
	jq -r --arg g "$1" --arg p "$2" --arg n "$3" \
		'select(.group == $g and (.partition|tostring) == $p) | .[$n] | tostring' out
}

prometheus() {
	"$root/scripts/python.sh" --with prometheus_client "$root/tests/lib/prometheus.py" "${1-out}"
}

terminal() {
	"$root/scripts/python.sh" --with termios "$root/tests/lib/terminal.py" "$@" >&2
}

@test "figures: committed, end, lag, age; what has no commit is unknown" {
	some_groups
	mq lag -J sqlite:s.db/orders
	expect_status 0
	fits lag
	is "$(field billing 1 committed) $(field billing 1 end) $(field billing 1 lag)" "30 60 30"
	is "$(field audit 0 committed) $(field audit 0 end) $(field audit 0 lag)" "40 40 0"
	is "$(field audit 1 lag) $(field audit 1 age_ms) $(field audit 1 eta_s)" "0 0 0"
	is "$(field billing 0 committed) $(field billing 0 lag) $(field billing 0 age_ms)" "null null null"
	is "$(field billing 1 state) $(field billing 0 state) $(field audit 1 state)" "stop unknown ok"
	age=$(field billing 1 age_ms)
	((age > 0 && age < 600000))
	is "$(field billing 1 broker) $(field billing 1 members) $(field billing 1 pending)" "sqlite:s.db 0 null"
	mq lag -J --no-age sqlite:s.db/orders
	is "$(field billing 1 age_ms) $(field audit 1 age_ms)" "null 0"
	# The same by the broker, by --all, by a pattern, and one group of them.
	for args in sqlite:s.db/ "sqlite:s.db/ --all" "sqlite:s.db/^ord" "sqlite:s.db/ billing audit"; do
		# shellcheck disable=SC2086 # several arguments
		mq lag -J $args
		expect_status 0
		is "$(field billing 1 lag) $(field audit 0 lag)" "30 0"
	done
	mq lag -J sqlite:s.db/orders audit
	is "$(jq -r .group out | sort -u)" audit
	is "$(wc -l <out)" 2
	mq lag -J 'sqlite:s.db/^nothing'
	expect_status 0
	is "$out" ""
}

@test "the table: sums above partitions, the worst first, columns that have something to tell" {
	some_groups
	mq lag sqlite:s.db/orders
	expect_status 0
	is "$(sed -n 1p out | tr -s ' ')" "GROUP STREAM LAG AGE MEMBERS STATE"
	has "$(sed -n 2p out | tr -s ' ')" "billing orders 30+"
	[[ $(sed -n 2p out) == billing\ * && $(sed -n 3p out) == audit\ * ]]
	is "$(sed -n 4p out)" ""
	is "$(sed -n 5p out | tr -s ' ')" "GROUP STREAM PARTITION COMMITTED END LAG AGE MEMBERS STATE"
	has "$(sed -n 6p out | tr -s ' ')" "billing orders 1 30 60 30"
	# One partition has no sums above it.
	seq 5 | "$MQTK" produce -q sqlite:s.db/single
	"$MQTK" consume -q --group one -c 2 sqlite:s.db/single >/dev/null
	mq lag sqlite:s.db/single one
	is "$(wc -l <out)" 2
	mq lag --totals sqlite:s.db/orders
	is "$(wc -l <out)" 3
	has_not "$out" PARTITION
	# No colours in a pipe, and some when they are asked for.
	has_not "$out" $'\033'
	NO_COLOR='' mq lag --color always sqlite:s.db/orders
	has "$out" $'\033[31mbilling'
}

@test "no group at all: nothing on stdout, a note; a limit is not held then" {
	seq 5 | "$MQTK" produce -q sqlite:s.db/orders
	mq lag sqlite:s.db/orders
	expect_status 0
	is "$out" ""
	has "$err" "no group reads from sqlite:s.db/orders"
	mq lag -q --max-lag 0 sqlite:s.db/orders
	expect_status 3
	has "$err" "no group was found"
	mq lag -q --max-lag 0 --allow-unknown sqlite:s.db/orders
	expect_status 0
}

@test "CSV is what Python's csv reads, with names that need quotes" {
	some_groups
	# shellcheck disable=SC1003 # a name with everything
	odd='a,"b" \'
	"$MQTK" consume -q --group "$odd" -c 1 sqlite:s.db/orders >/dev/null
	mq lag --format csv sqlite:s.db/orders
	expect_status 0
	[ "$(head -1 out)" = $'broker,group,stream,partition,committed,end,lag,age_ms,rate_in,rate_out,eta_s,members,state,pending,oldest_idle_ms,ready,unacked,consumers\r' ]
	cp out lag.csv
	mq lag -J --no-age sqlite:s.db/orders
	"$root/scripts/python.sh" - "$odd" <<-'EOF'
	import csv, json, sys
	with open("lag.csv", newline="", encoding="utf-8") as file:
	    rows = list(csv.DictReader(file, strict=True))
	with open("out", encoding="utf-8") as file:
	    lines = [json.loads(line) for line in file]
	assert len(rows) == len(lines) == 6, (len(rows), len(lines))
	assert sys.argv[1] in {row["group"] for row in rows}
	for row, line in zip(rows, lines):
	    assert list(row) == list(line)
	    for name, value in line.items():
	        if name != "age_ms":
	            assert row[name] == ("" if value is None else str(value)), (name, row, line)
	EOF
}

@test "Prometheus' text is what its own parser reads; unknown is left out; nothing twice" {
	some_groups
	# shellcheck disable=SC1003
	odd=$'q"\\\n\xff{}'
	"$MQTK" consume -q --group "$odd" -c 1 sqlite:s.db/orders >/dev/null || odd=
	mq lag --format prometheus --interval 1s sqlite:s.db/
	expect_status 0
	prometheus >samples
	grep -qxF 'mqtk_lag_messages{broker=sqlite:s.db,group=billing,partition=1,stream=orders} 30' samples
	grep -qxF 'mqtk_lag_messages{broker=sqlite:s.db,group=audit,partition=0,stream=orders} 0' samples
	! grep -F 'group=billing,partition=0' samples | grep lag_messages || fail "unknown is no sample"
	grep -qxF 'mqtk_end_offset{broker=sqlite:s.db,group=billing,partition=1,stream=orders} 60' samples
	grep -qxF 'mqtk_group_members{broker=sqlite:s.db,group=billing} 0' samples
	grep -qxF 'mqtk_lag_state{broker=sqlite:s.db,group=billing,state=stop,stream=orders} 1' samples
	grep -qxF 'mqtk_lag_state{broker=sqlite:s.db,group=audit,state=ok,stream=orders} 1' samples
	grep -qxF 'mqtk_in_messages_per_second{broker=sqlite:s.db,group=billing,partition=1,stream=orders} 0' samples
	grep -qxF 'mqtk_lag_complete{broker=sqlite:s.db} 1' samples
	grep -q 'mqtk_lag_age_seconds{broker=sqlite:s.db,group=billing,partition=1' samples
	[ -z "$odd" ] || [ "$(grep -c 'q"' samples)" -gt 3 ]
	mq lag --format prometheus --totals sqlite:s.db/orders audit
	prometheus | grep -qxF 'mqtk_lag_messages{broker=sqlite:s.db,group=audit,stream=orders} 0'
}

@test "the check of Prometheus' text can fail" {
	printf '# HELP a A.\n# TYPE a gauge\na 1\na 1\n' >twice
	! prometheus twice || fail "a series twice"
	printf 'a 1\n' >bare
	! prometheus bare || fail "without a type"
	printf '# HELP a A.\n# TYPE a gauge\na{b="c} 1\n' >open
	! prometheus open || fail "a label without an end"
}

@test "an interval: rates, time to catch up, states" {
	some_groups
	seq 1000 >many
	# Between the looks billing reads on, and audit stands still while more comes.
	"$MQTK" lag -v -J --interval 4s sqlite:s.db/orders >out 2>err 3>&- &
	looking=$!
	wait_until 20 grep -q "looked once" err
	sqlite3 s.db "UPDATE mq_positions SET next = 50 WHERE grp = 'billing'"
	"$MQTK" produce -q -p 0 sqlite:s.db/orders <many
	status=0
	wait "$looking" || status=$?
	mq_result
	expect_status 0
	fits lag
	is "$(field billing 1 committed) $(field billing 1 lag) $(field billing 1 state)" "50 10 ok"
	jq -es 'map(select(.group == "billing" and .partition == 1))[0]
		| .rate_in == 0 and .rate_out > 3 and .rate_out <= 5 and .eta_s >= 2 and .eta_s <= 4' out
	is "$(field audit 0 lag) $(field audit 0 state) $(field audit 0 eta_s)" "1000 stop null"
	jq -es 'map(select(.group == "audit" and .partition == 0))[0] | .rate_in > 150 and .rate_out == 0' out
}

@test "limits: exit 1 names each row and limit, 3 what is unknown" {
	some_groups
	mq lag sqlite:s.db/orders audit --max-lag 0
	expect_status 0
	is "$err" ""
	mq lag sqlite:s.db/orders --max-lag 29
	expect_status 1
	has "$err" "group billing on orders: lag at least 30 > 29"
	has_not "$err" audit
	has "$out" billing
	mq lag sqlite:s.db/orders --max-lag 30
	expect_status 3
	has "$err" "group billing on orders: the lag is unknown in 1 of 2 partitions"
	mq lag sqlite:s.db/orders --max-lag 30 --allow-unknown
	expect_status 0
	is "$err" ""
	mq lag sqlite:s.db/orders --max-age 1ms --allow-unknown
	expect_status 1
	has "$err" "group billing on orders: the oldest unread message is"
	mq lag sqlite:s.db/orders --max-age 1h --allow-unknown
	expect_status 0
	mq lag sqlite:s.db/orders audit --no-members
	expect_status 1
	has "$err" "group audit on orders: no members"
	"$MQTK" consume -q --group audit sqlite:s.db/orders >/dev/null 3>&- &
	reader=$!
	wait_until 10 "$MQTK" lag -q sqlite:s.db/orders audit --no-members
	kill "$reader"
	wait "$reader" || :
	# The sum of the partitions counts.
	seq 20 | "$MQTK" produce -q -p 0 sqlite:s.db/orders
	seq 1204 | "$MQTK" produce -q -p 1 sqlite:s.db/orders
	mq lag sqlite:s.db/orders audit --max-lag 1223
	expect_status 1
	has "$err" "group audit on orders: lag 1,224 > 1,223"
	mq lag sqlite:s.db/orders audit --max-lag 1224
	expect_status 0
}

@test "--wait: until the limits hold, the group exists; or the time is over" {
	some_groups
	mq lag sqlite:s.db/orders billing --max-lag 0 --allow-unknown --wait 300ms
	expect_status 1
	"$MQTK" lag -q sqlite:s.db/orders late --max-lag 0 --wait 30s >waited 2>waited.err 3>&- &
	waiting=$!
	"$MQTK" consume -q --group late -e sqlite:s.db/orders >/dev/null
	wait "$waiting"
	grep -q late waited
	mq lag sqlite:s.db/orders never --max-lag 0 --wait 300ms
	expect_status 8
	# What waiting does not heal ends it at once.
	mq lag sqlite:s.db/missing --max-lag 0 --wait 300ms
	expect_status 8
	"$MQTK" lag -q sqlite:s.db/orders billing --max-lag 0 --allow-unknown --wait 1m >/dev/null 2>&1 3>&- &
	waiting=$!
	sleep 0.5
	kill -TERM "$waiting"
	status=0
	wait "$waiting" || status=$?
	expect_signal 15
}

@test "a group that does not exist: 8, and the one that is meant; the others are shown" {
	some_groups
	mq lag sqlite:s.db/ biling
	expect_status 8
	is "$out" ""
	has "$err" "there is no group biling"
	has "$err" "did you mean billing?"
	mq lag -J sqlite:s.db/ audit nothing-like-it another
	expect_status 8
	is "$(jq -r .group out | sort -u)" audit
	has "$err" nothing-like-it
	has "$err" "no group another"
	mq lag sqlite:s.db/ nothing --format prometheus
	expect_status 8
	prometheus | grep -qxF 'mqtk_lag_complete{broker=sqlite:s.db} 0'
}

@test "command lines that make no sense" {
	refuses "mqtk lag: --all means every group, but one is named: g; give one of them" lag --all local/ g
	refuses "mqtk lag: --no-age and --max-age exclude each other: give one of them" lag --max-age 5m --no-age local/
	mq lag --wait 5s local/
	expect_status 2
	mq lag --watch --max-lag 0 local/
	expect_status 2
	mq lag --watch --format prometheus local/
	expect_status 2
	mq lag --watch --interval 5s local/
	expect_status 2
	mq lag --max-lag -1 local/
	expect_status 2
	mq lag --watch=1ms local/
	expect_status 2
	mq lag --watch 1ms local/
	expect_status 2
	has "$err" "--watch: '1ms' is out of range"
	mq lag 'local/^['
	expect_status 2
	mq lag -J --format csv local/
	expect_status 2
}

@test "a stream that goes while it is looked at: the row says so" {
	some_groups
	"$MQTK" lag -v -J --interval 3s sqlite:s.db/ audit >out 2>err 3>&- &
	looking=$!
	wait_until 20 grep -q "looked once" err
	mq delete -q --yes sqlite:s.db/orders
	"$MQTK" consume -q --group audit -e local/x >/dev/null 2>&1 || :
	status=0
	wait "$looking" || status=$?
	mq_result
	((status == 0 || status == 8)) || fail "status $status" "$err"
	fits lag
	has "$(jq -r .error out)" "gone since the look before"
}

@test "watching in a pipe: report behind report, with the time; ends with the reader and by signals" {
	some_groups
	timeout 20 "$MQTK" lag -J --watch=100ms sqlite:s.db/ | head -8 >lines
	fits lag lines
	[ "$(jq .ts lines | uniq | wc -l)" -eq 2 ]
	timeout 20 "$MQTK" lag --format csv --watch=100ms sqlite:s.db/ | head -9 >lines
	[ "$(grep -c '^ts,broker' lines)" -eq 1 ]
	[ "$(grep -c 'sqlite:s.db' lines)" -eq 8 ]
	timeout 20 "$MQTK" lag --watch=100ms sqlite:s.db/ | head -22 >lines
	[ "$(grep -c '^20..-..-..T' lines)" -ge 2 ]
	status=0
	timeout --preserve-status -s TERM 1 "$MQTK" lag --watch=100ms sqlite:s.db/ >out 2>err || status=$?
	mq_result
	expect_signal 15
	is "$err" ""
	mq lag --watch sqlite:s.db/ nobody
	expect_status 8
	mq lag --watch sqlite:s.db/missing
	expect_status 8
}

@test "watching on a terminal: redrawn, sorted, filtered, paused, resized" {
	some_groups
	terminal expect 'billing' expect 'by worst' expect 'q quit' \
		send s expect 'by lag' send s expect 'by age' send s expect 'by rate' send s expect 'by name' \
		send g expect 'groups, by name' lacks PARTITION send g expect PARTITION \
		send / expect '/_' send aud send '\r' lacks billing expect 'filter: aud' expect 'of 4' \
		send '\x1b' expect billing \
		run "seq 4000 | '$MQTK' produce -q -p 1 sqlite:s.db/orders" expect ' 4030 ' expect '█' \
		send p expect PAUSED run "seq 4000 | '$MQTK' produce -q -p 1 sqlite:s.db/orders" \
		send s expect 'by worst' lacks ' 8030 ' send p expect ' 8030 ' \
		send '?' expect 'newest on the right' send '?' expect billing \
		resize '5 40' lacks '? help' expect billing resize '30 120' expect '? help' \
		send q status 0 \
		-- "$MQTK" lag --watch=100ms sqlite:s.db/
}

@test "watching on a terminal: it is given back at every end" {
	some_groups
	terminal expect billing send '\x03' status 130 -- "$MQTK" lag --watch=100ms sqlite:s.db/
	terminal expect billing signal TERM status 143 -- "$MQTK" lag --watch=100ms sqlite:s.db/
	terminal expect billing signal HUP status 129 -- "$MQTK" lag --watch=100ms sqlite:s.db/
	terminal expect billing signal QUIT status 131 -- "$MQTK" lag --watch=100ms sqlite:s.db/
	terminal expect billing send '\x1a' stopped signal CONT expect billing send q status 0 \
		-- "$MQTK" lag --watch=100ms sqlite:s.db/
	# Without a screen for what fails from the start.
	terminal expect 'no group nobody' status 8 -- "$MQTK" lag --watch sqlite:s.db/ nobody
	LC_ALL=C terminal expect '#' lacks '█' send q status 0 -- "$MQTK" lag --watch=100ms sqlite:s.db/
}

@test "completions and help know that the value of --watch may be left out" {
	mq lag --help
	has "$out" "--watch[=DUR]"
	mq lag --watch sqlite:s.db/orders nosuch -J
	expect_status 8
	mq lag --watch= sqlite:s.db/
	expect_status 2
}

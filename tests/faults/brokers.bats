#!/usr/bin/env bats
# What runs the servers of these tests: whoever is killed, no server and no folder outlives the run.
# shellcheck disable=SC2154,SC2016 # set in the helpers; of the shells that are started

setup() {
	load faults
	use_faults
	[ -n "${MQTK_TEST_DIR-}" ] || skip "needs tests/brokers/run, which has what it starts"
	command -v redis-server >/dev/null || skip "needs redis-server"
	mkdir folders
}
teardown() { end_faults; }

# with_signal SIGNAL CONDITION COMMAND: `timeout` sends that to the run and its whole process group
# when the file CONDITION is there, while COMMAND runs beside a Redis.
with_signal() {
	local pid
	(
		unset "${!MQTK_TEST_@}"
		TMPDIR=$PWD/folders exec timeout -s "$1" 3600 "$root/tests/brokers/run" redis -- bash -c "$3"
	) >run.log 2>&1 </dev/null 3>&- 4>&- &
	pid=$!
	there() { [ -e "$2" ]; }
	wait_until 60 there _ "$2"
	# What a passed limit does, at this moment.
	kill -ALRM "$pid"
	wait "$pid" || :
}

nothing_is_left() {
	[ -z "$(ls folders)" ] && ! pgrep -f "$PWD/folders" >/dev/null
}

further='source "'$BATS_TEST_DIRNAME'/../brokers/redis.sh"; redis_start own'

@test "a run that is killed with its whole group ends its servers, also those that tests started" {
	with_signal KILL ready "$further; : >ready; sleep 1000"
	wait_until 30 nothing_is_left
}

@test "a run that is ended while a test starts a server leaves none" {
	for signal in TERM KILL; do
		rm -f ready
		with_signal "$signal" ready "trap '' TERM; : >ready; $further; $further"
		wait_until 60 nothing_is_left
	done
}

@test "a command that ignores the end of its run ends all the same, and makes no folder anew" {
	with_signal KILL ready "trap '' TERM; : >ready; exec -a '$PWD/folders/command' sleep 1000"
	wait_until 30 nothing_is_left
	run env "MQTK_TEST_DIR=$PWD/gone" bash -c "$further"
	[ "$status" -ne 0 ]
	[ ! -e gone ]
}

@test "a supervisor whose run has gone starts nothing that stays" {
	mkdir -p gone/node
	mkfifo gone/lifeline gone/alive
	MQTK_TEST_DIR=$PWD/gone timeout -k 1 20 "$root/tests/brokers/supervise" "$PWD/gone/node" sleep 1000
	[ -e gone/node/ended ]
}

# A signal to the whole process group reaches all three of them at once.
@test "a supervisor that is to stop ends, also when its server has ended at the same moment" {
	mkdir nodes
	mkfifo nodes/lifeline nodes/alive
	exec 8<>nodes/lifeline
	for n in $(seq 30); do
		mkdir "nodes/$n"
		MQTK_TEST_DIR=$PWD/nodes "$root/tests/brokers/supervise" "$PWD/nodes/$n" sleep 1000 3>&- 4>&- 8>&- &
		pid=$!
		begun() { [ -s "nodes/$n/supervisor.pid" ]; }
		wait_until 20 begun
		mapfile -t children < <(pgrep -P "$pid")
		kill "${children[@]}" "$pid"
		wait_for_end "$pid" 20
		[ -e "nodes/$n/ended" ]
	done
	exec 8>&-
}

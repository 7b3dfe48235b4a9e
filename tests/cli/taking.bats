#!/usr/bin/env bats
# consume's options for taking, and what is refused: nothing here needs a server.

load ../lib/helpers

@test "options of taking that contradict each other or lack their other half are usage errors" {
	echo one | "$MQTK" produce -q sqlite:s.db/t
	mq consume -e --ack --group g sqlite:s.db/t
	expect_status 2
	[[ $err == *--ack* && $err == *--group* ]]
	mq consume -e --ack --force sqlite:s.db/t
	expect_status 2
	mq consume -e --claim 5m sqlite:s.db/t
	expect_status 2
	[[ $err == *"--claim takes over"*--group* ]]
	mq consume -e --claim 0 --group g sqlite:s.db/t
	expect_status 2
	mq consume -e --prefetch 0 sqlite:s.db/t
	expect_status 2
	mq consume -e --commit-interval 1s sqlite:s.db/t
	expect_status 2
	[[ $err == *"--group or --ack"* ]]
	mq consume -e --consumer me sqlite:s.db/t
	expect_status 2
}

@test "what the local store cannot do is refused in one line that names the alternative" {
	echo one | "$MQTK" produce -q sqlite:s.db/t
	mq consume -e --ack sqlite:s.db/t
	expect_status 2
	[[ $err == *"the local store cannot do --ack; --group NAME remembers"* ]]
	mq consume -e --ack --commit-interval 1s sqlite:s.db/t
	expect_status 2
	[[ $err == *"cannot do --ack"* ]]
	mq consume -e --claim 5m --group g sqlite:s.db/t
	expect_status 2
	[[ $err == *"cannot do --claim; "* ]]
	mq consume -e --prefetch 5 sqlite:s.db/t
	expect_status 2
	[[ $err == *"cannot do --prefetch; "* ]]
	# A look never drops anything here, so --force has nothing to force.
	mq consume -q -e --force sqlite:s.db/t
	expect_status 0
	[ "$out" = one ]
}

@test "a read-only profile lets nobody take" {
	echo one | "$MQTK" produce -q sqlite:s.db/t
	mkdir -p "$XDG_CONFIG_HOME/mqtk"
	printf '[profile p]\nurl = sqlite:%s/s.db\nreadonly = true\n' "$PWD" >"$XDG_CONFIG_HOME/mqtk/config"
	mq consume -e --ack p/t
	expect_status 5
	[[ $err == *read-only*"without --ack nothing is taken"* ]]
}

@test "an address without a stream is refused where no setting says what to read or write" {
	mq consume -e sqlite:s.db/
	expect_status 2
	[[ $err == *"names a broker but no stream"* && $err == *"mqtk ls"* ]]
	mq tail -e sqlite:s.db/ sqlite:s.db/t
	expect_status 2
	[[ $err == *"names a broker but no stream"* ]]
	mq produce sqlite:s.db/ <<<one
	expect_status 2
	[[ $err == *"names a broker but no stream"* ]]
	[ ! -e s.db ]
}

@test "a message's own stream in -J input is only where it came from" {
	mq produce -q -J sqlite:s.db/here <<<'{"stream":"elsewhere","payload":"x"}'
	expect_status 0
	mq ls -J sqlite:s.db/
	[ "$(jq -r .stream out)" = here ]
}

#!/usr/bin/env bats
# Exchanges from the command line: made, bound, written to, tapped, shown and deleted; and looking
# and taking as commands see them.

load ../lib/helpers

setup() {
	common_setup
	requires_rabbitmq
	broker=amqp://$RABBITMQ
	manage=(-X "management=$RABBITMQ_MANAGEMENT")
	q=$(unique queue)
	x=$(unique exchange)
}

@test "an exchange feeds the queues that are bound to it, by key and by headers" {
	mq create -q --exchange "$x" --type topic "$broker/"
	expect_status 0
	mq create -q --bind "$x:orders.#" "$broker/$q"
	expect_status 0
	mq create -q --exchange "$x-h" --type headers "$broker/"
	expect_status 0
	mq create -q --if-missing --bind "$x-h" --match kind=new --match from=shop "$broker/$q"
	expect_status 0
	echo one | "$MQTK" produce -q -k orders.new -X "exchange=$x" "$broker/"
	mq produce -X "exchange=$x" -k other "$broker/" <<<nobody
	expect_status 3
	echo two | "$MQTK" produce -q -H kind=new -H from=shop -X "exchange=$x-h" "$broker/"
	mq produce -X "exchange=$x-h" -H kind=new "$broker/" <<<nobody
	expect_status 3
	mq consume "$broker/$q"
	expect_status 0
	[ "$out" = $'one\ntwo' ]
	[[ $err == *"reached the end of $q after 2 messages; nothing was taken"* ]]
	mq consume --ack -e "$broker/$q"
	expect_status 0
	[ "$out" = $'one\ntwo' ]
	[[ $err != *"nothing was taken"* ]]
	mq info -J "${manage[@]}" "$broker/$q"
	expect_status 0
	jq -e --arg x "$x" '[.bindings[] | select(.exchange == $x) | .key] == ["orders.#"]' out
	mq info -J "${manage[@]}" "$broker/"
	expect_status 0
	jq -e --arg x "$x" --arg q "$q" '.exchanges[] | select(.name == $x) |
		.type == "topic" and .bindings[0].target == $q' out
	mq delete -q --yes --exchange "$x" "$broker/"
	expect_status 0
	mq delete --yes --exchange "$x-h" "$broker/"
	expect_status 0
	[[ $err == *"deleted the exchange $x-h"* ]]
	mq delete -q --yes "$broker/$q"
	expect_status 0
}

@test "an exchange is not asked about with --yes, is asked about without, and an address names one thing" {
	mq create -q --exchange "$x" "$broker/"
	expect_status 0
	mq delete --exchange "$x" "$broker/" </dev/null
	expect_status 2
	[[ $err == *"would delete the exchange $x"*--yes* ]]
	mq delete --dry-run --exchange "$x" "$broker/"
	expect_status 0
	[[ $out == "would delete the exchange $x"* ]]
	mq produce -X "exchange=$x" "$broker/$q" <<<one
	expect_status 2
	[[ $err == *"names a stream, but the settings name an exchange"* ]]
	mq consume -X "exchange=$x" "$broker/$q"
	expect_status 2
	mq produce "$broker/" <<<one
	expect_status 2
	[[ $err == *"names a broker but no stream"* ]]
	mq delete -q --yes --exchange "$x" "$broker/"
	expect_status 0
}

@test "tail and consume tap an exchange from now on" {
	mq create -q --exchange "$x" --type topic "$broker/"
	expect_status 0
	for command in tail consume; do
		"$MQTK" "$command" -u -v --idle-timeout 20s -X "exchange=$x" -X 'binding=a.*' "$broker/" >"$command.out" 2>"$command.err" 3>&- &
		reader=$!
		# It is bound when a message with its key finds somebody.
		wait_until 20 eval "echo '$command' | '$MQTK' produce -q -k a.b -X 'exchange=$x' '$broker/' 2>/dev/null"
		wait_until 20 grep -q "^$command\$" "$command.out"
		"$MQTK" produce -q -k b.b -X "exchange=$x" "$broker/" <<<other 2>/dev/null || true
		kill -INT "$reader"
		wait "$reader" || true
		! grep -q other "$command.out" || fail "not what was asked for"
	done
	mq delete -q --yes --exchange "$x" "$broker/"
	expect_status 0
}

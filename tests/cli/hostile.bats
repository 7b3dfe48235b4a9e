#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables are set by tests/lib/helpers.bash
# What a hostile or hurried user gives to the local store: every refusal names the thing, nothing
# is said twice, and nothing that was asked for is passed over in silence.

load ../lib/helpers
load saying


@test "a name that no stream can have is refused before anything is read" {
	for name in 'a%0Ab' '%1b[31m' '%FF' "$(printf 'a%.0s' {1..256})"; do
		mq produce "sqlite:s.db/$name" <<<x
		expect_status 2
		has "$err" "mqtk produce: a stream's name "
		mq produce "sqlite:s.db/$name" </dev/null
		expect_status 2
	done
	mq produce -q "sqlite:s.db/%20a%2Fb" <<<x
	expect_status 0
}

@test "a stream that is not there: the hint lists the streams of that very store" {
	mq produce sqlite:s.db/a <<<x
	mq consume -e sqlite:s.db/b
	expect_status 8
	has "$err" "mqtk ls sqlite:s.db/"
}

@test "a pipe or a device is no store" {
	mkfifo fifo
	for command in ls produce consume create; do
		refuses "mqtk $command: fifo is a pipe, not a store" $command sqlite:fifo/s
		refuses "mqtk $command: /dev/null is a device, not a store" $command sqlite:///dev/null/s
	done
}

@test "--failed-to on a full disk: said once, and no word that the records are there" {
	mq produce -p 9 --failed-to /dev/full sqlite:s.db/a <<<x
	expect_status 3
	is "$(grep -c 'No space left' <<<"$err")" 1
	has_not "$err" "are in /dev/full"
	has "$err" "not all of them could be kept in /dev/full"
}

@test "--failed-to behind a line without an end: what is added stands on lines of its own" {
	printf '{"payload":"cut' >failed.jsonl
	mq produce -p 9 --failed-to failed.jsonl sqlite:s.db/a <<<x
	expect_status 3
	has "$err" "the last line of failed.jsonl was not finished"
	is "$(sed -n 2p failed.jsonl | jq -r .payload)" x
}

@test "a reason is said once" {
	mq produce -p 9 sqlite:s.db/a <<<x
	expect_status 3
	is "$(grep -c 'no partition 9' <<<"$err")" 1
	mq produce -J sqlite:s.db/a <<<nonsense
	expect_status 7
	is "$(grep -c 'JSON object is expected' <<<"$err")" 1
	mq produce sqlite:s.db/a missing
	expect_status 6
	is "$(grep -c 'No such file' <<<"$err")" 1
}

@test "--tee to a full disk: everything is sent, and exit 6 says what is missing" {
	status=0
	"$MQTK" produce -T sqlite:s.db/a <<<x >/dev/full 2>err || status=$?
	is "$status" 6
	has "$(cat err)" "all records were sent, but not all of them printed"
	mq consume -q -e sqlite:s.db/a
	is "$out" x
}

@test "-D, -K and -f: the error names the option" {
	refuses "mqtk produce: -D: position 1: unknown escape '\\q'" produce -D '\q' sqlite:s.db/a
	refuses "mqtk produce: -K: at least one byte is expected" produce -K '' sqlite:s.db/a
	refuses "mqtk consume: -K: position 1: \\x needs exactly two hexadecimal digits" \
		consume -K '\x' sqlite:s.db/a
	refuses "mqtk consume: template position 2: unknown escape '\\q'" consume -f 'a\q' sqlite:s.db/a
}

@test "options without the one that they belong to are refused" {
	refuses "mqtk produce: -Z needs -K: empty records are skipped otherwise" produce -Z sqlite:s.db/a
	refuses "mqtk consume: --commit-interval needs --group or --ack: nothing is committed without one" \
		consume --commit-interval 1s sqlite:s.db/a
	refuses "mqtk consume: --group: '' is no name of a group" consume -g '' sqlite:s.db/a
	refuses "mqtk consume: -J and -Z exclude each other: give one of them" consume -J -Z sqlite:s.db/a
}

@test "an object of somebody's own is no message" {
	mq produce -J sqlite:s.db/a <<<'{"order":5}'
	expect_status 7
	has "$err" "neither 'payload' nor 'value'"
	has "$err" "without -J each line is sent as it stands"
	mq produce -J sqlite:s.db/a <<<'{"key":"k"}'
	expect_status 0
	mq consume -q -J -e sqlite:s.db/a
	is "$(jq -c '[.key,.payload]' <<<"$out")" '["k",null]'
}

@test "a byte order mark before -J lines, as some editors write it, is no part of them" {
	printf '\xef\xbb\xbf{"payload":"a"}\n{"payload":"\xef\xbb\xbfb"}\n' >bom.jsonl
	mq produce -q -J sqlite:s.db/a bom.jsonl
	expect_status 0
	is "$("$MQTK" consume -q -e sqlite:s.db/a | od -An -c | tr -d ' \n')" 'a\n357273277b\n'
	# Of a line that is no envelope it stays a part.
	mq produce -q sqlite:s.db/b bom.jsonl
	is "$("$MQTK" consume -q -e sqlite:s.db/b | head -c 3 | od -An -c | tr -d ' \n')" '357273277'
	printf '\xef\xbb\xbf{"payload":1' >bom.jsonl
	mq produce -q -J sqlite:s.db/a bom.jsonl
	expect_status 7
}

@test "a transaction that was aborted does not say that anything was sent" {
	mq produce -J --transactional sqlite:s.db/t <<<$'{"payload":"a"}\nnonsense'
	expect_status 7
	has "$err" "1 input line could not be used, nothing was stored"
	mq produce --transactional sqlite:s.db/t missing
	expect_status 6
	has "$err" "nothing was stored"
	has_not "$err" "was sent"
}

@test "delete --dry-run refuses what delete would refuse" {
	mq produce sqlite:s.db/a <<<x
	printf '[profile prod]\nurl = sqlite:%s/s.db\nreadonly = true\n' "$PWD" >.mqtk
	mq delete --dry-run prod/a
	expect_status 5
	has_not "$out" "would delete"
	refuses "mqtk delete: '^a' is a regular expression; streams are deleted by name" \
		delete --dry-run 'sqlite:s.db/^a'
}

@test "a newcomer's slips: a profile without its slash, --help before the command" {
	mq produce local/a <<<x
	mq ls local
	expect_status 8
	has "$err" "mqtk ls local/"
	mq consume -e local/b
	expect_status 8
	has "$err" "\`mqtk ls local/\` lists its streams"
	mq --help consume
	expect_status 0
	has "$out" "Usage: mqtk consume"
	mq --help nonsense
	expect_status 2
}

@test "a store that cannot be made: the true reason, and 5 where it is not allowed" {
	ln -s loop loop
	mq produce sqlite:loop/s <<<x
	expect_status 6
	has "$err" "cannot open the store loop: Too many levels of symbolic links"
	((EUID)) || skip "root may write everywhere"
	mkdir closed
	chmod 555 closed
	mq produce sqlite:closed/s.db/s <<<x
	expect_status 5
	has "$err" "cannot open the store closed/s.db: Permission denied"
}

@test "tail counts what it printed, not what it looked at" {
	mq create -q --partitions 3 local/spread
	seq 1 30 | sed 's/.*/k&:v&/' >in
	mq produce -K: -l local/spread in
	expect_status 0
	mq tail -e -n 4 local/spread
	expect_status 0
	[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 4 ]
	[ "$err" = "mqtk: reached the end of spread after 4 messages" ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables are set by tests/lib/helpers.bash
# Help, version, completions: what is told from the tables, by the program itself.

load ../lib/helpers
load saying

@test "mqtk alone says how to use it, on stderr, and exits 2" {
	mq
	expect_status 2
	is "$out" ""
	has "$err" "Usage: mqtk COMMAND"
	has "$err" "mqtk help says more"
}

@test "mqtk help lists every command, every backend and every topic" {
	mq help
	expect_status 0
	is "$err" ""
	for word in produce consume tail help "Apache Kafka" SQLite "mqtk help exit-codes"; do
		has "$out" "$word"
	done
	mq --help
	expect_status 0
	has "$out" "Read on with"
}

@test "every command that help lists explains itself within 80 columns" {
	mq help
	commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' <<<"$out")
	[ "$(wc -l <<<"$commands")" -ge 4 ]
	while read -r command; do
		# shellcheck disable=SC2086 # a name may be two words
		mq help $command
		expect_status 0
		has "$out" "Usage: mqtk $command"
		has "$out" "Examples:"
		is "$(LC_ALL=C.UTF-8 grep -E '^.{81}' <<<"${out%%Examples:*}")" ""
		help=$out
		[ "$command" = kcat ] && continue
		# shellcheck disable=SC2086
		mq $command --help
		expect_status 0
		is "$out" "$help"
		is "$err" ""
		# shellcheck disable=SC2086
		mq $command -h
		is "$out" "$help"
	done <<<"$commands"
}

@test "a family of commands explains itself as well" {
	for family in group dlq; do
		mq help "$family"
		expect_status 0
		help=$out
		has "$help" "Usage: mqtk $family COMMAND"
		mq "$family" --help
		expect_status 0
		is "$out" "$help"
		is "$err" ""
		mq "$family" -h
		is "$out" "$help"
	done
}

@test "every example in the help of a command is a command line that parses" {
	mq help
	commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' <<<"$out")
	for command in $commands; do
		[ "$command" = kcat ] && continue
		mq help "$command"
		sed -n '/^Examples:/,$s/^  \(\S.*\)/\1/p' <<<"$out" >examples
		while read -r line; do
			# Each mqtk of a pipeline explains itself instead of working.
			while [[ $line == *"mqtk "* ]]; do
				line=${line#*mqtk }
				words=${line%%|*}
				words=${words%%[<>]*}
				eval "mq ${words} --help"
				expect_status 0
				is "$err" ""
			done
		done <examples
	done
}

@test "every command line in the long texts parses" {
	for topic in dead-letters workers queues; do
		mq help "$topic"
		expect_status 0
		sed -nE 's/^  (mqtk .*)/\1/p' <<<"$out" | sed -E 's/   .*//' >lines
		[ "$(wc -l <lines)" -ge 4 ]
		while read -r line; do
			eval "words=(${line#mqtk })"
			# shellcheck disable=SC2154
			mq "${words[@]}" --help
			expect_status 0
		done <lines
	done
}

@test "the topics can be read" {
	for topic in addresses formats configuration environment exit-codes options queues entries backends kafka rabbitmq redis sqlite; do
		mq help "$topic"
		expect_status 0
		is "$err" ""
		[ -n "$out" ]
		is "$(LC_ALL=C.UTF-8 grep -E '^.{81}' <<<"$out")" ""
	done
}

@test "help on something unknown suggests what is near" {
	refuses "mqtk help: no help on 'consum'; did you mean 'consume'?" help consum
	refuses "mqtk help: no help on 'xyzzy', expected a command, a topic or a backend" help xyzzy
	refuses "mqtk help: help takes one command, topic or backend, not 2" help ls info
}

@test "the version comes with those of the libraries" {
	mq --version
	expect_status 0
	is "$err" ""
	is "${out%%$'\n'*}" "mqtk $(cat "$root/VERSION")"
	has "$out" kafka
	has "$out" sqlite
	version=$out
	mq consume --version
	expect_status 0
	is "$out" "$version"
}

@test "help does not need a configuration that can be read" {
	export MQTK_CONFIG=$PWD/none
	mq help consume
	expect_status 0
	mq consume --help
	expect_status 0
}

@test "a full disk is exit 6, a reader that goes away is quiet" {
	status=0
	"$MQTK" help >/dev/full 2>err || status=$?
	expect_status 6
	is "$(cat err)" "mqtk help: cannot write to stdout: No space left on device"
	status=0
	"$MQTK" --version >&- 2>err || status=$?
	expect_status 6
	# The reader is gone before a byte is written.
	mkfifo pipe
	# shellcheck disable=SC2094 # a reader is needed for opening it to write
	exec 5<>pipe 6>pipe
	exec 5<&-
	status=0
	"$MQTK" help >&6 2>err || status=$?
	exec 6>&-
	expect_status 0
	is "$(cat err)" ""
}

@test "bash completes commands, options, choices, settings and addresses" {
	mkdir bin
	ln -s "$MQTK" bin/mqtk
	complete_words() {
		PATH=$PWD/bin:$PATH bash --norc -c '
			compopt() { :; }
			source "$1"
			shift
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			_mqtk
			printf "%s\n" "${COMPREPLY[@]}"' _ "$root/completions/mqtk.bash" "$@"
	}
	is "$(complete_words mqtk cons)" consume
	is "$(complete_words mqtk consume --idle)" --idle-timeout
	is "$(complete_words mqtk consume --color a)" $'auto\nalways'
	is "$(complete_words mqtk consume --color = n)" never
	is "$(complete_words mqtk consume --color =)" $'auto\nalways\nnever'
	is "$(complete_words mqtk consume -X client.id = ka)" ""
	is "$(complete_words mqtk consume kafkas)" kafkas://
	is "$(complete_words mqtk help exit)" exit-codes
	has "$(complete_words mqtk consume --)" --group
	printf '[profile production]\nurl = kafka://h\n' >config
	is "$(MQTK_CONFIG=$PWD/config complete_words mqtk consume prod)" production/
}

@test "fish completes commands, options and choices" {
	command -v fish >/dev/null || skip "fish is not installed"
	complete_line() {
		# shellcheck disable=SC2016 # fish expands it
		fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
			"$root/completions/mqtk.fish" "$1" | cut -f1
	}
	is "$(complete_line 'mqtk cons')" consume
	is "$(complete_line 'mqtk consume --idle')" --idle-timeout
	is "$(complete_line 'mqtk consume --color al')" always
	has "$(complete_line 'mqtk consume kafka')" kafkas://
	has "$(complete_line 'mqtk help exit')" exit-codes
}

@test "zsh completes commands, options and choices" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	python3 - "$root/completions" <<'END'
import os, pty, re, select, signal, sys, time

pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm", PS1="> ", COLUMNS="200")
    os.execvp("zsh", ["zsh", "-f", "-i"])

def read_until(want):
    seen, end = "", time.monotonic() + 20
    while want not in seen:
        left = end - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            sys.exit(f"waited for {want!r}, got {seen!r}")
        # zsh colours and moves the cursor between the parts of a word
        seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(fd, 4096).decode("utf-8", "replace"))
    return seen

def send(text):
    os.write(fd, text.encode())

send(f"fpath=({sys.argv[1]} $fpath); autoload -U compinit; compinit -u -D; unsetopt beep; echo rea''dy\n")
read_until("ready\r\n")
for typed, completed in [("mqtk cons", "ume "), ("mqtk consume --idle", "-timeout="),
                         ("mqtk consume --color=al", "ways "), ("mqtk consume kafkas", "://"),
                         ("mqtk help exit", "-codes ")]:
    send(typed)
    read_until(typed)
    send("\t")
    read_until(completed)
    send("\x15")
os.kill(pid, signal.SIGKILL)
END
}

@test "the man pages are there and say what the help says" {
	for command in produce consume tail help; do
		[ -s "$root/man/mqtk-$command.1" ]
	done
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	page=$(mandoc -T utf8 "$root/man/mqtk-consume.1" | sed 's/.\x08//g')
	has "$page" "--idle-timeout"
	has "$page" "EXAMPLES"
}

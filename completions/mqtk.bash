# bash completion of mqtk. Made from its tables by `make docs`: do not edit.

_mqtk_reply() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
	# What ends in one of these is not finished yet.
	if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/:] ]]; then compopt -o nospace; fi
}

_mqtk_files() {
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_mqtk_addresses() {
	_mqtk_reply "$schemes $(mqtk config --profiles 2>/dev/null | sed 's|$|/|')"
}

_mqtk() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local cmd=${COMP_WORDS[1]}
	COMPREPLY=()
	# Readline splits words at '=' and ':'.
	if [[ $cur == : || $prev == : ]]; then return; fi
	local equals=
	if [[ $cur == = || $prev == = ]]; then
		equals=1
		if [[ $cur == = ]]; then cur=; else prev=${COMP_WORDS[COMP_CWORD-2]}; fi
		if [[ $prev != --* ]]; then return; fi
	fi
	local schemes='kafka:// kafkas:// amqp:// amqps:// redis:// rediss:// redis+unix:// sqlite: local/ '
	local settings='tls.ca= tls.cert= tls.key= tls.key.password= insecure= sasl.mechanism= group.instance.id= partitioner= isolation.level= linger.ms= transactional.id= max.poll.interval.ms= debug= exchange= binding= match= tap-length= management= queue-type= persistent= window= heartbeat= frame-max= tls.key-password= db= payload-field= fields= wait= wait-timeout= sentinel= sentinel-user= sentinel-password= synchronous= registry= registry.token= registry.ca= registry.cert= registry.key= registry.key-password= registry.insecure= registry.cache= '
	local topics='produce consume tail replay ls info lag create alter trim delete group dlq schema ping config kcat help addresses configuration registry environment exit-codes formats options queues entries dead-letters workers schemas backends kafka rabbitmq redis sqlite '
	if ((COMP_CWORD == 1)); then
		_mqtk_reply 'produce consume tail replay ls info lag create alter trim delete group dlq schema ping config kcat help --help --version'
		return
	fi
	if [[ $cmd == group ]]; then
		if ((COMP_CWORD == 2)); then _mqtk_reply 'ls show create reset delete skip claim '; return; fi
		cmd+=" ${COMP_WORDS[2]}"
	fi
	if [[ $cmd == dlq ]]; then
		if ((COMP_CWORD == 2)); then _mqtk_reply 'ls show stats requeue move drop export import '; return; fi
		cmd+=" ${COMP_WORDS[2]}"
	fi
	if [[ $cmd == schema ]]; then
		if ((COMP_CWORD == 2)); then _mqtk_reply 'validate check show infer encode decode ls get register delete config '; return; fi
		cmd+=" ${COMP_WORDS[2]}"
	fi
	case $cmd in
	'produce')
		case $prev in
		-D|--delimiter) :; return ;;
		-K|--key-delimiter) :; return ;;
		-k|--key) :; return ;;
		-H|--header) :; return ;;
		-p|--partition) :; return ;;
		--ts) :; return ;;
		--message-id) :; return ;;
		--correlation-id) :; return ;;
		--content-type) :; return ;;
		--reply-to) :; return ;;
		--expiry) :; return ;;
		--priority) :; return ;;
		--failed-to) _mqtk_files; return ;;
		--rate) :; return ;;
		-z|--compression) _mqtk_reply 'none gzip snappy lz4 zstd '; return ;;
		--encode) :; return ;;
		--framing) :; return ;;
		--key-schema) _mqtk_files; return ;;
		--avro-file) _mqtk_files; return ;;
		--schema) _mqtk_files; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--json --delimiter --key-delimiter --null --lines --tee --key --header --partition --ts --message-id --correlation-id --content-type --reply-to --expiry --priority --failed-to --rate --compression --create --transactional --encode --framing --key-schema --avro-file --schema --type --message --draft --assert-format --remote-dir --allow-remote --registry -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'consume')
		case $prev in
		-o|--from) :; return ;;
		--to) :; return ;;
		-c|--count) :; return ;;
		-p|--partition) :; return ;;
		--idle-timeout) :; return ;;
		-g|--group) :; return ;;
		--consumer) :; return ;;
		--claim) :; return ;;
		--prefetch) :; return ;;
		--commit-interval) :; return ;;
		--exec) :; return ;;
		--exec-lines) :; return ;;
		--exec-batch) :; return ;;
		--batch) :; return ;;
		--workers) :; return ;;
		--order) _mqtk_reply 'key partition none '; return ;;
		--retries) :; return ;;
		--backoff) :; return ;;
		--dead-letter) _mqtk_addresses; return ;;
		--reply) if [[ $equals ]]; then _mqtk_addresses; return; fi ;;
		--exec-timeout) :; return ;;
		--grace) :; return ;;
		-f|--template) :; return ;;
		-D|--delimiter) :; return ;;
		-K|--key-delimiter) :; return ;;
		--decode) :; return ;;
		--on-error) _mqtk_reply 'fail skip raw '; return ;;
		--framing) :; return ;;
		--key-schema) _mqtk_files; return ;;
		--reader-schema) _mqtk_files; return ;;
		--to-avro-file) _mqtk_files; return ;;
		--schema) _mqtk_files; return ;;
		--reject-to) _mqtk_files; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--from --to --end --count --partition --idle-timeout --group --ack --force --consumer --claim --prefetch --commit-interval --exec --exec-lines --exec-batch --batch --exec-json --workers --order --retries --backoff --dead-letter --fail-on-dead-letter --reply --exec-timeout --grace --template --json --delimiter --key-delimiter --null --unbuffered --decode --on-error --framing --key-schema --reader-schema --logical-types --bare-unions --to-avro-file --schema --reject-to --allow-null --type --message --draft --assert-format --remote-dir --allow-remote --registry -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'tail')
		case $prev in
		-n|--last) :; return ;;
		--idle-timeout) :; return ;;
		--prefix) _mqtk_reply 'auto always never '; return ;;
		-f|--template) :; return ;;
		-D|--delimiter) :; return ;;
		-K|--key-delimiter) :; return ;;
		--decode) :; return ;;
		--on-error) _mqtk_reply 'fail skip raw '; return ;;
		--framing) :; return ;;
		--key-schema) _mqtk_files; return ;;
		--reader-schema) _mqtk_files; return ;;
		--schema) _mqtk_files; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--last --end --idle-timeout --prefix --template --json --delimiter --key-delimiter --null --unbuffered --decode --on-error --framing --key-schema --reader-schema --logical-types --bare-unions --schema --type --message --draft --assert-format --remote-dir --allow-remote --registry -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'replay')
		case $prev in
		-o|--from) :; return ;;
		--to) :; return ;;
		-c|--count) :; return ;;
		-p|--partition) :; return ;;
		--max-replays) :; return ;;
		--rate) :; return ;;
		--speed) :; return ;;
		--max-gap) :; return ;;
		--timestamps) _mqtk_reply 'original now '; return ;;
		--to-partition) :; return ;;
		-k|--key) :; return ;;
		-H|--header) :; return ;;
		--remove-header) :; return ;;
		-z|--compression) _mqtk_reply 'none gzip snappy lz4 zstd '; return ;;
		--resume) _mqtk_files; return ;;
		-g|--group) :; return ;;
		--failed-to) _mqtk_files; return ;;
		--schema) _mqtk_files; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--from --to --count --partition --max-replays --rate --speed --max-gap --timestamps --to-partition --key --header --remove-header --no-provenance --create --append --compression --resume --group --ack --force --exactly-once --failed-to --dry-run --json --schema --type --message --draft --assert-format --remote-dir --allow-remote --registry -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'ls')
		case $prev in
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--json --all --quick -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'info')
		case $prev in
		--at) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--json --at --all-config -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'lag')
		case $prev in
		--format) _mqtk_reply 'table json csv prometheus '; return ;;
		--interval) :; return ;;
		--watch) if [[ $equals ]]; then :; return; fi ;;
		--wait) :; return ;;
		--max-lag) :; return ;;
		--max-age) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--format --json --all --totals --no-age --interval --watch --wait --max-lag --max-age --no-members --allow-unknown -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'create')
		case $prev in
		--partitions) :; return ;;
		--replicas) :; return ;;
		--type) _mqtk_reply 'classic quorum stream direct fanout topic headers '; return ;;
		--retention) :; return ;;
		--max-bytes) :; return ;;
		--max-length) :; return ;;
		--ttl) :; return ;;
		--delivery-limit) :; return ;;
		--dead-letter-exchange) :; return ;;
		--dead-letter-key) :; return ;;
		--bind) :; return ;;
		--match) :; return ;;
		--config) :; return ;;
		--exchange) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--partitions --replicas --type --retention --max-bytes --max-length --ttl --delivery-limit --dead-letter-exchange --dead-letter-key --bind --match --config --if-missing --exchange -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'alter')
		case $prev in
		--partitions) :; return ;;
		--replicas) :; return ;;
		--type) _mqtk_reply 'classic quorum stream direct fanout topic headers '; return ;;
		--retention) :; return ;;
		--max-bytes) :; return ;;
		--max-length) :; return ;;
		--ttl) :; return ;;
		--delivery-limit) :; return ;;
		--dead-letter-exchange) :; return ;;
		--dead-letter-key) :; return ;;
		--bind) :; return ;;
		--match) :; return ;;
		--config) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--partitions --replicas --type --retention --max-bytes --max-length --ttl --delivery-limit --dead-letter-exchange --dead-letter-key --bind --match --config --yes --dry-run -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'trim')
		case $prev in
		--max-age) :; return ;;
		--max-length) :; return ;;
		--max-bytes) :; return ;;
		--before) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--expired --max-age --max-length --max-bytes --before --all --json --yes --dry-run -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'delete')
		case $prev in
		--exchange) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--exchange --yes --dry-run -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'group ls')
		case $prev in
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'group show')
		case $prev in
		-c|--count) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--json --pending --count -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'group create')
		case $prev in
		--to) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--to --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'group reset')
		case $prev in
		--to) :; return ;;
		--plan) _mqtk_files; return ;;
		-p|--partition) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--to --plan --partition --execute --force --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'group delete')
		case $prev in
		--member) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--member --force --yes --dry-run -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'group skip')
		case $prev in
		--key) :; return ;;
		--grep) :; return ;;
		--to) :; return ;;
		-c|--count) :; return ;;
		-p|--partition) :; return ;;
		--keep) _mqtk_files; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--key --grep --to --count --partition --keep --execute --force --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'group claim')
		case $prev in
		--idle) :; return ;;
		--to) :; return ;;
		-c|--count) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--idle --to --count --dry-run --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'dlq ls')
		case $prev in
		--max-deliveries) :; return ;;
		--pattern) :; return ;;
		--format) _mqtk_reply 'table json csv prometheus '; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--max-deliveries --pattern --quick --all --format --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'dlq show')
		case $prev in
		--reason) :; return ;;
		--origin) :; return ;;
		--since) :; return ;;
		--until) :; return ;;
		--ids) _mqtk_files; return ;;
		--key) :; return ;;
		--grep) :; return ;;
		--max-deliveries) :; return ;;
		-g|--group) :; return ;;
		--idle) :; return ;;
		-c|--count) :; return ;;
		-n|--last) :; return ;;
		--decode) :; return ;;
		--on-error) _mqtk_reply 'fail skip raw '; return ;;
		--framing) :; return ;;
		--key-schema) _mqtk_files; return ;;
		--reader-schema) _mqtk_files; return ;;
		--schema) _mqtk_files; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--reason --origin --since --until --ids --key --grep --max-deliveries --group --idle --count --last --json --whole --force --decode --on-error --framing --key-schema --reader-schema --logical-types --bare-unions --schema --type --message --draft --assert-format --remote-dir --allow-remote --registry -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'dlq stats')
		case $prev in
		--reason) :; return ;;
		--origin) :; return ;;
		--since) :; return ;;
		--until) :; return ;;
		--ids) _mqtk_files; return ;;
		--key) :; return ;;
		--grep) :; return ;;
		--max-deliveries) :; return ;;
		-g|--group) :; return ;;
		--idle) :; return ;;
		--bucket) :; return ;;
		--max) :; return ;;
		--max-age) :; return ;;
		--format) _mqtk_reply 'table json csv prometheus '; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--reason --origin --since --until --ids --key --grep --max-deliveries --group --idle --bucket --max --max-age --force --format --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'dlq requeue')
		case $prev in
		--reason) :; return ;;
		--origin) :; return ;;
		--since) :; return ;;
		--until) :; return ;;
		--ids) _mqtk_files; return ;;
		--key) :; return ;;
		--grep) :; return ;;
		--max-deliveries) :; return ;;
		-g|--group) :; return ;;
		--idle) :; return ;;
		--to) _mqtk_addresses; return ;;
		--edit) :; return ;;
		--edit-timeout) :; return ;;
		--rate) :; return ;;
		--max-replays) :; return ;;
		--resume) _mqtk_files; return ;;
		-c|--count) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--reason --origin --since --until --ids --key --grep --max-deliveries --group --idle --to --edit --edit-timeout --rate --max-replays --resume --count --json --force --yes --dry-run -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'dlq move')
		case $prev in
		--reason) :; return ;;
		--origin) :; return ;;
		--since) :; return ;;
		--until) :; return ;;
		--ids) _mqtk_files; return ;;
		--key) :; return ;;
		--grep) :; return ;;
		--max-deliveries) :; return ;;
		-g|--group) :; return ;;
		--idle) :; return ;;
		--resume) _mqtk_files; return ;;
		-c|--count) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--reason --origin --since --until --ids --key --grep --max-deliveries --group --idle --resume --count --json --force --yes --dry-run -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'dlq drop')
		case $prev in
		--reason) :; return ;;
		--origin) :; return ;;
		--since) :; return ;;
		--until) :; return ;;
		--ids) _mqtk_files; return ;;
		--key) :; return ;;
		--grep) :; return ;;
		--max-deliveries) :; return ;;
		-g|--group) :; return ;;
		--idle) :; return ;;
		--backup) _mqtk_files; return ;;
		-c|--count) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--reason --origin --since --until --ids --key --grep --max-deliveries --group --idle --backup --no-backup --count --json --force --yes --dry-run -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'dlq export')
		case $prev in
		--reason) :; return ;;
		--origin) :; return ;;
		--since) :; return ;;
		--until) :; return ;;
		--ids) _mqtk_files; return ;;
		--key) :; return ;;
		--grep) :; return ;;
		--max-deliveries) :; return ;;
		-g|--group) :; return ;;
		--idle) :; return ;;
		-c|--count) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--reason --origin --since --until --ids --key --grep --max-deliveries --group --idle --append --count --json --force -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'dlq import')
		case $prev in
		--reason) :; return ;;
		--origin) :; return ;;
		--since) :; return ;;
		--until) :; return ;;
		--ids) _mqtk_files; return ;;
		--key) :; return ;;
		--grep) :; return ;;
		--resume) _mqtk_files; return ;;
		-c|--count) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--reason --origin --since --until --ids --key --grep --resume --count --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'schema validate')
		case $prev in
		--schema) _mqtk_files; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		--input) _mqtk_reply 'lines whole envelopes container '; return ;;
		-D|--delimiter) :; return ;;
		--framing) _mqtk_reply 'auto none confluent guid single-object container '; return ;;
		-o|--from) :; return ;;
		--to) :; return ;;
		-c|--count) :; return ;;
		-p|--partition) :; return ;;
		--idle-timeout) :; return ;;
		--max-errors) :; return ;;
		--reject-to) _mqtk_files; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--schema --type --message --draft --assert-format --remote-dir --allow-remote --registry --input --delimiter --text --framing --allow-null --from --to --end --count --partition --idle-timeout --follow --force --json --summary --max-errors --pass --reject-to -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_files
		fi ;;
	'schema check')
		case $prev in
		--mode) _mqtk_reply 'auto backward backward-transitive forward forward-transitive full full-transitive '; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--mode --json --type --message --draft --assert-format --remote-dir --allow-remote --registry -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_files
		fi ;;
	'schema show')
		case $prev in
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--canonical --json --type --message --draft --assert-format --remote-dir --allow-remote --registry -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_files
		fi ;;
	'schema infer')
		case $prev in
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--formats) :; return ;;
		--enum) :; return ;;
		--map-names) :; return ;;
		--input) _mqtk_reply 'lines whole envelopes '; return ;;
		-o|--from) :; return ;;
		--to) :; return ;;
		-c|--count) :; return ;;
		-p|--partition) :; return ;;
		--idle-timeout) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--draft --formats --enum --ranges --closed --map-names --skip-invalid --input --from --to --end --count --partition --idle-timeout -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_files
		fi ;;
	'schema encode')
		case $prev in
		--schema) _mqtk_files; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		--as) _mqtk_reply 'base64 hex raw '; return ;;
		--framing) _mqtk_reply 'auto none confluent guid single-object container '; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--schema --type --message --draft --assert-format --remote-dir --allow-remote --registry --as --json --framing -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_files
		fi ;;
	'schema decode')
		case $prev in
		--schema) _mqtk_files; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--message) :; return ;;
		--draft) _mqtk_reply 'auto 4 6 7 2019-09 2020-12 '; return ;;
		--remote-dir) :; return ;;
		--registry) :; return ;;
		--as) _mqtk_reply 'base64 hex raw '; return ;;
		--framing) _mqtk_reply 'auto none confluent guid single-object container '; return ;;
		--reader-schema) _mqtk_files; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--schema --type --message --draft --assert-format --remote-dir --allow-remote --registry --as --json --framing --reader-schema --logical-types --bare-unions -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_files
		fi ;;
	'schema ls')
		case $prev in
		--registry) :; return ;;
		--format) _mqtk_reply 'table json csv '; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--registry --deleted --format --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			:
		fi ;;
	'schema get')
		case $prev in
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--registry --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			:
		fi ;;
	'schema register')
		case $prev in
		--registry) :; return ;;
		--type) _mqtk_reply 'auto json avro protobuf '; return ;;
		--reference) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--registry --type --reference --dry-run --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_files
		fi ;;
	'schema delete')
		case $prev in
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--registry --permanent --yes --dry-run -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			:
		fi ;;
	'schema config')
		case $prev in
		--registry) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--registry --unset --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			:
		fi ;;
	'ping')
		case $prev in
		--wait) :; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--wait --in-stream --json -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'config')
		case $prev in
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '--json --profiles -X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_addresses
		fi ;;
	'kcat')
		case $prev in
		-G) :; return ;;
		-b) :; return ;;
		-t) :; return ;;
		-p) :; return ;;
		-m) :; return ;;
		-c) :; return ;;
		-F) _mqtk_files; return ;;
		-X) _mqtk_reply "$settings"; return ;;
		-d) :; return ;;
		-D) :; return ;;
		-K) :; return ;;
		-k) :; return ;;
		-H) :; return ;;
		-z) _mqtk_reply 'none gzip snappy lz4 zstd '; return ;;
		-o) :; return ;;
		-f) :; return ;;
		-s) :; return ;;
		-r) :; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '-P -C -G -L -Q -b -t -p -m -c -F -X -d -q -v -E -V -h -D -K -Z -J -k -H -l -T -z -o -e -f -s -r -O -u '
		else
			:
		fi ;;
	'help')
		case $prev in
		-X) _mqtk_reply "$settings"; return ;;
		--timeout) :; return ;;
		--color) _mqtk_reply 'auto always never '; return ;;
		esac
		if [[ $cur == -* ]]; then
			_mqtk_reply '-X --timeout --insecure --quiet --verbose --color --help --version '
		else
			_mqtk_reply "$topics"
		fi ;;
	esac
}

complete -F _mqtk mqtk

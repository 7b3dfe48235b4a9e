# fish completion of mqtk. Made from its tables by `make docs`: do not edit.

function __mqtk_using
	set -l words (commandline -opc)
	set -l wanted (string split ' ' -- $argv[1])
	set -l n (count $wanted)
	set -l last (math $n + 1)
	test (count $words) -gt $n; and test "$words[2..$last]" = "$wanted"
end

function __mqtk_only
	set -l words (commandline -opc)
	set -e words[1]
	test "$words" = "$argv"
end

function __mqtk_addresses
	printf '%s\n' kafka:// kafkas:// sqlite: local/ 
	mqtk config --profiles 2>/dev/null | string replace -r '$' /
end

function __mqtk_settings
	printf '%s\n' tls.ca= tls.cert= tls.key= tls.key.password= insecure= sasl.mechanism= group.instance.id= partitioner= isolation.level= linger.ms= transactional.id= max.poll.interval.ms= debug= synchronous= 
end

function __mqtk_topics
	printf '%s\n' produce consume tail ls info create delete config kcat help addresses configuration environment exit-codes formats options backends kafka sqlite 
end

complete -c mqtk -f

# mqtk produce
complete -c mqtk -n '__mqtk_only' -a produce -d 'send records; exit 0 only if every one was confirmed'
complete -c mqtk -n '__mqtk_using "produce"' -s J -l json -d 'input is JSON lines as consume -J prints them'
complete -c mqtk -n '__mqtk_using "produce"' -s D -l delimiter -x -d 'what ends each record (\\n); escapes as in C, such as \\x00'
complete -c mqtk -n '__mqtk_using "produce"' -s K -l key-delimiter -x -d 'the first BYTES of a record stand between its key and its payload'
complete -c mqtk -n '__mqtk_using "produce"' -s Z -l null -d 'with -K, an empty key or payload is null (a tombstone)'
complete -c mqtk -n '__mqtk_using "produce"' -s l -l lines -d 'files hold a record per line; else each file is one message'
complete -c mqtk -n '__mqtk_using "produce"' -s T -l tee -d 'print what is sent to standard output'
complete -c mqtk -n '__mqtk_using "produce"' -s k -l key -x -d 'key of the records that have none'
complete -c mqtk -n '__mqtk_using "produce"' -s H -l header -x -d 'add a header; NAME alone is null, NAME= is empty; repeatable'
complete -c mqtk -n '__mqtk_using "produce"' -s p -l partition -x -d 'partition; -1: by key'
complete -c mqtk -n '__mqtk_using "produce"' -l ts -x -d 'timestamp: ISO 8601 or epoch in seconds or ms (now)'
complete -c mqtk -n '__mqtk_using "produce"' -l message-id -x -d 'message id'
complete -c mqtk -n '__mqtk_using "produce"' -l correlation-id -x -d 'correlation id'
complete -c mqtk -n '__mqtk_using "produce"' -l content-type -x -d 'content type, such as application/json'
complete -c mqtk -n '__mqtk_using "produce"' -l reply-to -x -d 'where an answer is expected'
complete -c mqtk -n '__mqtk_using "produce"' -l expiry -x -d 'the message is worthless after so long'
complete -c mqtk -n '__mqtk_using "produce"' -l priority -x -d 'priority, 0 to 255'
complete -c mqtk -n '__mqtk_using "produce"' -l failed-to -r -F -d 'append the records that failed to FILE, as -J lines'
complete -c mqtk -n '__mqtk_using "produce"' -l rate -x -d 'at most N records per second'
complete -c mqtk -n '__mqtk_using "produce"' -s z -l compression -x -a 'none gzip snappy lz4 zstd' -d 'none, gzip, snappy, lz4 or zstd'
complete -c mqtk -n '__mqtk_using "produce"' -l create -d 'make the stream if it is missing'
complete -c mqtk -n '__mqtk_using "produce"' -l transactional -d 'all records or none: commit at the end, abort on any failure or signal'
complete -c mqtk -n '__mqtk_using "produce"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "produce"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "produce"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "produce"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "produce"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "produce"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "produce"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "produce"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "produce"' -f -a '(__mqtk_addresses)'

# mqtk consume
complete -c mqtk -n '__mqtk_only' -a consume -d 'print messages; nothing is taken or committed without a group'
complete -c mqtk -n '__mqtk_using "consume"' -s o -l from -x -d 'where to begin: beginning, end, stored, N, -N, @TIME, -48h, 2026-11-01T10:00Z'
complete -c mqtk -n '__mqtk_using "consume"' -l to -x -d 'where to end, exclusive; the forms of --from'
complete -c mqtk -n '__mqtk_using "consume"' -s e -l end -d 'exit at the end, as it was when the command started'
complete -c mqtk -n '__mqtk_using "consume"' -s c -l count -x -d 'exit after N messages'
complete -c mqtk -n '__mqtk_using "consume"' -s p -l partition -x -d 'only these partitions; also 5-7; repeatable'
complete -c mqtk -n '__mqtk_using "consume"' -l idle-timeout -x -d 'exit after so long without a message'
complete -c mqtk -n '__mqtk_using "consume"' -s g -l group -x -d 'read as a member of this group and commit what was printed'
complete -c mqtk -n '__mqtk_using "consume"' -l consumer -x -d 'this member\'s name in the group'
complete -c mqtk -n '__mqtk_using "consume"' -l commit-interval -x -d 'how often to commit (1s); 0: after each batch'
complete -c mqtk -n '__mqtk_using "consume"' -s f -l template -x -d 'print each message by a template, such as \'%p %o %k %s\\n\''
complete -c mqtk -n '__mqtk_using "consume"' -s J -l json -d 'print each message as one JSON line, without loss; produce -J reads it'
complete -c mqtk -n '__mqtk_using "consume"' -s D -l delimiter -x -d 'what ends each message (\\n); escapes as in C, such as \\x00'
complete -c mqtk -n '__mqtk_using "consume"' -s K -l key-delimiter -x -d 'print the key and BYTES before each payload'
complete -c mqtk -n '__mqtk_using "consume"' -s Z -l null -d 'print NULL for an absent key or payload'
complete -c mqtk -n '__mqtk_using "consume"' -s u -l unbuffered -d 'write each message by itself'
complete -c mqtk -n '__mqtk_using "consume"' -l decode -x -d 'print packed numbers as text, such as pack:<i; repeatable'
complete -c mqtk -n '__mqtk_using "consume"' -l on-error -x -a 'fail skip raw' -d 'what to do with a message that cannot be decoded: fail, skip or raw'
complete -c mqtk -n '__mqtk_using "consume"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "consume"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "consume"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "consume"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "consume"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "consume"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "consume"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "consume"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "consume"' -f -a '(__mqtk_addresses)'

# mqtk tail
complete -c mqtk -n '__mqtk_only' -a tail -d 'the last messages of many streams, then what comes; never takes anything'
complete -c mqtk -n '__mqtk_using "tail"' -s n -l last -x -d 'begin with the last N messages, over all streams and partitions (10)'
complete -c mqtk -n '__mqtk_using "tail"' -s e -l end -d 'exit after the last N; do not follow'
complete -c mqtk -n '__mqtk_using "tail"' -l idle-timeout -x -d 'exit after so long without a message'
complete -c mqtk -n '__mqtk_using "tail"' -l prefix -x -a 'auto always never' -d 'the stream\'s name before each message (auto: on a terminal, for several streams)'
complete -c mqtk -n '__mqtk_using "tail"' -s f -l template -x -d 'print each message by a template, such as \'%p %o %k %s\\n\''
complete -c mqtk -n '__mqtk_using "tail"' -s J -l json -d 'print each message as one JSON line, without loss; produce -J reads it'
complete -c mqtk -n '__mqtk_using "tail"' -s D -l delimiter -x -d 'what ends each message (\\n); escapes as in C, such as \\x00'
complete -c mqtk -n '__mqtk_using "tail"' -s K -l key-delimiter -x -d 'print the key and BYTES before each payload'
complete -c mqtk -n '__mqtk_using "tail"' -s Z -l null -d 'print NULL for an absent key or payload'
complete -c mqtk -n '__mqtk_using "tail"' -s u -l unbuffered -d 'write each message by itself'
complete -c mqtk -n '__mqtk_using "tail"' -l decode -x -d 'print packed numbers as text, such as pack:<i; repeatable'
complete -c mqtk -n '__mqtk_using "tail"' -l on-error -x -a 'fail skip raw' -d 'what to do with a message that cannot be decoded: fail, skip or raw'
complete -c mqtk -n '__mqtk_using "tail"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "tail"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "tail"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "tail"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "tail"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "tail"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "tail"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "tail"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "tail"' -f -a '(__mqtk_addresses)'

# mqtk ls
complete -c mqtk -n '__mqtk_only' -a ls -d 'the streams of a broker'
complete -c mqtk -n '__mqtk_using "ls"' -s J -l json -d 'one JSON line per stream'
complete -c mqtk -n '__mqtk_using "ls"' -s a -l all -d 'the broker\'s own internal streams too'
complete -c mqtk -n '__mqtk_using "ls"' -l quick -d 'names and partitions only; do not count messages'
complete -c mqtk -n '__mqtk_using "ls"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "ls"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "ls"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "ls"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "ls"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "ls"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "ls"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "ls"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "ls"' -f -a '(__mqtk_addresses)'

# mqtk info
complete -c mqtk -n '__mqtk_only' -a info -d 'one stream: partitions, positions, groups, settings; or the broker itself'
complete -c mqtk -n '__mqtk_using "info"' -s J -l json -d 'one JSON line'
complete -c mqtk -n '__mqtk_using "info"' -l at -x -d 'the offset of a moment (or beginning, end) in each partition'
complete -c mqtk -n '__mqtk_using "info"' -l all-config -d 'settings that have their default value too'
complete -c mqtk -n '__mqtk_using "info"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "info"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "info"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "info"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "info"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "info"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "info"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "info"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "info"' -f -a '(__mqtk_addresses)'

# mqtk create
complete -c mqtk -n '__mqtk_only' -a create -d 'make a stream'
complete -c mqtk -n '__mqtk_using "create"' -l partitions -x -d 'number of partitions (the broker\'s default; local: 1)'
complete -c mqtk -n '__mqtk_using "create"' -l replicas -x -d 'copies of each partition (the broker\'s default)'
complete -c mqtk -n '__mqtk_using "create"' -l retention -x -d 'how long messages are kept, such as 7d'
complete -c mqtk -n '__mqtk_using "create"' -l max-bytes -x -d 'the oldest messages go when the stream is larger (Kafka: per partition)'
complete -c mqtk -n '__mqtk_using "create"' -l max-length -x -d 'the oldest messages go when there are more'
complete -c mqtk -n '__mqtk_using "create"' -l config -x -d 'a setting of the stream by the broker\'s own name; repeatable'
complete -c mqtk -n '__mqtk_using "create"' -l if-missing -d 'a stream that is there already is no error'
complete -c mqtk -n '__mqtk_using "create"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "create"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "create"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "create"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "create"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "create"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "create"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "create"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "create"' -f -a '(__mqtk_addresses)'

# mqtk delete
complete -c mqtk -n '__mqtk_only' -a delete -d 'remove a stream with everything in it'
complete -c mqtk -n '__mqtk_using "delete"' -s y -l yes -d 'do it without asking'
complete -c mqtk -n '__mqtk_using "delete"' -l dry-run -d 'say what would be done, and do nothing'
complete -c mqtk -n '__mqtk_using "delete"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "delete"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "delete"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "delete"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "delete"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "delete"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "delete"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "delete"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "delete"' -f -a '(__mqtk_addresses)'

# mqtk config
complete -c mqtk -n '__mqtk_only' -a config -d 'what the configuration says, and where each value comes from'
complete -c mqtk -n '__mqtk_using "config"' -s J -l json -d 'one JSON object'
complete -c mqtk -n '__mqtk_using "config"' -l profiles -d 'only the names of the profiles, one a line'
complete -c mqtk -n '__mqtk_using "config"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "config"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "config"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "config"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "config"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "config"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "config"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "config"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "config"' -f -a '(__mqtk_addresses)'

# mqtk kcat
complete -c mqtk -n '__mqtk_only' -a kcat -d 'kcat\'s command line, for Kafka'
complete -c mqtk -n '__mqtk_using "kcat"' -s P -d 'produce: records from standard input or files'
complete -c mqtk -n '__mqtk_using "kcat"' -s C -d 'consume one topic, from its beginning unless -o says otherwise'
complete -c mqtk -n '__mqtk_using "kcat"' -s G -x -d 'consume the topics that follow as a member of GROUP'
complete -c mqtk -n '__mqtk_using "kcat"' -s L -d 'list brokers, topics and partitions'
complete -c mqtk -n '__mqtk_using "kcat"' -s Q -d 'offsets for times: -t TOPIC:PARTITION:MS, repeatable'
complete -c mqtk -n '__mqtk_using "kcat"' -s b -x -d 'the brokers to begin with'
complete -c mqtk -n '__mqtk_using "kcat"' -s t -x -d 'the topic'
complete -c mqtk -n '__mqtk_using "kcat"' -s p -x -d 'partition; -1: any'
complete -c mqtk -n '__mqtk_using "kcat"' -s m -x -d 'how long to try a broker (5)'
complete -c mqtk -n '__mqtk_using "kcat"' -s c -x -d 'stop after N messages'
complete -c mqtk -n '__mqtk_using "kcat"' -s F -r -F -d 'read properties from FILE, name=value on each line; none: from no file'
complete -c mqtk -n '__mqtk_using "kcat"' -s X -x -f -a '(__mqtk_settings)' -d 'a property of librdkafka; list: show all of them; dump: show those in force'
complete -c mqtk -n '__mqtk_using "kcat"' -s d -x -d 'librdkafka\'s debug contexts, such as broker,topic'
complete -c mqtk -n '__mqtk_using "kcat"' -s q -d 'only warnings'
complete -c mqtk -n '__mqtk_using "kcat"' -s v -d 'say more'
complete -c mqtk -n '__mqtk_using "kcat"' -s E -d 'go on behind a message that cannot be unpacked by -s'
complete -c mqtk -n '__mqtk_using "kcat"' -s V -d 'versions'
complete -c mqtk -n '__mqtk_using "kcat"' -s h -d 'this text'
complete -c mqtk -n '__mqtk_using "kcat"' -s D -x -d 'what ends each message (\\n): any bytes, also \\x00'
complete -c mqtk -n '__mqtk_using "kcat"' -s K -x -d 'what stands between key and message'
complete -c mqtk -n '__mqtk_using "kcat"' -s Z -d 'producing with -K: send empty as null; consuming: print NULL for null and empty'
complete -c mqtk -n '__mqtk_using "kcat"' -s J -d 'JSON: messages and metadata are printed as such; -P reads such lines back'
complete -c mqtk -n '__mqtk_using "kcat"' -s k -x -d 'key of the records that have none'
complete -c mqtk -n '__mqtk_using "kcat"' -s H -x -d 'add a header; NAME alone is null, NAME= is empty; repeatable'
complete -c mqtk -n '__mqtk_using "kcat"' -s l -d 'the file holds records; else each file is one message'
complete -c mqtk -n '__mqtk_using "kcat"' -s T -d 'print what is sent to standard output, without delimiters'
complete -c mqtk -n '__mqtk_using "kcat"' -s z -x -a 'none gzip snappy lz4 zstd' -d 'none, gzip, snappy, lz4 or zstd'
complete -c mqtk -n '__mqtk_using "kcat"' -s o -x -d 'beginning, end, stored, N, -N, s@MS (from a time), e@MS (up to it, exclusive)'
complete -c mqtk -n '__mqtk_using "kcat"' -s e -d 'exit at the end, as it was at the start'
complete -c mqtk -n '__mqtk_using "kcat"' -s f -x -d 'print each message by %s %S %R %k %K %T %h %t %p %o'
complete -c mqtk -n '__mqtk_using "kcat"' -s s -x -d 'unpack numbers by letters: < > b B h H i I q Q c s $'
complete -c mqtk -n '__mqtk_using "kcat"' -s r -x -d 'schema registry; comes with -s avro in a later version'
complete -c mqtk -n '__mqtk_using "kcat"' -s O -d 'no effect, as in kcat 1.7.1'
complete -c mqtk -n '__mqtk_using "kcat"' -s u -d 'write each message by itself'

# mqtk help
complete -c mqtk -n '__mqtk_only' -a help -d 'explain commands, backends, addresses and exit codes'
complete -c mqtk -n '__mqtk_using "help"' -s X -x -f -a '(__mqtk_settings)' -d 'a setting of the backend; repeatable'
complete -c mqtk -n '__mqtk_using "help"' -l timeout -x -d 'how long to try a broker before giving up (10s)'
complete -c mqtk -n '__mqtk_using "help"' -l insecure -d 'do not check the server\'s TLS certificate'
complete -c mqtk -n '__mqtk_using "help"' -s q -l quiet -d 'warnings and errors only'
complete -c mqtk -n '__mqtk_using "help"' -s v -l verbose -d 'say more; -vv adds the client library\'s log'
complete -c mqtk -n '__mqtk_using "help"' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c mqtk -n '__mqtk_using "help"' -s h -l help -d 'this text'
complete -c mqtk -n '__mqtk_using "help"' -l version -d 'the version of mqtk and of the libraries it uses'
complete -c mqtk -n '__mqtk_using "help"' -f -a '(__mqtk_topics)'

/* The long texts: `mqtk help TOPIC`, and sections of mqtk(1). */
#include "mqtk/format.h"
#include "mqtk/help.h"
#include "opt/text.h"

/* The tokens of templates, from their table. */
static int append_tokens(struct mq_buf *buf, struct mq_err *err)
{
	const char *token, *help;

	for (size_t i = 0; mq_format_token_help(i, &token, &help); i++)
		if (mq_text_entry(buf, token, help, 21, err) < 0)
			return -1;
	return 0;
}

const struct mq_topic mq_topics[] = {
    {.name = "addresses",
     .title = "how brokers and streams are named",
     .text =
         "An address is [BROKER/]STREAM. The last path segment names the stream: a Kafka topic, a "
         "RabbitMQ queue or stream, a Redis stream, a stream of the local store. BROKER is a URL "
         "or the name of a profile; left out, it is "
         "$MQTK_BROKER, else the configured default, else the local store.\n"
         "\n"
         "  kafka://h1:9092,h2:9092/orders   a topic\n"
         "  kafkas://h1:9093/orders          the same over TLS\n"
         "  amqp://user@h1/orders            a queue or stream, vhost /; TLS: amqps://\n"
         "  amqp://h1/shop/orders            of vhost shop\n"
         "  redis://h1/orders                a stream, database 0; TLS: rediss://\n"
         "  redis://h1/2/orders              in database 2\n"
         "  redis+unix:///run/r.sock/orders  through a socket\n"
         "  sqlite:demo.db/orders            a stream in the SQLite file demo.db\n"
         "  sqlite:///abs/demo.db/orders     the same with an absolute path\n"
         "  local/orders                     a stream of the store that needs no set-up\n"
         "  prod/orders                      a stream of the broker of profile prod\n"
         "  orders                           a stream of the default broker\n"
         "\n"
         "An address that ends in '/' names a broker without a stream, and so does a URL without a "
         "path: kafka://h1:9092/, amqp://h1/shop/ or prod/. With -X exchange=NAME the address is "
         "the "
         "broker's: the exchange is what is written to, with the key as routing key, or tapped.\n"
         "\n"
         "A stream that begins with '^' is a regular expression for those backends that can match "
         "one: 'kafka://h1/^orders.*'. Special characters in a segment are percent-encoded: %2F is "
         "a slash.\n"
         "\n"
         "Settings of the backend can stand behind a question mark: "
         "'kafka://h1/orders?client.id=nightly'. -X NAME=VALUE wins over them. Better than "
         "a password in an address is password-command in a profile: it shows in no history and no "
         "list of processes.\n"},
    {.name = "configuration",
     .title = "files, profiles and environment variables",
     .text =
         "The configuration is read from $XDG_CONFIG_HOME/mqtk/config (or ~/.config/mqtk/config), "
         "then from a .mqtk file in the working directory or above it, up to the root of the "
         "repository, then from the environment; later ones win, and flags win over all. "
         "$MQTK_CONFIG names one file to be read instead of both. mqtk config shows what is in "
         "force and where each value came from.\n"
         "\n"
         "  default = prod\n"
         "\n"
         "  [profile prod]\n"
         "  url = kafka://h1:9092,h2:9092\n"
         "  readonly = true\n"
         "  user = app\n"
         "  password-command = pass show kafka/prod\n"
         "\n"
         "Further keys of a profile are settings of its backend, as with -X. With readonly = true "
         "nothing that writes, settles or deletes runs against it. password-command is honoured "
         "only in your own configuration file, because a .mqtk file comes with whatever tree was "
         "checked out.\n"},
    {.name = "registry",
     .title = "schema registries: where they are, and who asks",
     .text =
         "Registries are spoken to by Confluent's protocol, which Karapace and Apicurio "
         "(http://HOST:8080/apis/ccompat/v7) speak too. The URL is that of --registry, else "
         "-X registry=URL, else $MQTK_REGISTRY, else registry = URL in the profile in use. Several "
         "URLs are separated by commas: the one that answered last is asked first, the others when "
         "it does not. http://USER:PASSWORD@HOST identifies with a password.\n"
         "\n"
         "  registry=URL                the registry\n"
         "  registry.token=TEXT         a bearer's token\n"
         "  registry.ca=FILE            certificate authorities to trust\n"
         "  registry.cert=FILE          the client's certificate\n"
         "  registry.key=FILE           its private key\n"
         "  registry.key-password=TEXT  the password of the key\n"
         "  registry.insecure=true      verify neither certificate nor name\n"
         "  registry.cache=DIR          keep schemas between runs; DIR is made if need be\n"
         "\n"
         "These are settings as -X or as keys of a profile. Those of a profile hold only for the "
         "registry that the profile names, so that no token goes elsewhere. A registry that "
         "answers "
         "with an error of its own or not at all is tried again, until --timeout is over. Each "
         "schema is asked for once, however many messages need it.\n"},
    {.name = "environment",
     .title = "variables that mqtk reads",
     .text = "  MQTK_BROKER      the broker of addresses that name none: a URL or a profile\n"
             "  MQTK_CONFIG      the one configuration file to read\n"
             "  MQTK_USER        the user, stronger than a profile's, weaker than a URL's\n"
             "  MQTK_PASSWORD    the password; not given to brokers that a .mqtk file names\n"
             "  MQTK_REGISTRY    the schema registry's URL, stronger than a profile's\n"
             "  NO_COLOR         when set and not empty, no colours; --color always wins\n"
             "  XDG_CONFIG_HOME  where the configuration is looked for (~/.config)\n"
             "  XDG_DATA_HOME    where the local store is kept (~/.local/share)\n"},
    {.name = "exit-codes",
     .title = "what the exit status means",
     .text =
         "  0      done\n"
         "  1      a negative answer: no match, over the limit, incompatible\n"
         "  2      wrong command line, or something the broker cannot do\n"
         "  3      some records failed, the others went through\n"
         "  4      no connection, or no answer in time; ping: not up within --wait\n"
         "  5      not allowed: authentication or authorisation\n"
         "  6      local input or output failed\n"
         "  7      bad data\n"
         "  8      no such stream, group, partition, exchange or vhost\n"
         "  70     a defect of mqtk, or no memory\n"
         "  128+n  ended by signal n: 130 after Ctrl-C, 143 after SIGTERM\n"
         "\n"
         "At the first signal mqtk stops reading, finishes what it has begun and reports; the "
         "second ends it at once. A reader that goes away, as in | head -1, is no error. mqtk kcat "
         "keeps kcat's own codes.\n"},
    {.name = "formats",
     .title = "how messages are printed: -f, -J, -D",
     .text =
         "Without options a message is its payload and a newline. -D BYTES puts other bytes behind "
         "it, -K BYTES puts the key and those bytes before it. In BYTES, and in templates, escapes "
         "are as in C: \\n \\r \\t \\\\ \\0, \\xHH for any byte, \\NNN in octal, \\uHHHH.\n"
         "\n"
         "-J prints one JSON object a line that produce -J reads again, on any broker, without "
         "loss. "
         "Payloads, keys and headers that are valid UTF-8 are strings, other bytes are "
         "{\"base64\":\"…\"}, and what is absent is null.\n"
         "\n"
         "-f TEMPLATE prints the template for each message with these tokens replaced. Nothing is "
         "added: end it in \\n. What stands behind a colon is another form of the same, as in "
         "%{ts:iso} or %{payload:hex}.\n"
         "\n",
     .append = append_tokens},
    {.name = "options",
     .title = "how options are written",
     .text =
         "  --count 5     a long option and its value; --count=5 is the same\n"
         "  -c 5          its letter; -c5 is the same\n"
         "  -qe           letters in one word: -q -e\n"
         "  -o -10        a value may begin with '-'\n"
         "  --no-end      turns a switch off again\n"
         "  --            ends the options: what follows are operands\n"
         "\n"
         "Options and operands mix in any order. Of an option that is given twice the last one "
         "counts, unless it is repeatable. Choices may be shortened as long as they stay clear "
         "(--color al), names of options may not: scripts would break when one is added.\n"
         "\n"
         "Durations are 500ms, 30s, 5m, 2h, 7d or 1h30m; sizes are 64k, 10M, 1G or plain bytes. "
         "Positions are beginning, end, stored, an offset N, an id such as 1700000000000-0 where "
         "positions are ids (Redis), the last N as -N, a moment as @EPOCH, 2026-11-01 or "
         "2026-11-01T10:00Z, or a time ago as -48h.\n"},
    {.name = "queues",
     .title = "queues beside streams: looking, taking, tapping",
     .text =
         "In a stream (a topic, a Redis stream, a RabbitMQ stream, the local store) messages stay, "
         "and each reader has a position. In a queue (RabbitMQ's classic and quorum queues) a "
         "message is gone once somebody has acknowledged it.\n"
         "\n"
         "  mqtk consume amqp://h/q          looks: prints all, leaves it as it was\n"
         "  mqtk consume --ack amqp://h/q    takes: printed is gone\n"
         "  mqtk tail amqp://h/q             watches what comes, untaken\n"
         "  mqtk consume --group g ADDR      reads as a group's member, commits\n"
         "\n"
         "Looking ends by itself at the last message that was there. Where even a look could make "
         "the broker drop messages, because it counts as a delivery or because the queue is full, "
         "it is refused; --force looks all the same.\n"
         "\n"
         "An exchange keeps nothing: what is to be seen must be tapped before it is sent.\n"
         "\n"
         "  mqtk create --exchange events --type topic amqp://h/\n"
         "  mqtk create --bind 'events:orders.#' amqp://h/orders\n"
         "  mqtk tail -X exchange=events -X binding='orders.#' amqp://h/\n"
         "  mqtk produce -X exchange=events -k orders.new amqp://h/\n"
         "\n"
         "What a broker cannot do is refused in one line that names what to do instead; it is "
         "never "
         "done in another way silently.\n"},
    {.name = "entries",
     .title = "Redis Streams: entries, ids and members",
     .text =
         "An entry that mqtk writes has the fields payload and key, each unless it is null, and "
         "the "
         "field mqtk-properties only when there is more: headers, a timestamp that was given, "
         "properties. The timestamp of any other entry is the time in its id. -X "
         "payload-field=NAME is for programs that call the payload differently.\n"
         "\n"
         "An entry with any other fields is read as their JSON, and its content type says so: "
         "application/vnd.redis.fields+json. A message with that content type is written as those "
         "fields again, also after it was in another broker; headers that it has got meanwhile "
         "stand behind "
         "them, in the field mqtk-properties.\n"
         "\n"
         "  {\"sensor\":\"7\",\"temperature\":\"21.5\"}    names and values in order\n"
         "  [[\"a\",\"1\"],[\"a\",\"2\"]]                 where a name comes twice, or is no "
         "UTF-8\n"
         "  {\"raw\":{\"base64\":\"/w==\"}}             bytes that are no UTF-8\n"
         "\n"
         "With -X fields=json each payload is an object whose members become the fields.\n"
         "\n"
         "A group's member is first given what it was given before and did not acknowledge, then "
         "(--claim DUR) what others have held idle for so long, then new entries. Redis keeps what "
         "a member holds under its name. Without --consumer that is mqtk-HOST-XXXX-N, with the "
         "smallest N that no running mqtk of this user has for that group: the run that follows a "
         "crash, with the same address, has the name of the one before it. Where the host's name "
         "changes with each run, as in "
         "containers, give --consumer NAME, or --claim.\n"
         "\n"
         "A record is confirmed when the server has answered; -X wait=N asks N replicas as well. "
         "Where the connection broke before the answer, the record is reported as failed and "
         "perhaps stored: it is not sent again unasked.\n"},
    {.name = "dead-letters",
     .title = "the dead-letter queue is filling, step by step",
     .text =
         "A dead letter is a message that nobody could handle: a broker, a framework or a worker "
         "has put it aside, with headers that say why. Each command that moves letters first shows "
         "which ones it means and asks: --dry-run only shows, --yes does not ask. A letter leaves "
         "its place only after its target has confirmed it, so whatever is killed, the worst is a "
         "message that is there twice.\n"
         "\n"
         "1. Where are they, why did they die, since when? Nothing of this takes anything.\n"
         "\n"
         "  mqtk dlq ls amqp://h/\n"
         "  mqtk dlq stats amqp://h/orders.dead\n"
         "  mqtk dlq show -c 5 amqp://h/orders.dead\n"
         "  mqtk dlq export amqp://h/orders.dead dead.jsonl\n"
         "\n"
         "rejected: a consumer refused it. expired, maxlen: nobody read it in time, or the queue "
         "was full; see to the consumers first. delivery_limit: consumers died of it again and "
         "again. exit, signal, timeout, reject: a program of consume --exec. Exceptions come from "
         "Kafka Connect, Kafka Streams, Spring and others.\n"
         "\n"
         "2. Is it mended? One letter first; then see whether it comes back.\n"
         "\n"
         "  mqtk dlq requeue --yes --reason rejected -c 1 amqp://h/orders.dead\n"
         "  mqtk dlq stats --since -1m amqp://h/orders.dead\n"
         "\n"
         "3. The others: not too fast, no letter for ever, bodies mended on the way.\n"
         "\n"
         "  mqtk dlq requeue --dry-run --reason rejected amqp://h/orders.dead\n"
         "  mqtk dlq requeue --grep EURO --edit 'sed s/EURO/EUR/' amqp://h/orders.dead\n"
         "  mqtk dlq requeue --rate 200 --max-replays 3 amqp://h/orders.dead\n"
         "\n"
         "Letters that do not say where they came from, or came from another broker, stay; --to "
         "ADDR takes them to one stream, --to BROKER/ each to its own stream there. Letters that "
         "come while this runs stay too, so one that fails again does not go round for ever.\n"
         "\n"
         "4. What cannot be helped: aside, or out; dropped letters are kept in a file first.\n"
         "\n"
         "  mqtk dlq move --reason expired amqp://h/orders.dead amqp://h/aside\n"
         "  mqtk dlq drop amqp://h/orders.dead\n"
         "  mqtk dlq import dead.jsonl amqp://h/orders.dead\n"
         "\n"
         "5. Where letters cannot be taken out (Kafka, the local store, RabbitMQ's streams) they "
         "stay. The group mqtk-dlq-STREAM remembers how far all of them went; with a choice such "
         "as --reason a file does.\n"
         "\n"
         "  mqtk dlq requeue kafka://h/orders.DLT\n"
         "  mqtk dlq requeue --reason exit --resume went.journal kafka://h/orders.DLT\n"
         "\n"
         "6. On Redis also what a group was given again and again and never settled:\n"
         "\n"
         "  mqtk dlq show --group billing --max-deliveries 5 redis://h/orders\n"
         "\n"
         "7. Who tells next time? Exit 1 when a limit is broken:\n"
         "\n"
         "  mqtk dlq stats --max 100 --max-age 1h kafka://h/orders.DLT\n"},
    {.name = "workers",
     .title = "programs at work on messages: consume --exec",
     .text =
         "consume with --exec runs a program for each message and settles what it has done: with "
         "--group NAME, or --ack for queues.\n"
         "\n"
         "  mqtk consume --group billing --exec ./bill local/orders\n"
         "  mqtk consume --group check --exec-lines ./check-lines local/orders\n"
         "  mqtk consume --group load --exec-batch ./load --batch 500 local/orders\n"
         "  mqtk consume --ack --exec ./bill amqp://h/orders\n"
         "\n"
         "--exec: a process per message, its body on standard input. Exit status 0 settles the "
         "message. --exec-batch: a process for several messages, a line each; when it fails, each "
         "is tried again by itself. --exec-lines: a program that lives on and is much faster; it "
         "gets a message a line and answers each, in order, with one of these lines:\n"
         "\n"
         "  ok [TEXT]        done; with --reply TEXT is the reply\n"
         "  retry [WHY]      try it again, as after an exit status other than 0\n"
         "  reject [WHY]     do not try again\n"
         "\n"
         "A body that is several lines is no line: --exec-json gives the whole message as one line "
         "of JSON instead, in each of the three ways. A program that answers must not keep its "
         "answers in a buffer (python3 -u, fflush in awk).\n"
         "\n"
         "The environment tells of the message, each variable only where there is something to "
         "tell:\n"
         "\n"
         "  MQTK_STREAM MQTK_PARTITION MQTK_OFFSET MQTK_ID\n"
         "                    where it stands\n"
         "  MQTK_KEY MQTK_TIMESTAMP MQTK_GROUP\n"
         "                    the timestamp in milliseconds since 1970\n"
         "  MQTK_ATTEMPT      1 at first\n"
         "  MQTK_HEADERS      all headers as JSON: [[\"NAME\",\"VALUE\"],...]\n"
         "  MQTK_HEADER_NAME  a header, its name in capitals and with _ for the rest\n"
         "  MQTK_MESSAGE_ID MQTK_CORRELATION_ID MQTK_CONTENT_TYPE MQTK_REPLY_TO ...\n"
         "                    the properties, by their names in -J\n"
         "  MQTK_LEFT_OUT     names of what is too long or has NUL bytes\n"
         "\n"
         "What fails is tried again --retries times after --backoff, then goes to --dead-letter "
         "with the reason, the exit status and the end of what the program said on standard "
         "error; without --dead-letter the run ends there with exit 3, and the message comes "
         "again. 'mqtk dlq show' reads such letters, 'mqtk dlq requeue' puts them back.\n"
         "\n"
         "With --workers N several programs run at once. Messages with the same key (--order) stay "
         "in order, also while one of them waits for another attempt. Positions move in order: "
         "never past a message that is still worked on, so a crash repeats messages and loses "
         "none.\n"
         "\n"
         "At a signal nothing new begins, running programs may finish for --grace, what they did "
         "is settled, and the exit code is 128 and the signal's number. A second signal ends "
         "everything at once.\n"},
    {.name = "schemas",
     .title = "schemas: what is valid, and what becomes of the rest",
     .text =
         "A SOURCE of --schema is a file, - for standard input, or what a registry has: "
         "registry:SUBJECT[:VERSION], id:N, guid:GUID (see 'mqtk help registry'). What it is shows "
         "its name (.avsc, .proto) or its text; --type says it.\n"
         "\n"
         "  mqtk schema infer orders.jsonl > order.json\n"
         "  mqtk schema validate --schema order.json orders.jsonl\n"
         "  mqtk schema validate --schema order.json --summary kafka://h/orders\n"
         "\n"
         "A line for each error: where the message is, the place in it, the rule, the words. Exit "
         "status 0: all are valid, 1: some are not, 7: the schema itself is bad. Without --schema "
         "a stream is judged by the schemas that its payloads name.\n"
         "\n"
         "Schemas that a file refers to are looked for beside it. Those of an http address are "
         "taken from a folder (--remote-dir URLPREFIX=DIR), or fetched, but only with "
         "--allow-remote. An import of Protobuf is looked for beside the file and in the folders "
         "above it.\n"
         "\n"
         "Judged is the payload as it travels. A JSON Schema wants JSON text: valid UTF-8, no name "
         "twice in an object, numbers of any size, compared exactly. Avro and Protobuf want their "
         "bytes, without what stands before them unless --framing says so; lines of a file are "
         "JSON text for them too. A message without a payload is not valid, unless --allow-null.\n"
         "\n"
         "In a pipe, between streams, on the way in and on the way out:\n"
         "\n"
         "  mqtk schema validate --schema s.json --pass --reject-to bad.jsonl < in > good\n"
         "  mqtk schema validate --schema s.json --reject-to prod/orders.bad prod/orders\n"
         "  mqtk produce --schema s.json --failed-to bad.jsonl prod/orders < in\n"
         "  mqtk replay --schema s.json --failed-to bad.jsonl prod/orders test/orders\n"
         "  mqtk consume --schema s.json -g g --reject-to prod/orders.bad prod/orders\n\n"
         "What passes is unchanged, byte for byte. What is rejected goes to a file as it stood (of "
         "streams: as -J lines), or to a stream as a dead letter with the reason 'schema', which "
         "'mqtk dlq show' explains and 'mqtk dlq requeue' puts back. When it cannot be put there, "
         "everything stops (exit 3, 4 or 6), and what was read from a group or taken from a queue "
         "is not settled. produce never sends what is not valid: such a record is a failure, said, "
         "counted, kept by --failed-to (exit 3). consume without --reject-to hides nothing: what "
         "is "
         "not valid is printed too, but said, and marked with -J (\"valid\", \"errors\"), and the "
         "exit status is 1; --on-error fail ends there, skip leaves it out, raw only prints it.\n"
         "\n"
         "Before a schema changes: may what is there still be read?\n"
         "\n"
         "  mqtk schema check order.v1.json order.json --mode backward\n"},
    {.name = NULL},
};

int mq_topic_append(const char *name, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_topic *topic = mq_topics;

	while (topic->name && strcmp(topic->name, name) != 0)
		topic++;
	if (!topic->name)
		return mq_fail(err, MQ_USAGE, "no topic '%s'", name);
	if (mq_buf_append_str(buf, topic->text, err) < 0 ||
	    (topic->append && topic->append(buf, err) < 0) ||
	    mq_buf_append_char(buf, '\0', err) < 0)
		return -1;
	buf->len--;
	return 0;
}

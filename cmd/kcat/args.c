/*
 * kcat's options as rows, and what they mean together. Letters and meanings are those of kcat
 * 1.7.1; what cannot be read is an error here, where kcat takes it for 0.
 */
#include "cmd/kcat/kcat.h"

#include "mqtk/position.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct kcat_values kcat_defaults = {
    .common = MQ_COMMON_INIT,
    .partition = MQ_NO_PARTITION,
    .timeout_s = 5,
    .codec = -1,
};

/* s@MS and e@MS count milliseconds however few digits there are; an ISO time is understood too. */
static int parse_moment(const char *text, struct mq_pos *ret_pos, struct mq_err *err)
{
	int64_t ms;
	int result;

	if (text[strspn(text, "0123456789")] == '\0')
		result = mq_int_parse(text, 0, INT64_MAX, &ms, err);
	else
		result = mq_time_parse(text, mq_now_ms(), &ms, err);
	if (result == 0)
		*ret_pos = (struct mq_pos){.kind = MQ_POS_TIME, .number = ms};
	return result;
}

static int parse_offset(void *field, const char *value, struct mq_err *err)
{
	struct reading_range *range = field;

	if (strncmp(value, "s@", 2) == 0)
		return parse_moment(value + 2, &range->from, err);
	if (strncmp(value, "e@", 2) == 0)
		return parse_moment(value + 2, &range->to, err);
	return mq_pos_parse(value, mq_now_ms(), &range->from, err);
}

#define FIELD(name) offsetof(struct kcat_values, name)

static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

static const struct mq_option mode_rows[] = {
    {.letter = 'P',
     .type = MQ_OPT_FLAG,
     .help = "produce: records from standard input or files",
     .field = FIELD(produce)},
    {.letter = 'C',
     .type = MQ_OPT_FLAG,
     .help = "consume one topic, from its beginning unless -o says otherwise",
     .field = FIELD(consume)},
    {.letter = 'G',
     .type = MQ_OPT_STRING,
     .arg = "GROUP",
     .help = "consume the topics that follow as a member of GROUP",
     .more = "A topic that begins with ^ is a regular expression. A group without a position "
             "begins at the end, or where -X auto.offset.reset says.",
     .field = FIELD(group)},
    {.letter = 'L',
     .type = MQ_OPT_FLAG,
     .help = "list brokers, topics and partitions",
     .field = FIELD(list)},
    {.letter = 'Q',
     .type = MQ_OPT_FLAG,
     .help = "offsets for times: -t TOPIC:PARTITION:MS, repeatable",
     .more = "MS counts from the epoch; -1 is the end of the partition, -2 its beginning.",
     .field = FIELD(query)},
    {0}};

static const struct mq_option general_rows[] = {
    {.letter = 'b',
     .type = MQ_OPT_STRING,
     .arg = "HOST[:PORT],…",
     .help = "the brokers to begin with",
     .field = FIELD(brokers)},
    {.letter = 't',
     .type = MQ_OPT_LIST,
     .arg = "TOPIC",
     .help = "the topic",
     .field = FIELD(topics)},
    {.letter = 'p',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "partition; -1: any",
     .min = -1,
     .max = INT32_MAX,
     .field = FIELD(partition)},
    {.letter = 'm',
     .type = MQ_OPT_INT,
     .arg = "SECONDS",
     .help = "how long to try a broker (5)",
     .min = 1,
     .max = 86400,
     .field = FIELD(timeout_s)},
    {.letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "stop after N messages",
     .min = -1,
     .max = INT64_MAX,
     .field = FIELD(count)},
    {.letter = 'F',
     .type = MQ_OPT_LIST,
     .arg = "FILE",
     .help = "read properties from FILE, name=value on each line; none: from no file",
     .more = "Without -F the file of $KCAT_CONFIG is read, else ~/.config/kcat.conf. What -X says "
             "wins over every file, and a line may be of any length.",
     .field = FIELD(configs),
     .complete = MQ_COMPLETE_FILE},
    {.letter = 'X',
     .type = MQ_OPT_LIST,
     .arg = "NAME=VALUE",
     .help = "a property of librdkafka; list: show all of them; dump: show those in force",
     .field = FIELD(common.settings),
     .complete = MQ_COMPLETE_SETTING},
    {.letter = 'd',
     .type = MQ_OPT_STRING,
     .arg = "WHAT,…",
     .help = "librdkafka's debug contexts, such as broker,topic",
     .field = FIELD(debug)},
    {.letter = 'q', .type = MQ_OPT_FLAG, .help = "only warnings", .field = FIELD(common.quiet)},
    {.letter = 'v', .type = MQ_OPT_COUNT, .help = "say more", .field = FIELD(common.verbose)},
    {.letter = 'E',
     .type = MQ_OPT_FLAG,
     .help = "go on behind a message that cannot be decoded by -s",
     .more = "That brokers are away for a while never ends the program: this half of kcat's -E is "
             "always on.",
     .field = FIELD(go_on)},
    {.letter = 'V', .type = MQ_OPT_FLAG, .help = "versions", .field = FIELD(common.version)},
    {.letter = 'h', .type = MQ_OPT_FLAG, .help = "this text", .field = FIELD(common.help)},
    {0}};

static const struct mq_option record_rows[] = {
    {.letter = 'D',
     .type = MQ_OPT_STRING,
     .arg = "BYTES",
     .help = "what ends each message (\\n): any bytes, also \\x00",
     .field = FIELD(delimiter)},
    {.letter = 'K',
     .type = MQ_OPT_STRING,
     .arg = "BYTES",
     .help = "what stands between key and message",
     .field = FIELD(key_delimiter)},
    {.letter = 'Z',
     .type = MQ_OPT_FLAG,
     .help = "producing with -K: send empty as null; consuming: print NULL for null and empty",
     .field = FIELD(null)},
    {.letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "JSON: messages and metadata are printed as such; -P reads such lines back",
     .more = "Bytes that are no UTF-8 stand as {\"base64\":\"…\"}, so that every line is valid and "
             "nothing is lost.",
     .field = FIELD(json)},
    {0}};

static const struct mq_option producing_rows[] = {
    {.letter = 'k',
     .type = MQ_OPT_STRING,
     .arg = "KEY",
     .help = "key of the records that have none",
     .field = FIELD(key)},
    {.letter = 'H',
     .type = MQ_OPT_LIST,
     .arg = "NAME[=VALUE]",
     .help = "add a header; NAME alone is null, NAME= is empty; repeatable",
     .field = FIELD(headers)},
    {.letter = 'l',
     .type = MQ_OPT_FLAG,
     .help = "the file holds records; else each file is one message",
     .field = FIELD(lines)},
    {.letter = 'T',
     .type = MQ_OPT_FLAG,
     .help = "print what is sent to standard output, without delimiters",
     .field = FIELD(tee)},
    {.letter = 'z',
     .type = MQ_OPT_CHOICE,
     .arg = "CODEC",
     .choices = codecs,
     .help = "none, gzip, snappy, lz4 or zstd",
     .field = FIELD(codec)},
    {0}};

static const struct mq_option consuming_rows[] = {
    {.letter = 'o',
     .type = MQ_OPT_CUSTOM,
     .arg = "OFFSET",
     .help = "beginning, end, stored, N, -N, s@MS (from a time), e@MS (up to it, exclusive)",
     .more = "-N is the last N of each partition. s@ and e@ may both be given; the end of a time "
             "range ends the program by itself.",
     .field = FIELD(range),
     .custom = parse_offset},
    {.letter = 'e',
     .type = MQ_OPT_FLAG,
     .help = "exit at the end, as it was at the start",
     .field = FIELD(end)},
    {.letter = 'f',
     .type = MQ_OPT_STRING,
     .arg = "FORMAT",
     .help = "print each message by %s %S %R %k %K %T %h %t %p %o",
     .field = FIELD(template_text)},
    {.letter = 's',
     .type = MQ_OPT_LIST,
     .arg = "[key=|value=]PACK|avro",
     .help = "unpack numbers by letters: < > b B h H i I q Q c s $; avro: as JSON, see -r",
     .more = "With -J what was Avro is JSON itself, with key_schema_id and value_schema_id beside "
             "it; with -E what cannot be decoded is null there, with key_error or payload_error.",
     .field = FIELD(serdes)},
    {.letter = 'r',
     .type = MQ_OPT_STRING,
     .arg = "URL",
     .help = "the schema registry for -s avro; user:password@ may stand before its host",
     .field = FIELD(registry)},
    {.letter = 'O',
     .type = MQ_OPT_FLAG,
     .help = "no effect, as in kcat 1.7.1",
     .field = FIELD(offset),
     .hidden = true},
    {.letter = 'u',
     .type = MQ_OPT_FLAG,
     .help = "write each message by itself",
     .field = FIELD(unbuffered)},
    {0}};

const struct mq_option_set kcat_sets[] = {
    {"Mode", mode_rows, 0},           {"General", general_rows, 0},
    {"Messages", record_rows, 0},     {"Producing", producing_rows, 0},
    {"Consuming", consuming_rows, 0}, {0}};

/* The one mode that was asked for; none: by what standard input is. */
static int choose_mode(struct kcat *kcat, struct mq_err *err)
{
	const struct kcat_values *values = kcat->values;
	const struct {
		bool given;
		enum kcat_mode mode;
		char letter;
	} modes[] = {{values->produce, KCAT_PRODUCE, 'P'},
	             {values->consume, KCAT_CONSUME, 'C'},
	             {values->group != NULL, KCAT_GROUP, 'G'},
	             {values->list, KCAT_LIST, 'L'},
	             {values->query, KCAT_QUERY, 'Q'}};
	char first = 0;

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		if (!modes[i].given)
			continue;
		if (first)
			return mq_fail(err, MQ_USAGE,
			               "-%c and -%c are two modes: one at a time is expected",
			               first, modes[i].letter);
		first = modes[i].letter;
		kcat->mode = modes[i].mode;
	}
	return 0;
}

static int read_delimiter(const char *option, const char *text, bool empty_allowed,
                          struct mq_buf *buf, struct mq_bytes *ret, struct mq_err *err)
{
	struct mq_err mine = MQ_ERR_INIT;

	if (mq_unescape(text, true, buf, &mine) < 0)
		return mq_fail(err, mine.code, "%s: %s", option, mine.message);
	if (buf->len == 0 && !empty_allowed)
		return mq_fail(err, MQ_USAGE, "%s: at least one byte is expected", option);
	*ret = mq_bytes_of(buf->data ? buf->data : "", buf->len);
	return 0;
}

int kcat_args_parse(struct kcat *kcat, struct mq_invocation *invocation, struct mq_err *err)
{
	struct kcat_values *values = invocation->values;

	*kcat = (struct kcat){
	    .invocation = invocation, .values = values, .commit = true, .commit_interval_ms = 1000};
	mq_buf_init(&kcat->delimiter, 1 << 16);
	mq_buf_init(&kcat->key_delimiter, 1 << 16);
	if (mq_options_parse(kcat_sets, (int)invocation->operands.n,
	                     (char *const *)invocation->operands.items, values, &kcat->operands,
	                     err) < 0)
		return mq_hint(err, "kcat -h lists the options");
	if (values->common.help || values->common.version)
		return 0;
	if (choose_mode(kcat, err) < 0)
		return -1;
	if (values->topics.n > 0)
		kcat->topic = values->topics.items[values->topics.n - 1];
	return kcat_properties_read(kcat, err);
}

/* What an option of one mode would mean in another is not guessed. */
static int check_consuming_options(const struct kcat *kcat, struct mq_err *err)
{
	const struct kcat_values *values = kcat->values;
	bool group = kcat->mode == KCAT_GROUP;

	if (!group && kcat->mode != KCAT_CONSUME)
		return values->serdes.n == 0 ? 0
		                             : mq_fail(err, MQ_USAGE,
		                                       "-s unpacks what is consumed: it needs -C "
		                                       "or -G");
	if (group &&
	    (values->range.from.kind == MQ_POS_TIME || values->range.to.kind != MQ_POS_UNSET))
		return mq_fail(err, MQ_USAGE, "-o: times cannot be combined with -G");
	if (!group && values->range.from.kind == MQ_POS_STORED)
		return mq_fail(err, MQ_USAGE, "-o stored is a group's position: use -G");
	return 0;
}

static int check_targets(const struct kcat *kcat, struct mq_err *err)
{
	const struct kcat_values *values = kcat->values;
	bool topic_needed = kcat->mode == KCAT_PRODUCE || kcat->mode == KCAT_CONSUME;

	if (topic_needed && !kcat->topic)
		return mq_fail(err, MQ_USAGE, "-t TOPIC is missing");
	if (kcat->mode == KCAT_QUERY && values->topics.n == 0)
		return mq_fail(err, MQ_USAGE, "-Q needs -t TOPIC:PARTITION:MS");
	if (kcat->mode == KCAT_GROUP && kcat->operands.n == 0 && !kcat->topic)
		return mq_fail(err, MQ_USAGE, "-G needs topics behind the group");
	if (kcat->operands.n > 0 && kcat->mode != KCAT_PRODUCE && kcat->mode != KCAT_GROUP)
		return mq_fail(err, MQ_USAGE, "'%s': only -P takes files, and only -G topics",
		               kcat->operands.items[0]);
	if (kcat->mode == KCAT_PRODUCE && values->lines && kcat->operands.n > 1)
		return mq_fail(err, MQ_USAGE, "-l takes one file, not %zu", kcat->operands.n);
	return 0;
}

/* Delimiters are read last: what may be empty depends on the mode. */
static int read_delimiters(struct kcat *kcat, struct mq_err *err)
{
	const struct kcat_values *values = kcat->values;
	bool empty_allowed = kcat->mode != KCAT_PRODUCE;

	if (read_delimiter("-D", values->delimiter ? values->delimiter : "\n", empty_allowed,
	                   &kcat->delimiter, &kcat->delimiter_bytes, err) < 0)
		return -1;
	if (!values->key_delimiter)
		return 0;
	return read_delimiter("-K", values->key_delimiter, empty_allowed, &kcat->key_delimiter,
	                      &kcat->key_delimiter_bytes, err);
}

int kcat_args_check(struct kcat *kcat, struct mq_err *err)
{
	if (!kcat->brokers)
		return mq_fail(err, MQ_USAGE, "-b HOST[:PORT] is missing");
	if (kcat->mode == KCAT_NONE) {
		kcat->mode = isatty(STDIN_FILENO) ? KCAT_CONSUME : KCAT_PRODUCE;
		mq_log(kcat->invocation->env, MQ_LEVEL_NOTE, "%s, as standard input is %s terminal",
		       kcat->mode == KCAT_CONSUME ? "consuming (-C)" : "producing (-P)",
		       kcat->mode == KCAT_CONSUME ? "a" : "no");
	}
	if (check_targets(kcat, err) < 0 || check_consuming_options(kcat, err) < 0)
		return -1;
	return read_delimiters(kcat, err);
}

void kcat_release(struct kcat *kcat)
{
	mq_operands_release(&kcat->operands);
	mq_buf_release(&kcat->delimiter);
	mq_buf_release(&kcat->key_delimiter);
	free(kcat->brokers);
}

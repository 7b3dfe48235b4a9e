/* What dead letters say of themselves: see mqtk/dead.h. The dialects stand in dead_rules.c. */
#include "mqtk/dead.h"

#include "core/dead_rules.h"
#include "mqtk/position.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

/* Numbers and moments that are longer are none. */
#define SHORT_TEXT 64
/* The end of the year 9999. */
#define LAST_MOMENT INT64_C(253402300799999)
/* Of x-death: as much as a header can hold. */
#define TABLE_LIMIT ((size_t)1 << 20)

struct mq_dead_reader {
	json_t *table; /* the x-death of the last message: texts point into it */
};

static const char *const names[] = {
    [MQ_DEAD_UNKNOWN] = "unknown",         [MQ_DEAD_MQTK] = "mqtk",
    [MQ_DEAD_CONNECT] = "connect",         [MQ_DEAD_STREAMS] = "streams",
    [MQ_DEAD_SHARE] = "share-group",       [MQ_DEAD_SPRING] = "spring",
    [MQ_DEAD_BINDER] = "spring-republish", [MQ_DEAD_SMALLRYE] = "smallrye",
    [MQ_DEAD_MASSTRANSIT] = "masstransit", [MQ_DEAD_NSERVICEBUS] = "nservicebus",
    [MQ_DEAD_RABBITMQ] = "rabbitmq",
};

const char *mq_dead_dialect_name(enum mq_dead_dialect dialect)
{
	return names[dialect];
}

int mq_dead_reader_new(struct mq_dead_reader **ret_reader, struct mq_err *err)
{
	*ret_reader = calloc(1, sizeof **ret_reader);
	return *ret_reader ? 0 : mq_fail_memory(err);
}

void mq_dead_reader_free(struct mq_dead_reader *reader)
{
	if (!reader)
		return;
	json_decref(reader->table);
	free(reader);
}

/* --- names ------------------------------------------------------------------------------------ */

/* Every header of every letter is looked up, most of them are nobody's: so the rules are found by
 * the first byte and the length of their names, and the few that are prefixes by the first byte. */
static struct {
	/* The first of the rules with that hash, and of the prefixes; -1: none. */
	short exact[256], prefix[256];
	short next[DEAD_RULES_MAX];        /* in their order */
	size_t len[DEAD_RULES_MAX];        /* without the '*' */
	short begin[MQ_DEAD_DIALECTS + 1]; /* of each dialect */
} lookup;

static unsigned hash_of(const char *name, size_t len)
{
	return ((unsigned char)name[0] + (unsigned)len * 7) & 255;
}

static void make_lookup(void)
{
	short n = 0;

	memset(lookup.exact, -1, sizeof lookup.exact);
	memset(lookup.prefix, -1, sizeof lookup.prefix);
	while (dead_rules[n].name)
		n++;
	for (int i = 0; i <= MQ_DEAD_DIALECTS; i++)
		lookup.begin[i] = n;
	for (short i = n; i-- > 0;) {
		const char *name = dead_rules[i].name;
		size_t len = strlen(name);
		bool is_prefix = name[len - 1] == '*';
		short *head = is_prefix ? &lookup.prefix[(unsigned char)name[0]]
		                        : &lookup.exact[hash_of(name, len)];
		lookup.len[i] = len - is_prefix;
		lookup.next[i] = *head;
		*head = i;
		lookup.begin[dead_rules[i].dialect] = i;
	}
	/* Dialects without rules. */
	for (int i = MQ_DEAD_DIALECTS; i-- > 0;)
		if (lookup.begin[i] > lookup.begin[i + 1])
			lookup.begin[i] = lookup.begin[i + 1];
}

static void need_lookup(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_lookup);
}

/* The first rule from i on, in the order of lookup.next, that is about this header; -1: none. */
static inline short match(short i, struct mq_bytes name, bool prefix)
{
	for (; i >= 0; i = lookup.next[i])
		if ((name.len == lookup.len[i] || (prefix && name.len > lookup.len[i])) &&
		    memcmp(name.data, dead_rules[i].name, lookup.len[i]) == 0)
			break;
	return i;
}

static inline short exact_rule(struct mq_bytes name)
{
	return name.len > 0 ? match(lookup.exact[hash_of(name.data, name.len)], name, false) : -1;
}

static inline short prefix_rule(struct mq_bytes name)
{
	return name.len > 0 ? match(lookup.prefix[(unsigned char)name.data[0]], name, true) : -1;
}

bool mq_dead_is_header(struct mq_bytes name)
{
	need_lookup();
	return exact_rule(name) >= 0 || prefix_rule(name) >= 0;
}

/* The first dialect of the list that a header tells. */
static enum mq_dead_dialect dialect_of(const struct mq_message *message)
{
	enum mq_dead_dialect found = MQ_DEAD_UNKNOWN;

	for (size_t h = 0; h < message->n_headers; h++) {
		struct mq_bytes name = message->headers[h].name;
		short rules[] = {exact_rule(name), prefix_rule(name)};
		for (size_t k = 0; k < 2; k++)
			if (rules[k] >= 0 && dead_rules[rules[k]].tells &&
			    (found == MQ_DEAD_UNKNOWN || dead_rules[rules[k]].dialect < found))
				found = dead_rules[rules[k]].dialect;
	}
	return found;
}

/* --- values ----------------------------------------------------------------------------------- */

/* As a C string, for the parsers; false when it is too long or has a NUL within. */
static bool short_text(struct mq_bytes value, char *ret)
{
	if (!value.data || value.len == 0 || value.len >= SHORT_TEXT ||
	    memchr(value.data, 0, value.len))
		return false;
	memcpy(ret, value.data, value.len);
	ret[value.len] = '\0';
	return true;
}

static int64_t big_endian(struct mq_bytes value)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < value.len; i++)
		bits = bits << 8 | (unsigned char)value.data[i];
	return value.len == 4 ? (int32_t)(uint32_t)bits : (int64_t)bits;
}

/* A count or position, which is never negative; -1 for anything else. */
static int64_t number_of(struct mq_bytes value, enum dead_form form)
{
	struct mq_err ignored = MQ_ERR_INIT;
	char text[SHORT_TEXT];
	int64_t number;

	if (form == DEAD_BINARY && value.data && (value.len == 4 || value.len == 8)) {
		number = big_endian(value);
		return number < 0 ? -1 : number;
	}
	if (!short_text(value, text) || mq_int_parse(text, 0, INT64_MAX, &number, &ignored) < 0)
		return -1;
	return number;
}

/* 2026-11-01 10:00:00:123456 Z, as NServiceBus writes it, becomes ISO 8601. */
static void mend_time(char *text)
{
	size_t len = strlen(text);
	int colons = 0;

	if (len > 10 && text[10] == ' ')
		text[10] = 'T';
	for (char *c = text; *c; c++)
		if (*c == ':' && ++colons == 3)
			*c = '.';
	if (len > 2 && strcmp(text + len - 2, " Z") == 0)
		memcpy(text + len - 2, "Z", 2);
}

static int64_t time_of(struct mq_bytes value)
{
	struct mq_err ignored = MQ_ERR_INIT;
	char text[SHORT_TEXT];
	int64_t ms;

	if (!short_text(value, text) || text[0] == '-')
		return MQ_NO_TIME;
	mend_time(text);
	return mq_time_parse(text, 0, &ms, &ignored) < 0 ? MQ_NO_TIME : ms;
}

/* The last segment of a path, without what follows '?'. */
static struct mq_bytes last_segment(struct mq_bytes value)
{
	const char *query = value.len > 0 ? memchr(value.data, '?', value.len) : NULL;
	size_t len = query ? (size_t)(query - value.data) : value.len;
	size_t start = len;

	while (start > 0 && value.data[start - 1] != '/')
		start--;
	return start < len ? mq_bytes_of(value.data + start, len - start) : MQ_ABSENT;
}

static struct mq_bytes before_at(struct mq_bytes value)
{
	const char *at = value.len > 0 ? memchr(value.data, '@', value.len) : NULL;
	size_t len = at ? (size_t)(at - value.data) : value.len;

	return len > 0 ? mq_bytes_of(value.data, len) : MQ_ABSENT;
}

static struct mq_bytes text_of(struct mq_bytes value, enum dead_form form)
{
	if (form == DEAD_URL)
		return last_segment(value);
	return form == DEAD_AT ? before_at(value) : value;
}

/* --- x-death ---------------------------------------------------------------------------------- */

static void take_text(const json_t *entry, const char *name, struct mq_bytes *ret)
{
	const json_t *value = json_object_get(entry, name);

	if (json_is_string(value))
		*ret = mq_bytes_of(json_string_value(value), json_string_length(value));
}

/* RabbitMQ's list of deaths, the newest first: that one counts. */
static void read_table(struct mq_dead_reader *reader, struct mq_bytes value, struct mq_dead *ret)
{
	const json_t *entry, *number;

	json_decref(reader->table);
	reader->table = NULL;
	if (!value.data || value.len > TABLE_LIMIT)
		return;
	reader->table = json_loadb(value.data, value.len, JSON_ALLOW_NUL, NULL);
	entry = json_array_get(reader->table, 0);
	if (!json_is_object(entry))
		return;
	take_text(entry, "queue", &ret->origin_stream);
	take_text(entry, "reason", &ret->reason);
	take_text(entry, "exchange", &ret->origin_exchange);
	const json_t *key = json_array_get(json_object_get(entry, "routing-keys"), 0);
	if (json_is_string(key))
		ret->origin_key = mq_bytes_of(json_string_value(key), json_string_length(key));
	number = json_object_get(entry, "count");
	if (json_is_integer(number) && json_integer_value(number) >= 0)
		ret->attempts = json_integer_value(number);
	number = json_object_get(entry, "time"); /* seconds (AMQP 0-9-1, timestamp) */
	if (json_is_integer(number) && json_integer_value(number) >= 0 &&
	    json_integer_value(number) < INT64_MAX / 1000)
		ret->died_ms = json_integer_value(number) * 1000;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void set_text(struct mq_bytes *field, const struct dead_rule *rule, struct mq_bytes value)
{
	struct mq_bytes text = text_of(value, rule->form);

	if (text.data && text.len > 0)
		*field = text;
}

static void apply(struct mq_dead_reader *reader, const struct dead_rule *rule,
                  struct mq_bytes value, struct mq_dead *ret)
{
	int64_t number;

	switch (rule->field) {
	case DEAD_NOTHING:
		break;
	case DEAD_BROKER:
		set_text(&ret->origin_broker, rule, value);
		break;
	case DEAD_STREAM:
		set_text(&ret->origin_stream, rule, value);
		break;
	case DEAD_ID:
		set_text(&ret->origin_id, rule, value);
		break;
	case DEAD_ORIGIN_TIME: /* -1: it had none */
		number = number_of(value, rule->form);
		if (number >= 0 && number <= LAST_MOMENT) /* later ones brokers refuse */
			ret->origin_ms = number;
		break;
	case DEAD_EXCHANGE:
		if (value.data) /* "" is the default exchange */
			ret->origin_exchange = value;
		break;
	case DEAD_KEY:
		if (value.data)
			ret->origin_key = value;
		break;
	case DEAD_GROUP:
		set_text(&ret->group, rule, value);
		break;
	case DEAD_MEMBER:
		set_text(&ret->member, rule, value);
		break;
	case DEAD_REASON:
		set_text(&ret->reason, rule, value);
		break;
	case DEAD_EXCEPTION:
	case DEAD_CAUSE:
		set_text(&ret->exception, rule, value);
		break;
	case DEAD_ERROR:
		set_text(&ret->error, rule, value);
		break;
	case DEAD_STACKTRACE:
		set_text(&ret->stacktrace, rule, value);
		break;
	case DEAD_PARTITION:
		number = number_of(value, rule->form);
		if (number >= 0 && number <= INT32_MAX)
			ret->origin_partition = (int32_t)number;
		break;
	case DEAD_OFFSET:
		number = number_of(value, rule->form);
		if (number >= 0)
			ret->origin_offset = number;
		break;
	case DEAD_ATTEMPTS:
		number = number_of(value, rule->form);
		if (number >= 0)
			ret->attempts = number;
		break;
	case DEAD_TIME:
		ret->died_ms = time_of(value);
		break;
	case DEAD_TABLE:
		read_table(reader, value, ret);
		break;
	}
}

void mq_dead_read(struct mq_dead_reader *reader, const struct mq_message *message,
                  struct mq_dead *ret_dead)
{
	const struct mq_header *said[DEAD_RULES_MAX];

	need_lookup();
	*ret_dead = (struct mq_dead){
	    .dialect = dialect_of(message),
	    .origin_partition = MQ_NO_PARTITION,
	    .origin_offset = MQ_NO_OFFSET,
	    .origin_ms = MQ_NO_TIME,
	    .attempts = -1,
	    .died_ms = MQ_NO_TIME,
	};
	if (ret_dead->dialect == MQ_DEAD_UNKNOWN)
		return;
	/* In the order of the rules, whatever the order of the headers. */
	short begin = lookup.begin[ret_dead->dialect], end = lookup.begin[ret_dead->dialect + 1];
	memset(said + begin, 0, (size_t)(end - begin) * sizeof *said);
	for (size_t h = 0; h < message->n_headers; h++) {
		short i = exact_rule(message->headers[h].name);
		if (i >= begin && i < end)
			said[i] = &message->headers[h]; /* the last one: frameworks append */
	}
	for (short i = begin; i < end; i++)
		if (said[i])
			apply(reader, &dead_rules[i], said[i]->value, ret_dead);
	/* The default exchange has one way: into the queue that the key names. */
	if (!ret_dead->origin_stream.data && ret_dead->origin_exchange.data &&
	    ret_dead->origin_exchange.len == 0 && ret_dead->origin_key.len > 0)
		ret_dead->origin_stream = ret_dead->origin_key;
	/* No stream has such a name, and what stands before the NUL may be another one's. */
	if (ret_dead->origin_stream.data &&
	    memchr(ret_dead->origin_stream.data, 0, ret_dead->origin_stream.len))
		ret_dead->origin_stream = MQ_ABSENT;
	/* A broker that stamps messages when they arrive tells when this one came here. */
	if (ret_dead->died_ms == MQ_NO_TIME && message->ts_type == MQ_TS_APPEND)
		ret_dead->died_ms = message->ts_ms;
}

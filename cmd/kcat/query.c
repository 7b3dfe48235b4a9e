/* kcat -Q: offsets for times, as kcat's text and JSON. */
#include "cmd/commands.h"
#include "cmd/kcat/kcat.h"
#include "mqtk/broker.h"
#include "mqtk/format.h"

#include <stdlib.h>
#include <string.h>

/* What kcat prints where nothing is at or after the time. */
enum { NOTHING_LATER = -1 };

/* Reads TOPIC:PARTITION:MS. A topic's name has no colon in it. */
static int parse_query(const char *text, char **ret_topic, struct mq_locate *ret,
                       struct mq_err *err)
{
	const char *first = strchr(text, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;
	char partition[16];
	int64_t number, ms;

	if (!second || first == text || (size_t)(second - first) > sizeof partition)
		return mq_fail(err, MQ_USAGE, "-t: '%s' is no TOPIC:PARTITION:MS", text);
	memcpy(partition, first + 1, (size_t)(second - first - 1));
	partition[second - first - 1] = '\0';
	if (mq_int_parse(partition, 0, INT32_MAX, &number, err) < 0 ||
	    mq_int_parse(second + 1, -2, INT64_MAX, &ms, err) < 0)
		return -1;
	*ret_topic = strndup(text, (size_t)(first - text));
	if (!*ret_topic)
		return mq_fail_memory(err);
	*ret = (struct mq_locate){.stream = *ret_topic, .partition = (int32_t)number};
	ret->pos.kind = ms == -2 ? MQ_POS_BEGINNING : ms == -1 ? MQ_POS_END : MQ_POS_TIME;
	ret->pos.number = ms;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct mq_locate *x = a, *y = b;
	int order = strcmp(x->stream, y->stream);

	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static int write_text(struct mq_buf *buf, const struct mq_locate *items, size_t n,
                      struct mq_err *err)
{
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++)
		result = mq_buf_printf(buf, err, "%s [%d] offset %lld%s%s\n", items[i].stream,
		                       items[i].partition, (long long)items[i].offset,
		                       items[i].err.code ? ": " : "",
		                       items[i].err.code ? items[i].err.message : "");
	return result;
}

static int write_json(struct mq_buf *buf, const struct mq_locate *items, size_t n,
                      struct mq_err *err)
{
	const char *topic = NULL;
	int result = mq_buf_append_char(buf, '{', err);

	for (size_t i = 0; i < n && result == 0; i++) {
		const struct mq_locate *item = &items[i];
		if (!topic || strcmp(topic, item->stream) != 0) {
			if (mq_buf_append_str(buf, topic ? "}," : "", err) < 0 ||
			    mq_json_append_text(buf, item->stream, err) < 0 ||
			    mq_buf_append_str(buf, ":{\"topic\":", err) < 0 ||
			    mq_json_append_text(buf, item->stream, err) < 0)
				return -1;
			topic = item->stream;
		}
		result = mq_buf_printf(buf, err, ",\"%d\":{\"partition\":%d,\"offset\":%lld",
		                       item->partition, item->partition, (long long)item->offset);
		if (result == 0)
			result = mq_buf_append_char(buf, '}', err);
	}
	return result < 0 ? -1 : mq_buf_append_str(buf, topic ? "}}" : "}", err);
}

/* A time behind the last message is located at the end; kcat says -1 for it. So the ends are asked
 * for as well: items[n..2n) are those of items[0..n). As in kcat, one that fails fails all. */
static int locate(struct mq_conn *conn, struct mq_locate *items, size_t n, struct mq_err *err)
{
	for (size_t i = 0; i < n; i++) {
		items[n + i] = items[i];
		items[n + i].pos = (struct mq_pos){.kind = MQ_POS_END};
	}
	if (mq_locate(conn, items, 2 * n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (items[i].err.code != MQ_OK)
			return mq_fail(err, items[i].err.code, "%s", items[i].err.message);
		if (items[i].pos.kind == MQ_POS_TIME && items[i].offset == items[n + i].offset)
			items[i].offset = NOTHING_LATER;
	}
	return 0;
}

int kcat_query(struct kcat *kcat, struct mq_err *err)
{
	const struct mq_option_list *queries = &kcat->values->topics;
	size_t n = queries->n;
	struct mq_locate *items = calloc(2 * n, sizeof *items);
	char **topics = calloc(n, sizeof *topics);
	char *address = kcat_address(kcat, NULL, err);
	struct mq_target target = {0};
	struct mq_conn *conn = NULL;
	struct mq_buf buf;
	int code = -1;

	mq_buf_init(&buf, (size_t)1 << 30);
	if (!items || !topics) {
		mq_fail_memory(err);
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		if (parse_query(queries->items[i], &topics[i], &items[i], err) < 0)
			goto out;
	qsort(items, n, sizeof *items, compare);
	for (size_t i = 1; i < n; i++)
		if (compare(&items[i - 1], &items[i]) == 0) {
			mq_fail(err, MQ_USAGE, "-t: partition %d of %s is asked for twice",
			        items[i].partition, items[i].stream);
			goto out;
		}
	if (!address ||
	    mq_target_resolve(address, kcat->invocation->config, &kcat->invocation->settings,
	                      &target, err) < 0 ||
	    mq_open(&target, kcat->invocation->env, &conn, err) < 0 ||
	    locate(conn, items, n, err) < 0)
		goto out;
	if ((kcat->values->json ? write_json : write_text)(&buf, items, n, err) == 0)
		code = mq_print(&buf, err);
out:
	mq_buf_release(&buf);
	mq_close(conn);
	mq_target_release(&target);
	for (size_t i = 0; topics && i < n; i++)
		free(topics[i]);
	free(topics);
	free(items);
	free(address);
	return code < 0 ? (int)err->code : code;
}

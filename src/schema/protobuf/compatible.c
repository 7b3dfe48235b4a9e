/* Which change of a schema breaks readers: see compatible.h. */
#include "schema/protobuf/compatible.h"

#include <stdio.h>
#include <stdlib.h>

struct pair {
	const struct pb_message *reader, *writer;
};

struct comparing {
	const struct pb_model *reader, *writer;
	mq_conflict_fn *tell;
	void *ctx;
	struct mq_err *err;
	struct mq_buf path;
	struct pair *seen; /* imported messages that were compared, or are being */
	size_t n_seen, cap_seen;
	uint32_t conflicts;
	bool failed; /* no memory, or a path that is too long */
};

__attribute__((format(printf, 4, 5))) static void conflict(struct comparing *c, const char *rule,
                                                           const char *below, const char *fmt, ...)
{
	size_t len = c->path.len;
	char words[400];
	va_list args;

	c->conflicts++;
	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	if (mq_buf_printf(&c->path, c->err, "/%s", below) < 0 ||
	    mq_buf_append(&c->path, "", 1, c->err) < 0) {
		c->failed = true;
		return;
	}
	struct mq_conflict told = {.rule = rule, .path = c->path.data, .error = words};
	if (c->tell)
		c->tell(c->ctx, &told);
	c->path.len = len;
}

static bool below(struct comparing *c, struct mq_bytes name)
{
	if (mq_buf_append(&c->path, "/", 1, c->err) == 0 &&
	    mq_buf_append(&c->path, name.data, name.len, c->err) == 0)
		return true;
	c->failed = true;
	return false;
}

static struct mq_bytes short_name(const struct pb_message *message)
{
	const char *dot = memrchr(message->name.data, '.', message->name.len);

	if (!dot)
		return message->name;
	return mq_bytes_of(dot + 1, (size_t)(message->name.data + message->name.len - dot - 1));
}

/* A message's name without its package. */
static struct mq_bytes local_name(const struct pb_model *model, const struct pb_message *message)
{
	struct mq_bytes package = model->files[message->file].package, name = message->name;

	if (package.len == 0)
		return name;
	return mq_bytes_of(name.data + package.len + 1, name.len - package.len - 1);
}

/* --- fields ----------------------------------------------------------------------------------- */

enum kind { SCALAR, MAP, MESSAGE };

static enum kind kind_of(const struct pb_field *field)
{
	return !field->message ? SCALAR : field->map ? MAP : MESSAGE;
}

/* Types of one group can be read as one another. */
static unsigned group_of(const struct pb_field *field)
{
	switch ((enum pb_type)field->type) {
	case PB_INT32:
	case PB_INT64:
	case PB_UINT32:
	case PB_UINT64:
	case PB_BOOL:
	case PB_ENUM:
		return PB_INT32;
	case PB_SINT32:
	case PB_SINT64:
		return PB_SINT32;
	case PB_STRING:
	case PB_BYTES:
		return PB_STRING;
	case PB_FIXED32:
	case PB_SFIXED32:
		return PB_FIXED32;
	case PB_FIXED64:
	case PB_SFIXED64:
		return PB_FIXED64;
	default:
		return field->type;
	}
}

static void compare_messages(struct comparing *c, const struct pb_message *r,
                             const struct pb_message *w);

static bool root(const struct pb_model *model, const struct pb_message *message)
{
	return message->file == model->n_files - 1;
}

/* Two messages of one name that are not both of the files themselves: true when they fit. */
static bool imported_fit(struct comparing *c, const struct pb_message *r,
                         const struct pb_message *w)
{
	uint32_t before = c->conflicts;
	struct mq_buf path = c->path;

	for (size_t i = 0; i < c->n_seen; i++)
		if (c->seen[i].reader == r && c->seen[i].writer == w)
			return true;
	if (c->n_seen == c->cap_seen) {
		size_t cap = c->cap_seen ? 2 * c->cap_seen : 32;
		struct pair *more = realloc(c->seen, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(c->err);
			c->failed = true;
			return true;
		}
		c->seen = more;
		c->cap_seen = cap;
	}
	c->seen[c->n_seen++] = (struct pair){r, w};
	/* Their places begin at the root, as the registry's do. */
	mq_buf_init(&c->path, path.limit);
	struct mq_bytes name = local_name(c->reader, r);
	if (mq_buf_append(&c->path, "#/", 2, c->err) < 0 ||
	    mq_buf_append(&c->path, name.data, name.len, c->err) < 0)
		c->failed = true;
	for (size_t i = 0; i < c->path.len; i++)
		if (c->path.data[i] == '.')
			c->path.data[i] = '/';
	if (!c->failed)
		compare_messages(c, r, w);
	mq_buf_release(&c->path);
	c->path = path;
	return c->conflicts == before;
}

static void compare_types(struct comparing *c, const struct pb_field *r, const struct pb_field *w,
                          const char *number)
{
	int len = (int)r->name.len;
	const char *name = r->name.data;

	if (kind_of(r) != kind_of(w)) {
		static const char *const words[] = {"a scalar", "a map", "a message"};
		conflict(c, "FIELD_KIND_CHANGED", number, "the field %.*s is %s, and was %s", len,
		         name, words[kind_of(r)], words[kind_of(w)]);
	} else if (kind_of(r) == MAP) {
		compare_types(c, &r->message->fields[0], &w->message->fields[0], number);
		compare_types(c, &r->message->fields[1], &w->message->fields[1], number);
	} else if (kind_of(r) == SCALAR && group_of(r) != group_of(w)) {
		conflict(c, "FIELD_SCALAR_KIND_CHANGED", number,
		         "the field %.*s is %s, which does not read %s", len, name,
		         pb_type_name((enum pb_type)r->type), pb_type_name((enum pb_type)w->type));
	} else if (kind_of(r) == SCALAR && r->repeated != w->repeated && group_of(r) != PB_STRING) {
		conflict(c, "FIELD_NUMERIC_LABEL_CHANGED", number,
		         "the field %.*s is %s, and was %s", len, name,
		         r->repeated ? "repeated" : "one number",
		         w->repeated ? "repeated" : "one number");
	} else if (kind_of(r) == MESSAGE) {
		struct mq_bytes is = local_name(c->reader, r->message);
		struct mq_bytes was = local_name(c->writer, w->message);
		if (!mq_bytes_equal(is, was))
			conflict(c, "FIELD_NAMED_TYPE_CHANGED", number,
			         "the field %.*s is of type %.*s, and was of %.*s", len, name,
			         (int)is.len, is.data, (int)was.len, was.data);
		else if (!(root(c->reader, r->message) && root(c->writer, w->message)) &&
		         !imported_fit(c, r->message, w->message))
			conflict(c, "FIELD_NAMED_TYPE_CHANGED", number,
			         "the type %.*s of the field %.*s has changed", (int)is.len,
			         is.data, len, name);
	}
}

/* --- oneofs ----------------------------------------------------------------------------------- */

static bool has_oneof(const struct pb_message *message, struct mq_bytes name)
{
	for (uint32_t i = 0; i < message->n_oneofs; i++)
		if (mq_bytes_equal(message->oneofs[i], name))
			for (uint32_t f = 0; f < message->n; f++)
				if (message->fields[f].oneof == (int32_t)i)
					return true;
	return false;
}

/* A oneof that is gone with all its members takes nothing from those that stayed. */
static bool deleted_whole(const struct pb_message *r, const struct pb_message *w, int32_t oneof)
{
	if (has_oneof(r, w->oneofs[oneof]))
		return false;
	for (uint32_t i = 0; i < w->n; i++)
		if (w->fields[i].oneof == oneof && pb_field_numbered(r, w->fields[i].number))
			return false;
	return true;
}

/* Members of the reader's oneof that were not exclusive in the writer lose one another's values. */
static void compare_oneof(struct comparing *c, const struct pb_message *r,
                          const struct pb_message *w, int32_t oneof)
{
	uint32_t alone = 0, groups = 0;
	int32_t last = -1;
	char name[256];

	for (uint32_t i = 0; i < r->n; i++) {
		const struct pb_field *was =
		    r->fields[i].oneof == oneof ? pb_field_numbered(w, r->fields[i].number) : NULL;
		if (was && was->oneof < 0)
			alone++, groups++;
		else if (was && was->oneof != last)
			last = was->oneof, groups++;
	}
	if (groups < 2)
		return;
	snprintf(name, sizeof name, "%.*s", (int)r->oneofs[oneof].len, r->oneofs[oneof].data);
	if (alone > 1)
		conflict(c, "MULTIPLE_FIELDS_MOVED_TO_ONEOF", name,
		         "%u fields that could be set together are now in the oneof %s", alone,
		         name);
	else
		conflict(c, "FIELD_MOVED_TO_EXISTING_ONEOF", name,
		         "fields that could be set together are now in the oneof %s", name);
}

/* --- messages --------------------------------------------------------------------------------- */

static void compare_field(struct comparing *c, const struct pb_field *r, const struct pb_field *w)
{
	char number[16];

	snprintf(number, sizeof number, "%u", r->number);
	if (r->required && !w->required)
		conflict(c, "REQUIRED_FIELD_ADDED", number, "the field %.*s is now required",
		         (int)r->name.len, r->name.data);
	compare_types(c, r, w, number);
}

static void field_gone(struct comparing *c, const struct pb_message *r, const struct pb_message *w,
                       const struct pb_field *field)
{
	char place[300];

	if (field->oneof >= 0 && !deleted_whole(r, w, field->oneof)) {
		struct mq_bytes oneof = w->oneofs[field->oneof];
		snprintf(place, sizeof place, "%.*s/%u", (int)oneof.len, oneof.data, field->number);
		conflict(c, "ONEOF_FIELD_REMOVED", place,
		         "the member %.*s of the oneof %.*s is gone", (int)field->name.len,
		         field->name.data, (int)oneof.len, oneof.data);
	} else if (field->required) {
		snprintf(place, sizeof place, "%u", field->number);
		conflict(c, "REQUIRED_FIELD_REMOVED", place, "the required field %.*s is gone",
		         (int)field->name.len, field->name.data);
	}
}

/* The writer's message of that name among those beside it. */
static const struct pb_message *counterpart(const struct pb_model *model,
                                            const struct pb_message *parent, uint32_t file,
                                            struct mq_bytes name)
{
	for (uint32_t i = 0; i < model->n_messages; i++) {
		const struct pb_message *message = &model->messages[i];
		if (message->parent == parent && message->file == file &&
		    mq_bytes_equal(short_name(message), name))
			return message;
	}
	return NULL;
}

/* The messages of two files, or those nested in two messages. */
static void compare_lists(struct comparing *c, const struct pb_message *r, uint32_t r_file,
                          const struct pb_message *w, uint32_t w_file)
{
	for (uint32_t i = 0; i < c->writer->n_messages && !c->failed; i++) {
		const struct pb_message *was = &c->writer->messages[i];
		size_t len = c->path.len;
		char name[256];
		if (was->parent != w || was->file != w_file || was->entry)
			continue;
		const struct pb_message *is = counterpart(c->reader, r, r_file, short_name(was));
		if (!is) {
			snprintf(name, sizeof name, "%.*s", (int)short_name(was).len,
			         short_name(was).data);
			conflict(c, "MESSAGE_REMOVED", name, "the message %.*s is gone",
			         (int)was->name.len, was->name.data);
		} else if (below(c, short_name(is))) {
			compare_messages(c, is, was);
			c->path.len = len;
		}
	}
}

static void compare_messages(struct comparing *c, const struct pb_message *r,
                             const struct pb_message *w)
{
	for (uint32_t i = 0; i < r->n_oneofs; i++)
		compare_oneof(c, r, w, (int32_t)i);
	for (uint32_t i = 0; i < w->n; i++) {
		const struct pb_field *is = pb_field_numbered(r, w->fields[i].number);
		if (is)
			compare_field(c, is, &w->fields[i]);
		else
			field_gone(c, r, w, &w->fields[i]);
	}
	for (uint32_t i = 0; i < r->n; i++) {
		char number[16];
		if (!r->fields[i].required || pb_field_numbered(w, r->fields[i].number))
			continue;
		snprintf(number, sizeof number, "%u", r->fields[i].number);
		conflict(c, "REQUIRED_FIELD_ADDED", number, "the required field %.*s is new",
		         (int)r->fields[i].name.len, r->fields[i].name.data);
	}
	compare_lists(c, r, r->file, w, w->file);
}

int pb_can_read(const struct pb_model *reader, const struct pb_model *writer, mq_conflict_fn *tell,
                void *ctx, struct mq_err *err)
{
	struct comparing c = {
	    .reader = reader, .writer = writer, .tell = tell, .ctx = ctx, .err = err};
	const struct pb_file *is = &reader->files[reader->n_files - 1];
	const struct pb_file *was = &writer->files[writer->n_files - 1];

	mq_buf_init(&c.path, 64 * 1024);
	if (mq_buf_append(&c.path, "#", 1, err) < 0)
		return -1;
	if (!mq_bytes_equal(is->package, was->package))
		conflict(&c, "PACKAGE_CHANGED", "", "the package is '%.*s', and was '%.*s'",
		         (int)is->package.len, is->package.data, (int)was->package.len,
		         was->package.data);
	compare_lists(&c, NULL, reader->n_files - 1, NULL, writer->n_files - 1);
	mq_buf_release(&c.path);
	free(c.seen);
	return c.failed ? -1 : c.conflicts == 0;
}

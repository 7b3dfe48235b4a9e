/* The schema of what was collected: see mqtk/infer.h. */
#include "schema/json/infer.h"

#include "mqtk/format.h"

#include <inttypes.h>
#include <stdlib.h>

/* Writes members and items one a line. All remember the first failure. */
struct writer {
	struct mq_infer *infer;
	struct mq_buf *buf;
	unsigned depth;
	bool begun; /* the object or array at hand has an element */
};

static void check(struct writer *w, int result)
{
	w->infer->failed = w->infer->failed || result < 0;
}

static void text(struct writer *w, const char *what)
{
	check(w, mq_buf_append_str(w->buf, what, w->infer->err));
}

static void next_line(struct writer *w)
{
	text(w, w->begun ? ",\n" : "\n");
	for (unsigned i = 0; i < w->depth; i++)
		text(w, "  ");
	w->begun = true;
}

static void member(struct writer *w, const char *name)
{
	next_line(w);
	check(w, mq_buf_printf(w->buf, w->infer->err, "\"%s\": ", name));
}

static void open(struct writer *w, const char *bracket)
{
	text(w, bracket);
	w->depth++;
	w->begun = false;
}

static void close(struct writer *w, const char *bracket)
{
	bool empty = !w->begun;

	w->depth--;
	w->begun = false;
	if (!empty)
		next_line(w);
	text(w, bracket);
	w->begun = true;
}

/* --- one place -------------------------------------------------------------------------------- */

static void put_type(struct writer *w, const struct infer_node *node)
{
	const char *types[6];
	size_t n = 0;

	if (node->objects)
		types[n++] = "object";
	if (node->arrays)
		types[n++] = "array";
	if (node->strings)
		types[n++] = "string";
	if (node->integers || node->fractions)
		types[n++] = node->fractions ? "number" : "integer";
	if (node->booleans)
		types[n++] = "boolean";
	if (node->nulls)
		types[n++] = "null";
	if (n == 0)
		return;
	member(w, "type");
	if (n == 1) {
		check(w, mq_buf_printf(w->buf, w->infer->err, "\"%s\"", types[0]));
		return;
	}
	open(w, "[");
	for (size_t i = 0; i < n; i++) {
		next_line(w);
		check(w, mq_buf_printf(w->buf, w->infer->err, "\"%s\"", types[i]));
	}
	close(w, "]");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Strings, and null beside them, that are few. */
static bool put_listed(struct writer *w, struct infer_node *node)
{
	if (node->strings + node->nulls != node->n || node->n_listed == 0 || node->unlisted ||
	    node->strings < 2 * (int64_t)node->n_listed)
		return false;
	qsort(node->listed, node->n_listed, sizeof *node->listed, by_text);
	member(w, "enum");
	open(w, "[");
	for (size_t i = 0; i < node->n_listed; i++) {
		next_line(w);
		text(w, node->listed[i]);
	}
	if (node->nulls) {
		next_line(w);
		text(w, "null");
	}
	close(w, "]");
	return true;
}

static void put_count(struct writer *w, const char *name, uint64_t count)
{
	member(w, name);
	check(w, mq_buf_printf(w->buf, w->infer->err, "%" PRIu64, count));
}

static void put_scalar_rules(struct writer *w, const struct infer_node *node)
{
	bool ranges = w->infer->spec.ranges;

	for (unsigned i = 0; i < INFER_FORMATS && w->infer->spec.format_min > 0; i++) {
		if (node->strings < w->infer->spec.format_min || !(node->formats & 1u << i))
			continue;
		member(w, "format");
		check(w, mq_buf_printf(w->buf, w->infer->err, "\"%s\"", infer_formats[i]));
		break;
	}
	if (ranges && node->strings) {
		put_count(w, "minLength", node->min_length);
		put_count(w, "maxLength", node->max_length);
	}
	if (ranges && node->least && node->most && !node->unbounded) {
		member(w, "minimum");
		text(w, node->least);
		member(w, "maximum");
		text(w, node->most);
	}
}

/* schema: its $schema, or NULL. */
static void put_node(struct writer *w, struct infer_node *node, const char *schema);

static int by_name(const void *a, const void *b)
{
	const struct infer_property *x = a, *y = b;
	int order = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void put_name(struct writer *w, const struct infer_property *property)
{
	next_line(w);
	check(w, mq_json_append_bytes(w->buf, mq_bytes_of(property->name, property->len),
	                              w->infer->err));
}

static void put_properties(struct writer *w, struct infer_node *node)
{
	struct infer_property *sorted;
	size_t n = 0, required = 0;

	sorted = malloc(node->n_properties * sizeof *sorted);
	if (!sorted) {
		w->infer->failed = true;
		(void)mq_fail_memory(w->infer->err);
		return;
	}
	for (size_t i = 0; i < node->cap_properties; i++)
		if (node->properties[i].name)
			sorted[n++] = node->properties[i];
	qsort(sorted, n, sizeof *sorted, by_name);
	member(w, "properties");
	open(w, "{");
	for (size_t i = 0; i < n; i++) {
		put_name(w, &sorted[i]);
		text(w, ": ");
		put_node(w, sorted[i].node, NULL);
		required += sorted[i].node->n == node->objects;
	}
	close(w, "}");
	if (required > 0) {
		member(w, "required");
		open(w, "[");
		for (size_t i = 0; i < n; i++)
			if (sorted[i].node->n == node->objects)
				put_name(w, &sorted[i]);
		close(w, "]");
	}
	free(sorted);
}

/* Names that are data rather than names: many, and none that is always there. */
static bool is_map(const struct mq_infer *infer, const struct infer_node *node)
{
	if (infer->spec.map_names == 0 || (int64_t)node->n_properties <= infer->spec.map_names)
		return false;
	for (size_t i = 0; i < node->cap_properties; i++)
		if (node->properties[i].name && node->properties[i].node->n == node->objects)
			return false;
	return true;
}

static void put_node(struct writer *w, struct infer_node *node, const char *schema)
{
	if (w->infer->failed)
		return;
	open(w, "{");
	if (schema) {
		member(w, "$schema");
		check(w, mq_buf_printf(w->buf, w->infer->err, "\"%s\"", schema));
	}
	if (!node->any) {
		if (node->objects && is_map(w->infer, node))
			infer_fold(w->infer, node);
		if (!put_listed(w, node)) {
			put_type(w, node);
			put_scalar_rules(w, node);
		}
		if (node->items) {
			member(w, "items");
			put_node(w, node->items, NULL);
		}
		if (node->arrays && w->infer->spec.ranges) {
			put_count(w, "minItems", node->min_items);
			put_count(w, "maxItems", node->max_items);
		}
		if (node->n_properties > 0)
			put_properties(w, node);
		if (node->values || (node->objects && w->infer->spec.closed)) {
			member(w, "additionalProperties");
			if (node->values)
				put_node(w, node->values, NULL);
			else
				text(w, "false");
		}
	}
	close(w, "}");
}

int mq_infer_write(struct mq_infer *infer, struct mq_buf *buf, struct mq_err *err)
{
	static const char *const uris[] = {
	    [JS_DRAFT_4] = "http://json-schema.org/draft-04/schema#",
	    [JS_DRAFT_6] = "http://json-schema.org/draft-06/schema#",
	    [JS_DRAFT_7] = "http://json-schema.org/draft-07/schema#",
	    [JS_DRAFT_2019_09] = "https://json-schema.org/draft/2019-09/schema",
	    [JS_DRAFT_2020_12] = "https://json-schema.org/draft/2020-12/schema",
	};
	struct writer w = {.infer = infer, .buf = buf};

	infer->err = err;
	put_node(&w, infer->root, uris[infer->draft]);
	text(&w, "\n");
	return infer->failed ? -1 : 0;
}

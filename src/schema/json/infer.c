/* Collecting what samples are like: see mqtk/infer.h. */
#include "schema/json/infer.h"

#include "mqtk/format.h"
#include "schema/json/number.h"

#include <stdlib.h>

enum {
	SAMPLE_MAX = 1 << 30,
	DEPTH_MAX = 100,   /* of what is looked into: a schema nests twice as deep */
	NAMES_MAX = 10000, /* of one object */
	NAME_MAX_BYTES = 4096,
	LISTED_MAX_BYTES = 256,
	NUMBER_MAX_BYTES = 400,
	BYTES_MAX = 256 << 20, /* above, objects become maps */
};

const char *const infer_formats[INFER_FORMATS] = {"date-time", "date", "time",  "uuid",
                                                  "ipv4",      "ipv6", "email", "uri"};

/* --- memory ----------------------------------------------------------------------------------- */

static void *keep(struct mq_infer *infer, size_t size)
{
	void *kept = infer->failed ? NULL : calloc(1, size);

	if (!kept) {
		if (!infer->failed)
			mq_fail_memory(infer->err);
		infer->failed = true;
		return NULL;
	}
	infer->bytes += size;
	return kept;
}

static void let_go(struct mq_infer *infer, void *kept, size_t size)
{
	if (kept)
		infer->bytes -= size;
	free(kept);
}

static void let_go_text(struct mq_infer *infer, char *text)
{
	if (text)
		let_go(infer, text, strlen(text) + 1);
}

static char *keep_text(struct mq_infer *infer, struct mq_bytes text)
{
	char *kept = keep(infer, text.len + 1);

	if (kept)
		memcpy(kept, text.data, text.len);
	return kept;
}

static struct infer_node *new_node(struct mq_infer *infer)
{
	struct infer_node *node = keep(infer, sizeof *node);

	if (node)
		node->formats = (1 << INFER_FORMATS) - 1;
	return node;
}

static void free_listed(struct mq_infer *infer, struct infer_node *node)
{
	for (size_t i = 0; i < node->n_listed; i++)
		let_go_text(infer, node->listed[i]);
	free(node->listed);
	node->listed = NULL;
	node->n_listed = 0;
}

static void free_properties(struct mq_infer *infer, struct infer_node *node)
{
	for (size_t i = 0; i < node->cap_properties; i++) {
		struct infer_property *property = &node->properties[i];
		if (!property->name)
			continue;
		let_go(infer, property->name, property->len + 1);
		infer_node_free(infer, property->node);
	}
	let_go(infer, node->properties, node->cap_properties * sizeof *node->properties);
	node->properties = NULL;
	node->n_properties = node->cap_properties = 0;
}

void infer_node_free(struct mq_infer *infer, struct infer_node *node)
{
	if (!node)
		return;
	free_listed(infer, node);
	free_properties(infer, node);
	infer_node_free(infer, node->items);
	infer_node_free(infer, node->values);
	let_go_text(infer, node->least);
	let_go_text(infer, node->most);
	let_go(infer, node, sizeof *node);
}

/* --- merging ---------------------------------------------------------------------------------- */

static struct infer_property *find_property(const struct infer_node *node, struct mq_bytes name)
{
	size_t mask = node->cap_properties - 1;
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.data[i]) * 1099511628211u;
	for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
		struct infer_property *property = &node->properties[i];
		if (!property->name ||
		    (property->len == name.len && memcmp(property->name, name.data, name.len) == 0))
			return property;
	}
}

static bool grow_properties(struct mq_infer *infer, struct infer_node *node)
{
	struct infer_node old = *node;
	size_t cap = old.cap_properties ? 2 * old.cap_properties : 8;
	struct infer_property *more = keep(infer, cap * sizeof *more);

	if (!more)
		return false;
	node->properties = more;
	node->cap_properties = cap;
	for (size_t i = 0; i < old.cap_properties; i++)
		if (old.properties[i].name)
			*find_property(node,
			               mq_bytes_of(old.properties[i].name, old.properties[i].len)) =
			    old.properties[i];
	let_go(infer, old.properties, old.cap_properties * sizeof *old.properties);
	return true;
}

static void list_text(struct mq_infer *infer, struct infer_node *node, const char *text);
static void bound(struct mq_infer *infer, struct infer_node *node, struct mq_bytes number);

/* What two places were like, as one. Takes `from`. */
static void merge(struct mq_infer *infer, struct infer_node **into, struct infer_node *from)
{
	struct infer_node *node = *into;

	if (!from || !node) {
		*into = node ? node : from;
		return;
	}
	if (from->strings > 0 && (node->strings == 0 || from->min_length < node->min_length))
		node->min_length = from->min_length;
	if (from->strings > 0 && from->max_length > node->max_length)
		node->max_length = from->max_length;
	if (from->arrays > 0 && (node->arrays == 0 || from->min_items < node->min_items))
		node->min_items = from->min_items;
	if (from->arrays > 0 && from->max_items > node->max_items)
		node->max_items = from->max_items;
	node->n += from->n;
	node->objects += from->objects;
	node->arrays += from->arrays;
	node->strings += from->strings;
	node->integers += from->integers;
	node->fractions += from->fractions;
	node->booleans += from->booleans;
	node->nulls += from->nulls;
	node->any |= from->any;
	node->formats &= from->formats;
	node->unlisted |= from->unlisted;
	node->unbounded |= from->unbounded;
	for (size_t i = 0; i < from->n_listed; i++)
		list_text(infer, node, from->listed[i]);
	if (from->least)
		bound(infer, node, mq_bytes_str(from->least));
	if (from->most)
		bound(infer, node, mq_bytes_str(from->most));
	merge(infer, &node->items, from->items);
	from->items = NULL;
	if (node->values || from->values || node->n_properties + from->n_properties > NAMES_MAX) {
		infer_fold(infer, node);
		infer_fold(infer, from);
		merge(infer, &node->values, from->values);
		from->values = NULL;
	}
	for (size_t i = 0; i < from->cap_properties; i++) {
		struct infer_property *property = &from->properties[i];
		if (!property->name)
			continue;
		if (2 * node->n_properties >= node->cap_properties && !grow_properties(infer, node))
			break;
		struct infer_property *mine =
		    find_property(node, mq_bytes_of(property->name, property->len));
		if (!mine->name) {
			*mine = *property;
			node->n_properties++;
			property->name = NULL;
			continue;
		}
		merge(infer, &mine->node, property->node);
		property->node = NULL;
	}
	infer_node_free(infer, from);
}

void infer_fold(struct mq_infer *infer, struct infer_node *node)
{
	struct infer_property *properties = node->properties;
	size_t cap = node->cap_properties;

	node->properties = NULL;
	node->n_properties = node->cap_properties = 0;
	for (size_t i = 0; i < cap; i++) {
		if (!properties[i].name)
			continue;
		let_go(infer, properties[i].name, properties[i].len + 1);
		merge(infer, &node->values, properties[i].node);
	}
	let_go(infer, properties, cap * sizeof *properties);
	if (!node->values)
		node->values = new_node(infer);
}

/* --- scalars ---------------------------------------------------------------------------------- */

static void list_text(struct mq_infer *infer, struct infer_node *node, const char *text)
{
	if (node->unlisted)
		return;
	for (size_t i = 0; i < node->n_listed; i++)
		if (strcmp(node->listed[i], text) == 0)
			return;
	if ((int64_t)node->n_listed >= infer->spec.enum_max || strlen(text) > LISTED_MAX_BYTES) {
		node->unlisted = true;
		free_listed(infer, node);
		return;
	}
	char **more = realloc(node->listed, (node->n_listed + 1) * sizeof *more);
	if (more)
		node->listed = more;
	char *kept = more ? keep_text(infer, mq_bytes_str(text)) : NULL;
	if (kept)
		node->listed[node->n_listed++] = kept;
	else
		node->unlisted = true;
}

/* Things that only look like a URI by the letter of the standard are more often something else. */
static bool fits(const struct mq_infer *infer, unsigned format, struct mq_bytes text)
{
	static const char slashes[] = "://";

	if (!infer->formats[format] || !infer->formats[format]->check(text))
		return false;
	return strcmp(infer_formats[format], "uri") != 0 ||
	       memmem(text.data, text.len, slashes, 3) ||
	       (text.len > 4 && memcmp(text.data, "urn:", 4) == 0);
}

static void take_string(struct mq_infer *infer, struct infer_node *node, uint32_t i)
{
	const struct js_value *value = &infer->doc.values[i];
	struct mq_bytes text = js_text(&infer->doc, i);
	size_t length = js_characters(value);

	if (node->strings == 0 || length < node->min_length)
		node->min_length = length;
	if (length > node->max_length)
		node->max_length = length;
	node->strings++;
	for (unsigned format = 0; format < INFER_FORMATS && node->formats; format++)
		if (node->formats & 1u << format && !fits(infer, format, text))
			node->formats &= (uint8_t) ~(1u << format);
	if (infer->spec.enum_max == 0 || node->unlisted)
		return;
	struct mq_buf json;
	mq_buf_init(&json, 8 * LISTED_MAX_BYTES);
	if (text.len > LISTED_MAX_BYTES || js_write(&infer->doc, i, 0, &json, NULL) < 0 ||
	    mq_buf_append_char(&json, '\0', NULL) < 0) {
		node->unlisted = true;
		free_listed(infer, node);
	} else {
		list_text(infer, node, json.data);
	}
	mq_buf_release(&json);
}

static struct js_value number_value(struct mq_bytes text)
{
	return (struct js_value){
	    .type = JS_NUMBER, .len = (uint32_t)text.len, .at.text = text.data};
}

static void keep_bound(struct mq_infer *infer, char **bound, struct mq_bytes number, int sign)
{
	struct js_value now = number_value(number);

	if (*bound) {
		struct js_value before = number_value(mq_bytes_str(*bound));
		int order = js_number_compare(&now, &before);
		/* Of 1 and 1.0 always the same is kept. */
		bool shorter = number.len < before.len ||
		               (number.len == before.len &&
		                memcmp(number.data, before.at.text, number.len) < 0);
		if (order == 0 ? !shorter : order * sign < 0)
			return;
	}
	char *kept = keep_text(infer, number);
	if (kept) {
		let_go_text(infer, *bound);
		*bound = kept;
	}
}

static void bound(struct mq_infer *infer, struct infer_node *node, struct mq_bytes number)
{
	if (number.len > NUMBER_MAX_BYTES)
		node->unbounded = true;
	if (node->unbounded || !infer->spec.ranges)
		return;
	keep_bound(infer, &node->least, number, -1);
	keep_bound(infer, &node->most, number, 1);
}

static void take_number(struct mq_infer *infer, struct infer_node *node, uint32_t i)
{
	const struct js_value *value = &infer->doc.values[i];
	struct mq_bytes text = js_text(&infer->doc, i);
	bool integer = js_number_is_integer(value);

	/* In draft 4, 1.0 is none for many. */
	if (infer->draft == JS_DRAFT_4 &&
	    (memchr(text.data, '.', text.len) || memchr(text.data, 'e', text.len) ||
	     memchr(text.data, 'E', text.len)))
		integer = false;
	*(integer ? &node->integers : &node->fractions) += 1;
	bound(infer, node, text);
}

/* --- containers ------------------------------------------------------------------------------- */

static void take_value(struct mq_infer *infer, struct infer_node *node, uint32_t i, unsigned depth);

/* The node of a name, or that of all names. */
static struct infer_node *node_for(struct mq_infer *infer, struct infer_node *node,
                                   struct mq_bytes name)
{
	if (!node->values && node->n_properties > 0) {
		struct infer_property *found = find_property(node, name);
		if (found->name)
			return found->node;
	}
	if (!node->values && (node->n_properties >= NAMES_MAX || name.len > NAME_MAX_BYTES ||
	                      infer->bytes > BYTES_MAX))
		infer_fold(infer, node);
	if (node->values || infer->failed)
		return node->values;
	if (2 * node->n_properties >= node->cap_properties && !grow_properties(infer, node))
		return NULL;
	struct infer_property *property = find_property(node, name);
	struct infer_node *made = new_node(infer);
	char *kept = made ? keep_text(infer, name) : NULL;
	if (!kept) {
		infer_node_free(infer, made);
		return NULL;
	}
	*property = (struct infer_property){kept, name.len, made};
	node->n_properties++;
	return made;
}

static void take_object(struct mq_infer *infer, struct infer_node *node, uint32_t i, unsigned depth)
{
	const struct js_doc *doc = &infer->doc;

	node->objects++;
	for (uint32_t key = i + 1; key < doc->values[i].at.end && !infer->failed;
	     key = js_next(doc, key + 1)) {
		struct infer_node *child = node_for(infer, node, js_text(doc, key));
		if (child)
			take_value(infer, child, key + 1, depth + 1);
	}
}

static void take_array(struct mq_infer *infer, struct infer_node *node, uint32_t i, unsigned depth)
{
	const struct js_doc *doc = &infer->doc;
	uint64_t n = doc->values[i].len;

	if (node->arrays == 0 || n < node->min_items)
		node->min_items = n;
	if (n > node->max_items)
		node->max_items = n;
	node->arrays++;
	if (n > 0 && !node->items)
		node->items = new_node(infer);
	for (uint32_t item = i + 1; item < doc->values[i].at.end && !infer->failed;
	     item = js_next(doc, item))
		take_value(infer, node->items, item, depth + 1);
}

static void take_value(struct mq_infer *infer, struct infer_node *node, uint32_t i, unsigned depth)
{
	node->n++;
	switch ((enum js_type)infer->doc.values[i].type) {
	case JS_NULL:
		node->nulls++;
		break;
	case JS_FALSE:
	case JS_TRUE:
		node->booleans++;
		break;
	case JS_NUMBER:
		take_number(infer, node, i);
		break;
	case JS_STRING:
		take_string(infer, node, i);
		break;
	case JS_ARRAY:
	case JS_OBJECT:
		if (depth >= DEPTH_MAX || infer->bytes > 2 * (size_t)BYTES_MAX)
			node->any = true;
		else if (infer->doc.values[i].type == JS_ARRAY)
			take_array(infer, node, i, depth);
		else
			take_object(infer, node, i, depth);
		break;
	}
}

/* --- samples ---------------------------------------------------------------------------------- */

int mq_infer_new(const struct mq_infer_spec *spec, struct mq_infer **ret, struct mq_err *err)
{
	struct mq_infer *infer = calloc(1, sizeof *infer);

	*ret = infer;
	if (!infer)
		return mq_fail_memory(err);
	infer->spec = *spec;
	infer->err = err;
	/* The drafts stand in one order in both. */
	infer->draft =
	    spec->draft == MQ_DRAFT_UNSET ? JS_DRAFT_2020_12 : (enum js_draft)spec->draft;
	for (size_t i = 0; i < INFER_FORMATS; i++)
		infer->formats[i] = js_format_find(mq_bytes_str(infer_formats[i]), infer->draft);
	js_doc_init(&infer->doc);
	mq_buf_init(&infer->text, SIZE_MAX);
	infer->root = new_node(infer);
	return infer->failed ? -1 : 0;
}

void mq_infer_free(struct mq_infer *infer)
{
	if (!infer)
		return;
	infer_node_free(infer, infer->root);
	js_doc_release(&infer->doc);
	mq_buf_release(&infer->text);
	free(infer);
}

int mq_infer_take(struct mq_infer *infer, struct mq_bytes text, struct mq_err *err)
{
	struct js_problem problem;

	infer->err = err;
	mq_buf_clear(&infer->text);
	if (text.len > SAMPLE_MAX)
		return mq_fail(err, MQ_DATA, "a sample of %zu bytes is too large", text.len);
	if (mq_buf_append(&infer->text, text.data, text.len, err) < 0 ||
	    mq_buf_append_char(&infer->text, '\0', err) < 0)
		return -1;
	int parsed = js_parse(&infer->doc, infer->text.data, text.len, &problem, err);
	if (parsed < 0)
		return -1;
	if (parsed == 0)
		return mq_fail(err, MQ_DATA, "%s, at byte %zu", problem.words, problem.offset + 1);
	take_value(infer, infer->root, 0, 0);
	return infer->failed ? -1 : 0;
}

int64_t mq_infer_count(const struct mq_infer *infer)
{
	return infer->root->n;
}

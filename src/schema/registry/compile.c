/* What is registered, compiled with all that it refers to: mq_registry_schema. */
#include "schema/registry/client.h"

#include <stdlib.h>

enum {
	DEPTH_MAX = 100,
	GATHERED_MAX = 1000,
};

/* A schema that is referred to, under the name that the referring one gives it. */
struct gathered_one {
	const char *name;
	const struct mq_registered *registered;
};

struct gathering {
	struct mq_registry *registry;
	const struct mq_registered *path[DEPTH_MAX]; /* from the root to the one looked at */
	size_t depth;
	struct gathered_one *items; /* each behind those that it needs */
	size_t n, cap;
	mq_schema_load_fn *load; /* the caller's, for what is no reference */
	void *load_ctx;
};

static int add(struct gathering *all, const char *name, const struct mq_registered *registered,
               struct mq_err *err)
{
	if (all->n == GATHERED_MAX)
		return mq_fail(err, MQ_DATA, "it refers to more than %d schemas", GATHERED_MAX);
	if (all->n == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 8;
		struct gathered_one *items = realloc(all->items, cap * sizeof *items);
		if (!items)
			return mq_fail_memory(err);
		all->items = items;
		all->cap = cap;
	}
	all->items[all->n++] = (struct gathered_one){name, registered};
	return 0;
}

static bool is_gathered(const struct gathering *all, const struct mq_registered *registered)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].registered == registered)
			return true;
	return false;
}

static int follow(struct gathering *all, const struct mq_registry_reference *reference,
                  const struct mq_registered **ret, struct mq_err *err)
{
	bool latest = reference->version == MQ_REFERENCE_LATEST;
	struct mq_err why = MQ_ERR_INIT;

	if (mq_registry_version(all->registry, reference->subject, latest ? 0 : reference->version,
	                        !latest, ret, &why) < 0) {
		if (why.code == MQ_NOT_FOUND && latest)
			return mq_fail(err, MQ_DATA,
			               "it refers to '%.150s' as the latest version of '%.150s', "
			               "which the registry does not have",
			               reference->name, reference->subject);
		if (why.code == MQ_NOT_FOUND)
			return mq_fail(err, MQ_DATA,
			               "it refers to '%.150s' as version %d of '%.150s', which the "
			               "registry does not have",
			               reference->name, (int)reference->version,
			               reference->subject);
		*err = why;
		return -1;
	}
	for (size_t i = 0; i < all->depth; i++)
		if (all->path[i] == *ret)
			return mq_fail(err, MQ_DATA,
			               "its references go in a circle: '%.150s' needs itself",
			               reference->subject);
	return 0;
}

/* Everything that registered refers to, each after what it needs itself. */
static int gather(struct gathering *all, const struct mq_registered *registered, struct mq_err *err)
{
	if (all->depth == DEPTH_MAX)
		return mq_fail(err, MQ_DATA, "its references nest deeper than %d", DEPTH_MAX);
	all->path[all->depth++] = registered;
	for (size_t i = 0; i < registered->n_references; i++) {
		const struct mq_registry_reference *reference = &registered->references[i];
		const struct mq_registered *other = NULL;
		if (follow(all, reference, &other, err) < 0 ||
		    (!is_gathered(all, other) && gather(all, other, err) < 0) ||
		    add(all, reference->name, other, err) < 0)
			return -1;
	}
	all->depth--;
	return 0;
}

/* --- for compilers that ask by name ----------------------------------------------------------- */

/* A relative URI as a reference's name, and the absolute one that it became. */
static bool ends_as_path(const char *name, const char *ending)
{
	size_t len = strlen(name), more = strlen(ending);

	return more > 0 && len > more && name[len - more - 1] == '/' &&
	       strcmp(name + len - more, ending) == 0;
}

static int load(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err)
{
	const struct gathering *all = ctx;
	const struct gathered_one *best = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct gathered_one *item = &all->items[i];
		if (strcmp(item->name, name) == 0) {
			best = item;
			break;
		}
		if (ends_as_path(name, item->name) &&
		    (!best || strlen(item->name) > strlen(best->name)))
			best = item;
	}
	if (best) {
		struct mq_bytes text = best->registered->text;
		return mq_buf_append(buf, text.data, text.len, err) < 0 ? -1 : 1;
	}
	return all->load ? all->load(all->load_ctx, name, buf, err) : 0;
}

/* --- compiling -------------------------------------------------------------------------------- */

/* The texts in their order, each once. */
static size_t texts_of(const struct gathering *all, struct mq_bytes *texts)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		bool again = false;
		for (size_t j = 0; j < i && !again; j++)
			again = all->items[j].registered == all->items[i].registered;
		if (!again)
			texts[n++] = all->items[i].registered->text;
	}
	return n;
}

static int compile(struct mq_registry *registry, const struct mq_registered *registered,
                   const struct mq_schema_spec *wanted, struct mq_schema **ret, struct mq_err *err)
{
	struct gathering all = {
	    .registry = registry, .load = wanted->load, .load_ctx = wanted->load_ctx};
	struct mq_schema_spec spec = *wanted;
	struct mq_bytes *texts = NULL;
	char name[MQ_REGISTERED_NAME];
	int result = -1;

	if (registered->kind == MQ_SCHEMA_UNKNOWN)
		return mq_fail(err, MQ_DATA, "it is of the type %s, which is not known here",
		               registered->type);
	if (gather(&all, registered, err) < 0)
		goto out;
	texts = calloc(all.n + 1, sizeof *texts);
	if (!texts) {
		mq_fail_memory(err);
		goto out;
	}
	mq_registered_name(registered, name);
	spec.kind = registered->kind;
	spec.name = name;
	spec.text = registered->text;
	spec.load = load;
	spec.load_ctx = &all;
	spec.references = texts;
	spec.n_references = texts_of(&all, texts);
	result = mq_schema_new(&spec, ret, err);
out:
	free(texts);
	free(all.items);
	return result;
}

static bool is_for(const struct mq_registry_compiled *compiled, const struct mq_schema_spec *spec)
{
	const char *message = spec->message ? spec->message : "";

	return compiled->draft == spec->draft && compiled->assert_format == spec->assert_format &&
	       strcmp(compiled->message, message) == 0;
}

/* That it failed is remembered too, unless another try may succeed. */
static int remember(struct mq_registry_entry *entry, const struct mq_schema_spec *spec,
                    struct mq_schema *schema, const struct mq_err *failure, struct mq_err *err)
{
	struct mq_registry_compiled *compiled = calloc(1, sizeof *compiled);

	if (compiled)
		compiled->message = strdup(spec->message ? spec->message : "");
	if (!compiled || !compiled->message) {
		free(compiled);
		return mq_fail_memory(err);
	}
	compiled->draft = spec->draft;
	compiled->assert_format = spec->assert_format;
	compiled->schema = schema;
	compiled->failure = *failure;
	compiled->next = entry->compiled;
	entry->compiled = compiled;
	return 0;
}

int mq_registry_schema(struct mq_registry *registry, const struct mq_registered *registered,
                       const struct mq_schema_spec *spec, struct mq_schema **ret,
                       struct mq_err *err)
{
	/* All that callers have of this type is the head of an entry. */
	struct mq_registry_entry *entry = (struct mq_registry_entry *)registered;
	struct mq_err failure = MQ_ERR_INIT, named = MQ_ERR_INIT;
	struct mq_schema *schema = NULL;
	char name[MQ_REGISTERED_NAME];

	for (struct mq_registry_compiled *c = entry->compiled; c; c = c->next)
		if (is_for(c, spec)) {
			*ret = c->schema;
			if (!c->schema)
				*err = c->failure;
			return c->schema ? 0 : -1;
		}
	if (compile(registry, registered, spec, &schema, &failure) < 0) {
		mq_registered_name(registered, name);
		mq_fail(&named, failure.code, "the registry's schema %s: %s", name,
		        failure.message);
		named.retriable = failure.retriable;
		if (failure.hint[0])
			mq_hint(&named, "%s", failure.hint);
	}
	if (named.code == MQ_OK || named.code == MQ_DATA || named.code == MQ_USAGE) {
		if (remember(entry, spec, schema, &named, err) < 0) {
			mq_schema_free(schema);
			return -1;
		}
	}
	*ret = schema;
	if (!schema)
		*err = named;
	return schema ? 0 : -1;
}

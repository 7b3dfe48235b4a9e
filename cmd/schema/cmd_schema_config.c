/* mqtk schema config: how new versions of a subject have to fit to those before them. */
#include "cmd/commands.h"
#include "cmd/schema/registries.h"
#include "mqtk/report.h"

#include <stdio.h>
#include <strings.h>

struct config_values {
	struct mq_common common;
	struct registries_options registry;
	bool json, unset;
};

static const struct config_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct config_values, name)

static const struct mq_option rows[] = {
    {.name = "unset",
     .type = MQ_OPT_FLAG,
     .help = "remove the subject's own mode, so that the global one holds",
     .field = FIELD(unset)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON object",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Registry", registries_rows, FIELD(registry)}, {"What", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk schema config", "the global mode"},
    {"mqtk schema config orders-value", "the mode of a subject"},
    {"mqtk schema config orders-value FULL_TRANSITIVE", "sets it"},
    {"mqtk schema config --unset orders-value", "back to the global one"},
    {0}};

static const char *const modes[] = {"NONE",
                                    "BACKWARD",
                                    "BACKWARD_TRANSITIVE",
                                    "FORWARD",
                                    "FORWARD_TRANSITIVE",
                                    "FULL",
                                    "FULL_TRANSITIVE",
                                    NULL};

/* The mode of that name, however it is written: full-transitive as --mode has it, too. */
static const char *find_mode(const char *text)
{
	for (size_t i = 0; modes[i]; i++) {
		const char *a = modes[i], *b = text;
		while (*a && *b && (strncasecmp(a, b, 1) == 0 || (*a == '_' && *b == '-')))
			a++, b++;
		if (!*a && !*b)
			return modes[i];
	}
	return NULL;
}

/* What the operands say. */
struct wish {
	const char *subject; /* NULL: the global one */
	const char *mode;    /* NULL: it is only asked for */
};

static int read_wish(const struct mq_invocation *invocation, struct wish *ret, struct mq_err *err)
{
	const struct config_values *values = invocation->values;
	const struct mq_operands *operands = &invocation->operands;

	*ret = (struct wish){0};
	if (operands->n > 2)
		return mq_fail(err, MQ_USAGE, "a subject and a mode are expected, no '%s'",
		               operands->items[2]);
	if (values->unset && operands->n != 1)
		return mq_fail(err, MQ_USAGE, "--unset is for one subject");
	if (operands->n == 0)
		return 0;
	/* As the registry writes it, a mode alone is that of all; nobody names a subject so. */
	const char *first = operands->items[0], *mode = find_mode(first);
	if (operands->n == 1 && !values->unset && mode && strcmp(mode, first) == 0) {
		ret->mode = mode;
		return 0;
	}
	ret->subject = first;
	if (!*first)
		return mq_fail(err, MQ_USAGE, "'' is no subject");
	if (operands->n == 1)
		return 0;
	ret->mode = find_mode(operands->items[1]);
	if (ret->mode)
		return 0;
	mq_fail(err, MQ_USAGE, "there is no mode '%s'", operands->items[1]);
	return mq_hint(err, "NONE, BACKWARD, FORWARD, FULL, and these three with _TRANSITIVE");
}

static int print(const struct mq_invocation *invocation, const struct wish *wish, const char *mode,
                 bool inherited, struct mq_err *err)
{
	const struct config_values *values = invocation->values;
	struct mq_buf buf;
	int result;

	mq_buf_init(&buf, 1 << 20);
	if (values->json) {
		struct mq_json json;
		mq_json_init(&json, &buf, err);
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "subject", wish->subject);
		mq_json_text(&json, "mode", mode);
		mq_json_bool(&json, "inherited", inherited);
		mq_json_close(&json, '}');
		result = mq_json_end(&json);
	} else {
		result = mq_buf_printf(&buf, err, "%s\n", mode);
	}
	if (result == 0)
		result = mq_print(&buf, err);
	mq_buf_release(&buf);
	return result;
}

/* *level has the mode in force: 1 its own, 0 inherited, -1. */
static int ask(struct mq_registry *registry, const struct wish *wish, struct mq_buf *level,
               struct mq_err *err)
{
	mq_buf_clear(level);
	int own = mq_registry_level(registry, wish->subject, level, err);
	if (own < 0 || mq_buf_append_char(level, '\0', err) < 0)
		return -1;
	return own;
}

static int work(const struct mq_invocation *invocation, struct mq_registry *registry,
                const struct wish *wish, struct mq_err *err)
{
	const struct config_values *values = invocation->values;
	const char *whose = wish->subject ? wish->subject : "every subject without its own";
	struct mq_buf before, now;
	int own, result = -1;

	mq_buf_init(&before, 4096);
	mq_buf_init(&now, 4096);
	if ((own = ask(registry, wish, &before, err)) < 0)
		goto out;
	if (!wish->mode && !values->unset) {
		if (own == 0)
			mq_log(invocation->env, MQ_LEVEL_NOTE,
			       "%s has no mode of its own; the global one holds", whose);
		result = print(invocation, wish, before.data, own == 0, err);
		goto out;
	}
	if (values->unset && own == 0) {
		mq_log(invocation->env, MQ_LEVEL_NOTE, "%s had no mode of its own", whose);
		result = print(invocation, wish, before.data, true, err);
		goto out;
	}
	if (mq_registry_set_level(registry, wish->subject, wish->mode, err) < 0 ||
	    (own = ask(registry, wish, &now, err)) < 0)
		goto out;
	mq_log(invocation->env, MQ_LEVEL_NOTE,
	       "new versions of %s are checked by %s now; it was %s", whose, now.data, before.data);
	result = print(invocation, wish, now.data, values->unset || own == 0, err);
out:
	mq_buf_release(&before);
	mq_buf_release(&now);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct config_values *values = invocation->values;
	struct mq_registry *registry;
	struct wish wish;

	if (read_wish(invocation, &wish, err) < 0 ||
	    registries_open_alone(invocation, values->registry.url,
	                          wish.mode || values->unset ? "setting a compatibility mode"
	                                                     : NULL,
	                          &registry, err) < 0)
		return -1;
	work(invocation, registry, &wish, err);
	mq_registry_free(registry);
	return (int)err->code;
}

const struct mq_command mq_cmd_schema_config = {
    .name = "schema config",
    .summary = "how new versions of a subject have to fit",
    .operands = "[SUBJECT] [MODE]",
    .about =
        "Prints the compatibility mode that a registry checks new versions of a subject by, or "
        "sets it; without a SUBJECT that of all subjects which have none of their own. MODE is "
        "NONE, BACKWARD (a new schema reads what the one before it wrote), FORWARD (the other "
        "way round), FULL (both), or one of these three with _TRANSITIVE behind it (against "
        "all versions, not only the latest). What it was is said on standard error.\n\n"
        "Registries tell the global mode for a subject without its own; some do not say which "
        "of the two it is.",
    .examples = examples,
    .topic = "registry",
    .sets = sets,
    .values_size = sizeof(struct config_values),
    .defaults = &defaults,
    .run = run,
};

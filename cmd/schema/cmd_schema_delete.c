/* mqtk schema delete: a version or all of a subject, after asking. */
#include "cmd/commands.h"
#include "cmd/consent.h"
#include "cmd/schema/registries.h"

#include <stdio.h>

struct delete_values {
	struct mq_common common;
	struct registries_options registry;
	struct consent consent;
	bool permanent;
};

static const struct delete_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct delete_values, name)

static const struct mq_option rows[] = {
    {.name = "permanent",
     .type = MQ_OPT_FLAG,
     .help = "so that nobody finds it any more, not even by its id",
     .more = "What was not deleted before is deleted first; what was, can only be deleted so.",
     .field = FIELD(permanent)},
    {0}};

static const struct mq_option_set sets[] = {{"Registry", registries_rows, FIELD(registry)},
                                            {"What", rows, 0},
                                            {"Consent", consent_rows, FIELD(consent)},
                                            {0}};

static const struct mq_example examples[] = {
    {"mqtk schema delete orders-value:3", "one version; asks on a terminal"},
    {"mqtk schema delete --dry-run orders-value", "what would be deleted"},
    {"mqtk schema delete --yes --permanent orders-value", "in a script, for good"},
    {0}};

/* What is to be deleted, and how much there is. */
struct doomed {
	struct mq_registry *registry;
	char subject[REGISTRIES_SUBJECT_MAX];
	int32_t version; /* 0: all */
	bool permanent;
	int64_t n;   /* versions that there are */
	bool found;  /* the one */
	bool hidden; /* it was deleted already, not permanently */
};

static int count(void *ctx, int32_t version)
{
	struct doomed *doomed = ctx;

	doomed->n++;
	doomed->found = doomed->found || version == doomed->version;
	return 0;
}

/* Sees whether it is there at all; with permanent, also among what was deleted. */
static int look(struct doomed *doomed, struct mq_err *err)
{
	struct mq_err none = MQ_ERR_INIT;

	if (mq_registry_versions(doomed->registry, doomed->subject, false, count, doomed, &none) <
	        0 &&
	    none.code != MQ_NOT_FOUND) {
		*err = none;
		return -1;
	}
	if (doomed->n > 0 && (doomed->version == 0 || doomed->found))
		return 0;
	if (doomed->permanent) {
		doomed->n = 0;
		doomed->hidden = true;
		if (mq_registry_versions(doomed->registry, doomed->subject, true, count, doomed,
		                         err) < 0)
			return -1;
		if (doomed->n > 0 && (doomed->version == 0 || doomed->found))
			return 0;
	}
	if (none.code == MQ_NOT_FOUND && !doomed->permanent)
		mq_fail(err, MQ_NOT_FOUND, "%s", none.message);
	else if (doomed->version > 0)
		mq_fail(err, MQ_NOT_FOUND, "the subject %s has no version %d", doomed->subject,
		        (int)doomed->version);
	else
		mq_fail(err, MQ_NOT_FOUND, "there is no subject %s", doomed->subject);
	return mq_hint(err, "mqtk schema ls --deleted lists also what was deleted");
}

/* What was there a moment ago and is not there now is deleted: by a try whose answer was lost, by
 * somebody else, or by a registry that forgets what is deleted at once. */
static int delete (struct doomed *doomed, bool permanent, struct mq_err *err)
{
	int result =
	    mq_registry_delete(doomed->registry, doomed->subject, doomed->version, permanent, err);

	if (result == 0 || err->code != MQ_NOT_FOUND)
		return result;
	mq_err_clear(err);
	return 0;
}

static int do_it(const struct mq_invocation *invocation, struct doomed *doomed, struct mq_err *err)
{
	if ((!doomed->hidden && delete (doomed, false, err) < 0) ||
	    (doomed->permanent && delete (doomed, true, err) < 0))
		return -1;
	if (doomed->version > 0)
		mq_log(invocation->env, MQ_LEVEL_NOTE, "deleted version %d of %s%s",
		       (int)doomed->version, doomed->subject,
		       doomed->permanent ? " permanently" : "");
	else
		mq_log(invocation->env, MQ_LEVEL_NOTE, "deleted %s%s", doomed->subject,
		       doomed->permanent ? " permanently" : "");
	return 0;
}

static int work(const struct mq_invocation *invocation, struct doomed *doomed, struct mq_err *err)
{
	const struct delete_values *values = invocation->values;
	const struct mq_registered *latest = NULL;
	char what[400], version[40] = "";
	int32_t asked;

	if (registries_split(invocation->operands.items[0], doomed->subject, sizeof doomed->subject,
	                     &asked, err) < 0)
		return -1;
	if (asked == 0) {
		if (mq_registry_by_version(doomed->registry, doomed->subject, 0, &latest, err) < 0)
			return -1;
		asked = latest->version;
	}
	doomed->version = asked < 0 ? 0 : asked;
	if (look(doomed, err) < 0)
		return -1;
	if (doomed->version > 0)
		snprintf(version, sizeof version, "version %d of ", (int)doomed->version);
	int n = snprintf(what, sizeof what, "%sdelete %sthe subject %.200s",
	                 doomed->permanent ? "permanently " : "", version, doomed->subject);
	if (doomed->version == 0)
		snprintf(what + n, sizeof what - (size_t)n, " with %lld version%s",
		         (long long)doomed->n, doomed->n == 1 ? "" : "s");
	int answer = consent_ask(&values->consent, invocation->env, what, err);
	return answer <= 0 ? answer : do_it(invocation, doomed, err);
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct delete_values *values = invocation->values;
	struct doomed doomed = {.permanent = values->permanent};

	if (invocation->operands.n != 1) {
		mq_fail(err, MQ_USAGE, "one subject is expected, but there are %zu names",
		        invocation->operands.n);
		return mq_hint(err, "SUBJECT, or SUBJECT:VERSION for one version");
	}
	if (registries_open_alone(invocation, values->registry.url,
	                          values->consent.dry_run ? NULL : "deleting a schema",
	                          &doomed.registry, err) == 0)
		work(invocation, &doomed, err);
	mq_registry_free(doomed.registry);
	return (int)err->code;
}

const struct mq_command mq_cmd_schema_delete = {
    .name = "schema delete",
    .summary = "remove a version, or all, of a subject from a schema registry",
    .operands = "SUBJECT[:VERSION]",
    .about = "Deletes a version, or the subject with all of them: new messages cannot be written "
             "with it, and what was written stays readable by its id. With --permanent that ends "
             "too. Asks on a terminal; without one it needs --yes. A colon belongs to the subject "
             "unless a number or \"latest\" stands behind it.",
    .examples = examples,
    .topic = "registry",
    .sets = sets,
    .values_size = sizeof(struct delete_values),
    .defaults = &defaults,
    .run = run,
};

/* Dead letters on their way: see moving.h. */
#include "cmd/dlq/moving.h"

#include "cmd/commands.h"
#include "cmd/dlq/copies.h"
#include "cmd/dlq/home.h"
#include "cmd/dlq/mending.h"
#include "cmd/dlq/preview.h"
#include "cmd/replay/edit.h"
#include "cmd/replay/file.h"
#include "cmd/replay/report.h"

#include "mqtk/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define COUNT                                                                                      \
	{                                                                                          \
		.name = "count", .letter = 'c', .type = MQ_OPT_INT, .arg = "N",                    \
		.help = "at most N of them, the first ones", .min = 1, .max = INT64_MAX,           \
		.field = offsetof(struct moving_options, count)                                    \
	}
#define JSON                                                                                       \
	{                                                                                          \
		.name = "json", .letter = 'J', .type = MQ_OPT_FLAG,                                \
		.help = "report as one JSON line on standard output",                              \
		.field = offsetof(struct moving_options, json)                                     \
	}

const struct mq_option moving_file_rows[] = {COUNT, JSON, {0}};
const struct mq_option moving_rows[] = {
    COUNT,
    JSON,
    {.name = "force",
     .type = MQ_OPT_FLAG,
     .help = "look at a queue although that could make the broker drop messages",
     .field = offsetof(struct moving_options, force)},
    {0}};

#define GROUP "mqtk-dlq-" /* and the stream: others do not rebalance with it */

/* A run over the letters: the preview, or the real one. */
struct run {
	struct moving *moving;
	const struct chooser *chooser;
	struct mq_dead_reader *reader;
	struct places *places;
	struct preview *preview;
	bool looking; /* the preview: all is counted, and nothing is sent */
	struct mending mending;
	struct mq_dead
	    dead; /* of the message that was chosen last: it is the next to be rewritten */
	struct copies copies;
};

/* --- the policy ------------------------------------------------------------------------------- */

/* 1, 0 or -1. */
static int has_home(struct run *run, const struct mq_dead *dead, struct mq_err *err)
{
	if (!run->places->home)
		return 1;
	if (dead->origin_stream.len == 0) {
		run->preview->homeless++;
		return 0;
	}
	int fits =
	    run->places->from_file ? 1 : homes_fits(&run->places->homes, dead->origin_broker, err);
	if (fits == 0)
		run->preview->foreign++;
	return fits;
}

static int choose(void *ctx, const struct mq_message *message, struct mq_err *err)
{
	struct run *run = ctx;

	mq_dead_read(run->reader, message, &run->dead);
	int wanted = chooser_wants(run->chooser, message, &run->dead, err);
	if (wanted > 0)
		wanted = has_home(run, &run->dead, err);
	if (wanted <= 0 || !run->looking)
		return wanted;
	/* The engine counts and leaves them; here they would only be promised. */
	if (run->moving->max_replays >= 0 && edit_count(message) >= run->moving->max_replays) {
		run->preview->guarded++;
		return 1;
	}
	return preview_add(run->preview, message, &run->dead, err) < 0 ? -1 : 1;
}

static void begin(void *ctx)
{
	copies_begin(&((struct run *)ctx)->copies);
}

/* An absent body has nothing to be changed. */
static int mend(struct run *run, const struct mq_message *message, struct mq_message *copy,
                struct mq_err *err)
{
	struct mq_buf body;

	if (!run->mending.command || !message->payload.data)
		return 0;
	int result = mending_run(&run->mending, message, &body, err);
	if (result != 0)
		return result;
	copy->payload =
	    copies_keep(&run->copies, mq_bytes_of(body.len ? body.data : "", body.len), err);
	mq_buf_release(&body);
	return copy->payload.data ? 0 : -1;
}

static int rewrite(void *ctx, const struct mq_message *message, struct mq_message *copy,
                   struct mq_err *err)
{
	struct run *run = ctx;
	const struct mq_dead *dead = &run->dead;
	int result = mend(run, message, copy, err);

	if (result != 0)
		return result;
	if (run->moving->strip && (copies_strip(&run->copies, copy, err) < 0 ||
	                           copies_restore_key(&run->copies, dead, copy, err) < 0))
		return -1;
	/* Frameworks that give letters a time of their own keep the message's in a header, which is
	 * gone now. */
	if (run->moving->strip && dead->origin_ms != MQ_NO_TIME)
		copy->ts_ms = dead->origin_ms;
	if (!run->places->home)
		return 0;
	copy->partition = dead->origin_partition;
	copy->stream = copies_keep(&run->copies, dead->origin_stream, err);
	return copy->stream.data ? 0 : -1;
}

/* --- where to --------------------------------------------------------------------------------- */

/* The broker of an address: everything but its last segment, with its settings. */
static int broker_of(const char *address, struct mq_buf *ret, struct mq_err *err)
{
	const char *query = strchr(address, '?');
	size_t len = query ? (size_t)(query - address) : strlen(address);

	while (len > 0 && address[len - 1] != '/')
		len--;
	if (mq_buf_append(ret, address, len, err) < 0 ||
	    (query && mq_buf_append_str(ret, query, err) < 0))
		return -1;
	return mq_buf_append_char(ret, '\0', err);
}

/* How letters leave: taken out of a queue, or passed by a group, whose name may be kept in
 * own_group. */
static int choose_way(struct moving *moving, bool any, bool preview, struct replay_values *values,
                      struct mq_err *err)
{
	const struct pending_options *pending = moving->pending;
	struct mq_target target;

	if (pending && pending->max_deliveries > 0) {
		values->held_group = pending->group;
		values->held_deliveries = pending->max_deliveries;
		values->held_idle_ms = pending->idle_ms;
		values->ack = values->choosy = !moving->stay;
		return 0;
	}
	if (moving->stay || file_is_named(moving->source))
		return 0;
	if (mq_target_resolve(moving->source, moving->invocation->config,
	                      &moving->invocation->settings, &target, err) < 0)
		return -1;
	unsigned caps = target.backend->caps;
	bool readonly = target.readonly;
	mq_buf_clear(&moving->own_group);
	int named = mq_buf_printf(&moving->own_group, err, "%s%s", GROUP,
	                          target.stream ? target.stream : "");
	mq_target_release(&target);
	if (named < 0)
		return -1;
	/* The general refusal names options that are none of ours. */
	if (readonly && (caps & MQ_CAP_ACK || any) && !moving->resume) {
		mq_fail(err, MQ_DENIED,
		        "the profile is read-only: what takes letters out of %s is not allowed",
		        moving->source);
		return mq_hint(err, "'mqtk dlq export' copies them; mqtk config shows which file "
		                    "says readonly = true");
	}
	if (caps & MQ_CAP_CLAIM && pending && pending->group)
		return pending_check(pending, false, err);
	if (caps & MQ_CAP_ACK && !moving->resume) {
		values->ack = true;
		values->choosy = true; /* what is left out, or refused, stays in its place */
	} else if (any && !moving->resume) {
		values->group = pending && pending->group ? pending->group : moving->own_group.data;
	} else if (moving->drops) {
		mq_fail(err, MQ_USAGE,
		        "%s keeps its messages: letters that were chosen cannot be dropped from "
		        "among the others",
		        moving->source);
		return mq_hint(err, "without a choice a group passes all of them; 'mqtk dlq move' "
		                    "and 'export' copy the chosen ones; 'mqtk trim --before' "
		                    "removes the oldest");
	} else if (!moving->resume && preview) {
		mq_log(moving->invocation->env, MQ_LEVEL_NOTE,
		       "the letters stay where they are, and nothing remembers which were chosen: "
		       "--resume FILE does");
	}
	return 0;
}

/* What a journal knows the run by: no passwords. Moments are left out: -1h is another one in the
 * next run. */
static int describe(const struct moving *moving, const struct places *places, struct mq_buf *ret,
                    struct mq_err *err)
{
	const struct choose_options *choose = moving->choose;
	const struct {
		const char *name, *value;
	} parts[] = {
	    {"reason", choose->reason},  {"origin", choose->origin},    {"ids", choose->ids},
	    {"key", choose->select.key}, {"grep", choose->select.grep}, {"to", places->to_words},
	    {"edit", moving->edit},
	};

	if (mq_buf_append_str(ret, moving->verb, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].value &&
		    mq_buf_printf(ret, err, " %s=%s", parts[i].name, parts[i].value) < 0)
			return -1;
	/* The file of --ids may hold others the next time. */
	if (choose->ids &&
	    mq_buf_printf(ret, err, " ids-sum=%016" PRIx64, chooser_sum(&moving->chooser)) < 0)
		return -1;
	return mq_buf_append_char(ret, '\0', err);
}

/* What to do about a letter that its target refuses: it is the first one in the next run again. */
static const char *advice(const struct replay_values *values, bool home)
{
	if (values->group)
		return home
		           ? "it stays, and so does what is behind it: --to ADDR puts letters "
		             "elsewhere, 'mqtk group skip' moves the group past one"
		           : "it stays, and so does what is behind it: 'mqtk group skip' moves the "
		             "group past it, and keeps it in a file";
	return home ? "it stays where it is: --to ADDR puts letters elsewhere, --origin and --ids "
	              "leave it out"
	            : "it stays where it is: --ids and --reason leave it out";
}

/* --- runs ------------------------------------------------------------------------------------- */

static int run_init(struct run *run, struct moving *moving, struct places *places,
                    struct preview *preview, bool looking, struct mq_err *err)
{
	*run = (struct run){.moving = moving,
	                    .chooser = &moving->chooser,
	                    .places = places,
	                    .preview = preview,
	                    .looking = looking};
	return mq_dead_reader_new(&run->reader, err) < 0 ||
	               mending_init(&run->mending, looking ? NULL : moving->edit,
	                            moving->edit_timeout_ms, moving->invocation->env, err) < 0
	           ? -1
	           : 0;
}

static void run_release(struct run *run)
{
	copies_release(&run->copies);
	mending_release(&run->mending);
	mq_dead_reader_free(run->reader);
}

/* One pass over the letters with the engine of replay. */
static int pass(struct run *run, struct mq_err *err)
{
	struct moving *moving = run->moving;
	struct mq_invocation invocation = *moving->invocation;
	const char *operands[2] = {moving->source, moving->target};
	bool preview = run->looking, home = run->places->home;
	struct replay_values values = {
	    .common = *moving->invocation->common,
	    .count = moving->options->count,
	    .chosen = true,
	    .pace = {.rate = moving->rate, .max_gap_ms = -1},
	    .max_replays = moving->max_replays,
	    .force = moving->options->force,
	    .dry_run = preview,
	    .json = moving->options->json && !preview,
	    .resume = preview ? NULL : moving->resume,
	    .compression = -1,
	    .no_provenance = moving->plain,
	    .append = moving->append,
	    .placement = {.placing = home ? REPLAY_PLACE_THERE : REPLAY_PLACE_AUTO},
	};
	struct replay_policy policy = {.ctx = run,
	                               .choose = choose,
	                               .begin = begin,
	                               .rewrite = rewrite,
	                               .noun = moving->noun,
	                               .done = moving->done,
	                               .towards = moving->towards,
	                               .slow = run->mending.command != NULL,
	                               .no_positions = "leave it out: what is done with a letter "
	                                               "of a queue is gone from there"};
	struct mq_buf broker, described;
	int code = MQ_USAGE;

	mq_buf_init(&broker, 1 << 16);
	mq_buf_init(&described, 1 << 20);
	if (!moving->target) {
		if (broker_of(moving->source, &broker, err) < 0)
			goto out;
		operands[1] = broker.data;
		policy.towards = " to where they came from";
	}
	if (choose_way(moving, run->chooser->any, preview, &values, err) < 0)
		goto out;
	run->preview->group = values.group;
	if (describe(moving, run->places, &described, err) < 0)
		goto out;
	policy.described = described.data;
	policy.refused = advice(&values, home);
	policy.partly = values.choosy;
	policy.drops = moving->drops;
	invocation.operands = (struct mq_operands){.items = operands, .n = 2};
	code = running_run(&invocation, &values, &policy, NULL, err);
out:
	mq_buf_release(&broker);
	mq_buf_release(&described);
	return code;
}

/* 1: go on; 0: not; -1: err. */
static int ask(const struct moving *moving, const struct places *places, struct preview *preview,
               struct mq_err *err)
{
	struct mq_buf what;
	int result = -1;

	if (moving->consent->dry_run && moving->options->json)
		return preview_json(preview, moving->verb, places->from_words, places->to_words,
		                    err);
	mq_buf_init(&what, 1 << 16);
	if (mq_buf_printf(&what, err, "%s %" PRId64 " letter%s of %s%s%s", moving->verb,
	                  preview->meant, preview->meant == 1 ? "" : "s", places->from_words,
	                  !places->to_words ? ", each to where it came from"
	                  : places->home    ? ", each to its own stream at "
	                  : moving->towards ? moving->towards
	                                    : " to ",
	                  moving->towards || !places->to_words ? "" : places->to_words) == 0)
		result = consent_ask(moving->consent, moving->invocation->env, what.data, err);
	mq_buf_release(&what);
	return result;
}

/* Says what does not go, and why. */
static void say_left(const struct moving *moving, const struct places *places,
                     const struct preview *p)
{
	const struct mq_env *env = moving->invocation->env;
	bool one = p->homeless == 1;

	if (p->homeless > 0)
		mq_log(env, MQ_LEVEL_WARN,
		       "%" PRId64 " letter%s not say where %s came from and stay%s: --origin '' "
		       "--to ADDR takes %s elsewhere",
		       p->homeless, one ? " does" : "s do", one ? "it" : "they", one ? "s" : "",
		       one ? "it" : "them");
	if (p->foreign > 0)
		mq_log(env, MQ_LEVEL_WARN,
		       "%" PRId64
		       " letter%s from another broker (%s) and stay%s: --to BROKER/ says "
		       "where their streams are",
		       p->foreign, p->foreign == 1 ? " came" : "s came",
		       places->homes.foreign.data ? places->homes.foreign.data : "?",
		       p->foreign == 1 ? "s" : "");
	/* Notes, which --quiet leaves out. */
	if (p->meant == 0 && p->guarded > 0)
		mq_log(env, MQ_LEVEL_NOTE,
		       "nothing to do: %" PRId64
		       " letter%s put back --max-replays times already and stay%s",
		       p->guarded, p->guarded == 1 ? " was" : "s were", p->guarded == 1 ? "s" : "");
	else if (p->meant == 0 && p->group)
		mq_log(env, MQ_LEVEL_NOTE,
		       "there are no such letters behind those that group %s has passed", p->group);
	else if (p->meant == 0)
		mq_log(env, MQ_LEVEL_NOTE, "there are no such letters");
}

static int say_nothing(const struct places *places, struct mq_err *err)
{
	const struct report report = {.settled = -1,
	                              .from = places->from_words,
	                              .to = places->to_words,
	                              .done = "",
	                              .end = REPLAY_NOTHING};

	return report_json(&report, err) < 0 ? (int)err->code : MQ_OK;
}

/* Returns the exit code; *ret_go: the letters are to go. */
static int look_first(struct moving *moving, struct places *places, bool *ret_go,
                      struct mq_err *err)
{
	const struct mq_invocation *invocation = moving->invocation;
	bool dry = moving->consent->dry_run;
	struct preview preview = PREVIEW_INIT;
	struct run run;
	int code = MQ_USAGE, left = MQ_OK;

	if (run_init(&run, moving, places, &preview, true, err) == 0)
		code = pass(&run, err);
	run_release(&run);
	/* Some were gone before they could be read, or lines were no letters: the others go. */
	bool rest = err->code == MQ_OK && (code == MQ_PARTIAL || code == MQ_DATA);
	if (code != MQ_OK && !rest)
		goto out;
	if (moving->options->count >= 0 && preview.meant > moving->options->count)
		preview.meant = moving->options->count;
	say_left(moving, places, &preview);
	left = preview.homeless > 0 || preview.foreign > 0 ? MQ_PARTIAL : MQ_OK;
	if (preview.meant > 0 && !(dry && moving->options->json) &&
	    preview_say(&preview, invocation->color_err, err) < 0)
		code = (int)err->code;
	else if (preview.meant == 0 && moving->options->json && !dry)
		code = say_nothing(places, err);
	else if (preview.meant > 0 || (dry && moving->options->json))
		*ret_go = ask(moving, places, &preview, err) > 0;
out:
	preview_release(&preview);
	return err->code ? (int)err->code : code ? code : left;
}

/* --- all -------------------------------------------------------------------------------------- */

/* unseen: what does not go was not said before. */
static int go(struct moving *moving, struct places *places, bool unseen, struct mq_err *err)
{
	struct preview left = PREVIEW_INIT;
	struct run run;
	int code = MQ_USAGE;

	if (run_init(&run, moving, places, &left, false, err) == 0)
		code = pass(&run, err);
	if (unseen)
		say_left(moving, places, &left);
	if (unseen && code == MQ_OK && (left.homeless > 0 || left.foreign > 0))
		code = MQ_PARTIAL;
	if (code == MQ_OK && run.mending.failed > 0) {
		mq_fail(err, MQ_PARTIAL, "%" PRId64 " letter%s not be edited and stay%s",
		        run.mending.failed, run.mending.failed == 1 ? " could" : "s could",
		        run.mending.failed == 1 ? "s" : "");
		mq_hint(err, "--ids FILE chooses letters by PARTITION:OFFSET or id");
		code = MQ_PARTIAL;
	}
	run_release(&run);
	return code;
}

/* Standard input and pipes cannot be read again after the preview. */
static bool is_read_once(const char *source)
{
	struct stat info;

	if (!file_is_named(source))
		return false;
	return strcmp(file_path(source), "-") == 0 ||
	       (stat(file_path(source), &info) == 0 && !S_ISREG(info.st_mode));
}

int moving_run(struct moving *moving, struct mq_err *err)
{
	struct places places;
	bool once = is_read_once(moving->source);
	bool yes = moving->consent->yes && !moving->consent->dry_run;
	/* Nobody would see the preview. */
	bool unseen = (moving->invocation->common->quiet || once) && yes && !moving->unasked;
	bool goes = moving->unasked || unseen;
	int code = MQ_OK;

	mq_buf_init(&moving->own_group, 1 << 16);
	if (moving->pending && pending_check(moving->pending, !moving->stay, err) < 0)
		return MQ_USAGE;
	/* The shell would do nothing, and call that a success: all bodies would be empty. */
	if (moving->edit && moving->edit[strspn(moving->edit, " \t\n")] == '\0')
		return mq_fail(err, MQ_USAGE, "--edit: there is no command"), MQ_USAGE;
	if (moving->resume && moving->options->count >= 0) {
		mq_fail(err, MQ_USAGE,
		        "--resume and --count: a journal knows how far the letters "
		        "were read, and not how many were chosen");
		mq_hint(err, "leave out one of them");
		return MQ_USAGE;
	}
	if (once && !goes && !moving->consent->dry_run) {
		mq_fail(err, MQ_USAGE, "letters of %s can be read only once, and not for a preview",
		        moving->source);
		mq_hint(err, "--yes takes them without one, --dry-run only tells");
		return MQ_USAGE;
	}
	if (chooser_init(&moving->chooser, moving->choose, err) < 0) {
		chooser_release(&moving->chooser);
		return (int)err->code;
	}
	if (places_find(&places, moving->source, moving->target, moving->strip,
	                moving->invocation->config, err) < 0)
		code = (int)err->code;
	else if (places.onto_itself && !moving->strip) /* those that are put back may */
		code =
		    (mq_fail(err, MQ_USAGE, "%s is the source and the target", places.from_words),
		     MQ_USAGE);
	else if (!goes)
		code = look_first(moving, &places, &goes, err);
	if (goes && err->code == MQ_OK) {
		int gone = go(moving, &places, unseen, err);
		code = gone ? gone : code;
	}
	places_release(&places);
	chooser_release(&moving->chooser);
	mq_buf_release(&moving->own_group);
	return code;
}

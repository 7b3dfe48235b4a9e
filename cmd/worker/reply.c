/*
 * Replies: see reply.h.
 *
 * Where a message says itself where its reply is to go, nothing is known about that place: whoever
 * asked may be gone, or the name makes no sense. That is no failure of the work, and so none of the
 * run: it is said, counted, and the message is done with. A place that the command line names has
 * to be there; and a broker that takes nothing ends the run in any case.
 */
#include "cmd/worker/reply.h"

#include "cmd/worker/engine.h"
#include "cmd/worker/outcome.h"

static void nowhere(struct worker *worker, struct job *job, const char *why)
{
	const struct mq_message *m = &job->message;

	if (worker->counts.unanswered++ == 0)
		mq_log(worker->invocation->env, MQ_LEVEL_WARN,
		       "a message of %.*s is handled without a reply: %s; -v tells of others",
		       (int)m->stream.len, m->stream.data ? m->stream.data : "", why);
	else
		mq_log(worker->invocation->env, MQ_LEVEL_VERBOSE, "handled without a reply: %s",
		       why);
	outcome_handled(worker, job);
}

bool reply_send(struct worker *worker, struct job *job, struct mq_bytes output)
{
	const struct mq_properties *asked = job->message.properties;
	struct mq_properties properties = MQ_PROPERTIES_INIT;
	struct mq_message answer = MQ_MESSAGE_INIT;

	if (!worker->options->reply)
		return false;
	struct sender *sender = worker_reply(worker, job->reader);
	if (sender->by_name && (!asked || asked->reply_to.len == 0)) {
		nowhere(worker, job, "it names no reply-to");
		return true;
	}
	if (sender->by_name)
		answer.stream = asked->reply_to;
	else
		answer.key = job->message.key;
	if (asked)
		properties.correlation_id =
		    asked->correlation_id.data ? asked->correlation_id : asked->message_id;
	answer.properties = &properties;
	answer.payload = output.data ? output : mq_bytes_of("", 0);
	sender_send(sender, &answer, job);
	return true;
}

/* What the name is to blame for, and not the broker. */
static bool is_about_name(enum mq_code code)
{
	return code == MQ_NOT_FOUND || code == MQ_DENIED || code == MQ_DATA || code == MQ_USAGE;
}

void reply_delivered(struct worker *worker, struct job *job, const struct mq_err *why)
{
	bool own = worker_reply(worker, job->reader)->by_name;

	if (!why)
		outcome_handled(worker, job);
	else if (own && is_about_name(why->code))
		nowhere(worker, job, why->message);
	else if (why->code == MQ_DATA) /* it can never be sent */
		outcome_take(worker, job,
		             &(struct verdict){.kind = VERDICT_REJECTED,
		                               .reason = "reply",
		                               .error = mq_bytes_str(why->message)});
	else
		worker_refused(worker, "reply", why);
}

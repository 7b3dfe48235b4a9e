/* The broker's reply codes become ours, with its own words and what to do. */
#include "backend/rabbitmq/rabbitmq.h"

#include <stdio.h>

static bool says(const char *text, const char *part)
{
	return text && strstr(text, part);
}

enum mq_code mq_rabbit_code(int reply_code, const char *text)
{
	switch (reply_code) {
	case AMQP_CONTENT_TOO_LARGE:
		return MQ_DATA;
	case AMQP_ACCESS_REFUSED:
		return MQ_DENIED;
	case AMQP_NOT_FOUND:
	case AMQP_INVALID_PATH:
		return MQ_NOT_FOUND;
	case AMQP_RESOURCE_LOCKED:
	case AMQP_PRECONDITION_FAILED:
	case AMQP_NOT_IMPLEMENTED:
		return MQ_USAGE;
	case AMQP_NOT_ALLOWED:
		if (says(text, "not found"))
			return MQ_NOT_FOUND; /* the vhost */
		return says(text, "limit") || says(text, "is down") ? MQ_UNREACHABLE : MQ_DENIED;
	case AMQP_CONNECTION_FORCED:
	case AMQP_RESOURCE_ERROR:
	case AMQP_INTERNAL_ERROR:
		return MQ_UNREACHABLE;
	default:
		return MQ_INTERNAL; /* what we sent was wrong */
	}
}

static void add_hint(struct mq_err *err, int reply_code, const char *text)
{
	if (reply_code == AMQP_ACCESS_REFUSED && says(text, "Login was refused"))
		mq_hint(err, "check user and password; guest may connect from localhost only");
	else if (reply_code == AMQP_ACCESS_REFUSED && says(text, "in exclusive use"))
		mq_hint(err, "another consumer has it for itself; 'mqtk info' tells who consumes");
	else if (reply_code == AMQP_ACCESS_REFUSED ||
	         (reply_code == AMQP_NOT_ALLOWED && says(text, "refused for user")))
		mq_hint(err, "'rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ' "
		             "gives rights");
	else if (reply_code == AMQP_NOT_ALLOWED && says(text, "not found"))
		mq_hint(err, "the address is amqp://HOST/VHOST/QUEUE; 'rabbitmqctl list_vhosts' "
		             "tells which there are");
	else if (reply_code == AMQP_NOT_FOUND && says(text, "no queue"))
		mq_hint(err, "'mqtk create ADDR' makes it, 'mqtk ls BROKER' tells which there are");
	else if (reply_code == AMQP_NOT_FOUND && says(text, "no exchange"))
		mq_hint(err, "'mqtk create BROKER --exchange NAME --type TYPE' makes it");
	else if (reply_code == AMQP_RESOURCE_LOCKED)
		mq_hint(err, "it is another connection's own queue");
	else if (reply_code == AMQP_PRECONDITION_FAILED && says(text, "inequivalent arg"))
		mq_hint(err, "it exists with other arguments, which cannot be changed: give the "
		             "same ones, or delete it first");
}

int mq_rabbit_fail(struct mq_err *err, int reply_code, const char *text, const char *fmt, ...)
{
	char what[200];
	va_list args;

	if (!err || err->code != MQ_OK)
		return -1;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	enum mq_code code = mq_rabbit_code(reply_code, text);
	if (text && text[0])
		mq_fail(err, code, "%s: %s", what, text);
	else
		mq_fail(err, code, "%s: the broker's reply is %d", what, reply_code);
	err->retriable = code == MQ_UNREACHABLE;
	add_hint(err, reply_code, text);
	return -1;
}

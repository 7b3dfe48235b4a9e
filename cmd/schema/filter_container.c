/* Data out of Avro's container files, which bring their schema along: see filter.h. */
#include "cmd/schema/filter.h"

#include "mqtk/avro_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool filter_is_container(const char *path)
{
	struct stat st;
	char magic[4] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	bool is = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	          pread(fd, magic, sizeof magic, 0) == 4 && memcmp(magic, "Obj\1", 4) == 0;
	close(fd);
	return is;
}

/* The file is damaged from here on, or is none at all. Bad data is a finding. */
static int end_early(struct filter *filter, struct filtered *item, const struct mq_err *why,
                     struct mq_err *err)
{
	static const struct mq_message none = MQ_MESSAGE_INIT;

	if (why->code == MQ_CANCELLED)
		return 0;
	if (why->code == MQ_IO) {
		mq_log(filter->invocation->env, MQ_LEVEL_WARN, "%s", why->message);
		filter->unreadable++;
		return 0;
	}
	if (why->code != MQ_DATA) {
		mq_fail(err, why->code, "%s", why->message);
		return why->hint[0] ? mq_hint(err, "%s", why->hint) : -1;
	}
	/* There is no message that could be put aside. */
	bool rejecting = filter->rejecting;
	filter->rejecting = false;
	item->place.message = &none;
	int result = filter_refuse(filter, item, "container", why->message, err);
	filter->rejecting = rejecting;
	return result;
}

int filter_container(struct filter *filter, int fd, const char *name, struct mq_err *err)
{
	struct mq_message message = MQ_MESSAGE_INIT;
	struct filtered item = {.place = {.file = name, .message = &message}};
	struct mq_avro_read_spec spec = {
	    .fd = fd, .name = name, .cancel = filter->invocation->env->cancel};
	struct mq_avro_reader *reader = NULL;
	struct mq_err why = MQ_ERR_INIT;
	int result = 0, got = mq_avro_reader_new(&spec, &reader, &why) < 0 ? -1 : 1;

	if (got > 0)
		item.writer = mq_avro_reader_schema(reader);
	while (result == 0 && got > 0 && !filter_is_full(filter)) {
		if (mq_cancel_signal(filter->invocation->env->cancel))
			break;
		got = mq_avro_reader_next(reader, &message.payload, &why);
		item.place.line += got != 0;
		item.raw = message.payload;
		if (got > 0)
			result = filter_take(filter, &item, err);
	}
	if (got < 0)
		result = end_early(filter, &item, &why, err);
	mq_avro_reader_free(reader);
	return result < 0 ? -1 : filter_flush(filter, err);
}

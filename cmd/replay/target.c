/* The target of a replay: see target.h. */
#include "cmd/replay/target.h"

#include "cmd/opening.h"
#include "cmd/replay/file.h"

#include <stdio.h>
#include <stdlib.h>

enum { SOON_MS = 60 * 1000 }; /* younger messages stay anywhere: nobody is asked about them */

static const char *const compressions[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

const char *target_shown(const struct target *target)
{
	return target->path       ? target->path
	       : target->resolved ? target->address.shown
	                          : "the target";
}

/* --- --to-partition -------------------------------------------------------------------------- */

static int parse_moves(struct replay_placement *placement, const char *value, struct mq_err *err)
{
	const char *at = value;

	for (;;) {
		char part[32];
		int64_t from, to;
		size_t len = strcspn(at, ",");
		char *colon = NULL;
		if (len < sizeof part) {
			memcpy(part, at, len);
			part[len] = '\0';
			colon = strchr(part, ':');
		}
		if (!colon)
			return mq_fail(err, MQ_USAGE, "'%s' is no list such as 0:2,1:0", value);
		*colon = '\0';
		if (mq_int_parse(part, 0, INT32_MAX, &from, err) < 0 ||
		    mq_int_parse(colon + 1, 0, INT32_MAX, &to, err) < 0)
			return -1;
		struct replay_move *move =
		    mq_info_grow(&placement->moves, &placement->n_moves, sizeof *move, err);
		if (!move)
			return -1;
		*move = (struct replay_move){.from = (int32_t)from, .to = (int32_t)to};
		at += len;
		if (*at == '\0')
			return 0;
		at++;
	}
}

int target_parse_placement(void *field, const char *value, struct mq_err *err)
{
	struct replay_placement *placement = field;
	int64_t to;

	placement->text = value;
	if (strcmp(value, "keep") == 0) {
		placement->placing = REPLAY_PLACE_KEEP;
	} else if (strcmp(value, "hash") == 0) {
		placement->placing = REPLAY_PLACE_HASH;
	} else if (strchr(value, ':')) {
		placement->placing = REPLAY_PLACE_MAP;
		return parse_moves(placement, value, err);
	} else if (mq_int_parse(value, 0, INT32_MAX, &to, NULL) == 0) {
		placement->placing = REPLAY_PLACE_ONE;
		placement->to = (int32_t)to;
	} else {
		return mq_fail(err, MQ_USAGE,
		               "'%s' is none of keep, hash, a partition, or a list such as "
		               "0:2,1:0",
		               value);
	}
	return 0;
}

/* --- the streams ----------------------------------------------------------------------------- */

static struct target_stream *find_stream(struct target *target, struct mq_bytes name)
{
	for (size_t i = 0; i < target->n_streams; i++) {
		size_t k = (target->at + i) % target->n_streams;
		struct target_stream *stream = &target->streams[k];
		if (stream->len == name.len && memcmp(stream->name, name.data, name.len) == 0) {
			target->at = k;
			return stream;
		}
	}
	return NULL;
}

static int create_stream(struct target *target, const char *name, int32_t partitions,
                         struct mq_err *err)
{
	struct mq_stream_spec spec = MQ_STREAM_SPEC_INIT;

	spec.stream = name;
	spec.if_missing = true;
	if (partitions > 0 && (target->conn->backend->create_fields & MQ_FIELD_PARTITIONS))
		spec.partitions = partitions;
	return mq_create(target->conn, &spec, err);
}

/* How many partitions the stream has; what is wrong with it stays with it. */
static void look_at(struct target *target, struct target_stream *stream)
{
	struct mq_stream_info info;

	stream->partitions = -1;
	if (mq_describe(target->conn, stream->name, &info, &stream->missing) == 0 &&
	    (target->conn->caps & MQ_CAP_PARTITIONS))
		stream->partitions = (int32_t)info.n_partitions;
	mq_stream_info_release(&info);
	/* It will be made by its first message. */
	if (stream->missing.code == MQ_NOT_FOUND && (target->conn->caps & MQ_CAP_AUTO_CREATE)) {
		mq_err_clear(&stream->missing);
		stream->partitions = 1;
	}
}

/* partitions: of the source, for --create; -1: unknown. NULL with err set. */
static struct target_stream *add_stream(struct target *target, struct mq_bytes name,
                                        int32_t partitions, struct mq_err *err)
{
	struct target_stream *stream =
	    mq_info_grow(&target->streams, &target->n_streams, sizeof *stream, err);

	if (!stream)
		return NULL;
	stream->name = malloc(name.len + 1);
	if (!stream->name) {
		target->n_streams--;
		mq_fail_memory(err);
		return NULL;
	}
	/* All of it, also what stands behind a NUL: names are compared in their whole length. */
	memcpy(stream->name, name.data, name.len);
	stream->name[name.len] = '\0';
	stream->len = name.len;
	if (target->values->create &&
	    create_stream(target, stream->name, partitions, &stream->missing) < 0)
		return stream;
	/* What was made just now is there, and without partitions there is nothing else to learn.
	 */
	if (target->values->create && !(target->conn->caps & MQ_CAP_PARTITIONS))
		stream->partitions = -1;
	else
		look_at(target, stream);
	return stream;
}

/* --- opening --------------------------------------------------------------------------------- */

int target_connect(struct target *target, const struct mq_invocation *invocation,
                   const struct mq_settings *settings, const char *operand,
                   const struct replay_values *values, struct mq_err *err)
{
	*target = (struct target){.env = invocation->env, .values = values};
	if (file_is_named(operand)) {
		target->path = file_path(operand);
		if (values->create)
			return mq_fail(err, MQ_USAGE,
			               "--create makes streams; a file is made anyway");
		if (values->placement.text)
			return mq_fail(err, MQ_USAGE,
			               "--to-partition: a line says where its message came from; "
			               "place it when %s is replayed",
			               target->path);
		return 0;
	}
	if (values->append)
		return mq_fail(err, MQ_USAGE, "--append adds to a file; '%s' is none", operand);
	if (mq_target_resolve(operand, invocation->config, settings, &target->address, err) < 0)
		return -1;
	target->resolved = true;
	if (target->address.readonly)
		return mq_fail(err, MQ_DENIED,
		               "the profile is read-only: writing to %s is not allowed",
		               target->address.shown);
	return 0;
}

/* The streams that are known before the first message: one that is missing is said at once. */
static int open_named(struct target *target, const struct plan *plan, struct mq_err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_part *part = &plan->parts[i];
		if (!part->stream || find_stream(target, mq_bytes_str(part->stream)))
			continue;
		struct target_stream *stream =
		    add_stream(target, mq_bytes_str(part->stream), part->partitions, err);
		if (!stream)
			return -1;
		if (stream->missing.code != MQ_OK) {
			*err = stream->missing;
			return -1;
		}
	}
	return 0;
}

static int open_file(struct target *target, const struct target_spec *spec, struct mq_err *err)
{
	const struct file_write_spec file = {.path = target->path,
	                                     .append = target->values->append,
	                                     .resume = spec->resume,
	                                     .delivered = spec->delivered,
	                                     .ctx = spec->ctx};

	return file_writer_open(&file, target->env, &target->writer, err);
}

/* by_name: the writer is opened with a stream that is there; messages name their own. */
static const char *first_there(const struct target *target)
{
	for (size_t i = 0; i < target->n_streams; i++)
		if (target->streams[i].missing.code == MQ_OK)
			return target->streams[i].name;
	return NULL;
}

static int open_writer(struct target *target, const struct target_spec *spec, struct mq_err *err)
{
	int codec = target->values->compression;
	const struct mq_write_spec writing = {
	    .stream = target->by_name ? first_there(target) : target->address.stream,
	    .by_name = target->by_name,
	    .create = target->values->create && !target->by_name,
	    .transactional = spec->transaction != NULL,
	    .transaction = spec->transaction,
	    .compression = codec >= 0 ? compressions[codec] : NULL,
	    .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES,
	    .delivered = spec->delivered,
	    .ctx = spec->ctx,
	};

	return mq_writer_open(target->conn, &writing, &target->writer, err);
}

int target_dial(struct target *target, struct mq_err *err)
{
	if (target->path)
		return 0;
	if (mq_open(&target->address, target->env, &target->conn, err) < 0)
		return -1;
	target->by_name = !target->address.stream && !target->conn->by_settings;
	return target->address.stream ? opening_check_stream(&target->address, target->conn, err)
	                              : 0;
}

/* A partition that --to-partition names has to be there. */
static int check_placement(const struct target *target, struct mq_err *err)
{
	const struct replay_placement *placement = &target->values->placement;
	int32_t partitions = target->writer->partitions, most = -1;

	if (placement->placing == REPLAY_PLACE_ONE)
		most = placement->to;
	for (size_t i = 0; i < placement->n_moves; i++)
		if (placement->moves[i].to > most)
			most = placement->moves[i].to;
	if (target->by_name || partitions <= 0 || most < partitions)
		return 0;
	return mq_fail(err, MQ_NOT_FOUND,
	               "--to-partition: %s has no partition %d; it has %d, from 0",
	               target_shown(target), (int)most, (int)partitions);
}

int target_open(struct target *target, const struct target_spec *spec, const struct plan *plan,
                struct mq_err *err)
{
	if (target->path)
		return open_file(target, spec, err);
	if (target->by_name && open_named(target, plan, err) < 0)
		return -1;
	target->spec = *spec;
	if (target->by_name && target->n_streams == 0)
		return 0; /* with the first message */
	if (!target->by_name && target->values->create && target->address.stream) {
		if (create_stream(target, target->address.stream, spec->partitions, err) < 0)
			return -1;
	}
	return open_writer(target, spec, err) < 0 ? -1 : check_placement(target, err);
}

void target_release(struct target *target)
{
	mq_writer_close(target->writer);
	mq_close(target->conn);
	if (target->resolved)
		mq_target_release(&target->address);
	for (size_t i = 0; i < target->n_streams; i++)
		free(target->streams[i].name);
	free(target->streams);
	*target = (struct target){0};
}

/* --- placing --------------------------------------------------------------------------------- */

/* The stream of the copy's own name. NULL with err set when it is not there. */
static struct target_stream *place_by_name(struct target *target, struct mq_message *copy,
                                           int32_t source, struct mq_err *err)
{
	struct target_stream *stream = NULL;

	if (copy->stream.len == 0) {
		mq_fail(err, MQ_DATA, "the message names no stream, and %s none either",
		        target_shown(target));
		return NULL;
	}
	if (target->n_streams > 0)
		stream = find_stream(target, copy->stream);
	if (!stream)
		stream = add_stream(target, copy->stream, source, err);
	if (!stream)
		return NULL;
	if (stream->missing.code != MQ_OK) {
		*err = stream->missing;
		return NULL;
	}
	if (!target->writer && open_writer(target, &target->spec, err) < 0)
		return NULL;
	return stream;
}

static void note_placing(struct target *target, int32_t source, int32_t partitions)
{
	if (target->placing_noted)
		return;
	target->placing_noted = true;
	/* The dlq commands, which choose messages, have no such option. */
	const char *option = target->values->chosen ? "" : " (--to-partition)";
	if (source >= 0)
		mq_log(target->env, MQ_LEVEL_NOTE,
		       "the source has %d partition%s and %s has %d: messages are placed by their "
		       "keys%s",
		       (int)source, source == 1 ? "" : "s", target_shown(target), (int)partitions,
		       option);
	else
		mq_log(target->env, MQ_LEVEL_NOTE,
		       "%s has %d partition%s, fewer than the source: messages are placed by their "
		       "keys where theirs is missing%s",
		       target_shown(target), (int)partitions, partitions == 1 ? "" : "s", option);
}

/* Kept when the target has as many partitions as the source, or, where that is not known, when it
 * has this one. */
static int32_t place_auto(struct target *target, int32_t partition, int32_t source,
                          int32_t partitions)
{
	if (partition == MQ_NO_PARTITION)
		return partition;
	if (source >= 0 ? source == partitions : partition < partitions)
		return partition;
	note_placing(target, source, partitions);
	return MQ_NO_PARTITION;
}

static void place(struct target *target, struct mq_message *copy, int32_t source,
                  int32_t partitions)
{
	const struct replay_placement *placement = &target->values->placement;
	int32_t partition = copy->partition;

	copy->partition = MQ_NO_PARTITION;
	if (partitions < 0)
		return;
	switch (placement->placing) {
	case REPLAY_PLACE_KEEP:
		copy->partition = partition;
		break;
	case REPLAY_PLACE_THERE:
		if (partition < partitions)
			copy->partition = partition;
		break;
	case REPLAY_PLACE_HASH:
		break;
	case REPLAY_PLACE_ONE:
		copy->partition = placement->to;
		break;
	case REPLAY_PLACE_MAP:
		for (size_t i = 0; i < placement->n_moves; i++)
			if (placement->moves[i].from == partition) {
				copy->partition = placement->moves[i].to;
				return;
			}
		copy->partition = place_auto(target, partition, source, partitions);
		break;
	case REPLAY_PLACE_AUTO:
		copy->partition = place_auto(target, partition, source, partitions);
		break;
	}
}

/* --- times ------------------------------------------------------------------------------------ */

static int64_t keeps_ms(struct target *target, struct target_keeping *keeping, const char *stream)
{
	struct mq_err err = MQ_ERR_INIT;

	if (!keeping->asked && mq_keeps(target->conn, stream, &keeping->ms, &err) < 0) {
		mq_log(target->env, MQ_LEVEL_VERBOSE, "how long %s keeps messages: %s", stream,
		       err.message);
		keeping->ms = -1;
	}
	keeping->asked = true;
	return keeping->ms;
}

/* A message whose time is far back is removed by a stream that keeps messages by their own time,
 * although it came just now. A dead letter is put back to be read, so it gets the time of now while
 * less than half of its stay is left; a copy keeps its time, and it is said. */
static void look_at_time(struct target *target, struct target_keeping *keeping, const char *stream,
                         struct mq_message *copy)
{
	char text[MQ_DURATION_TEXT];
	int64_t age = copy->ts_ms == MQ_NO_TIME ? 0 : mq_now_ms() - copy->ts_ms;

	if (!stream || age < SOON_MS || keeps_ms(target, keeping, stream) < 0 ||
	    age < keeping->ms / 2)
		return;
	if (target->values->chosen)
		copy->ts_ms = MQ_NO_TIME;
	if (keeping->noted)
		return;
	keeping->noted = true;
	mq_duration_format(keeping->ms, text);
	if (target->values->chosen)
		mq_log(target->env, MQ_LEVEL_NOTE,
		       "%s keeps messages for %s by their own time: those older than half of that "
		       "get the time of now, so that they stay",
		       stream, text);
	else
		mq_log(target->env, MQ_LEVEL_WARN,
		       "%s keeps messages for %s by their own time, and old ones come: they may be "
		       "removed at once; --timestamps now gives them the time of now",
		       stream, text);
}

int target_place(struct target *target, struct mq_message *copy, int32_t source, struct mq_err *err)
{
	struct target_keeping *keeping = &target->keeping;
	const char *stream = target->address.stream;
	int32_t partitions;

	if (target->path) /* a line says where the message came from */
		return 0;
	if (target->by_name) {
		struct target_stream *home = place_by_name(target, copy, source, err);
		if (!home)
			return -1;
		keeping = &home->keeping;
		stream = home->name;
		partitions = home->partitions;
	} else {
		copy->stream = MQ_ABSENT;
		partitions = target->writer->partitions;
	}
	copy->offset = MQ_NO_OFFSET;
	copy->id = MQ_ABSENT;
	place(target, copy, source, partitions);
	look_at_time(target, keeping, stream, copy);
	return 0;
}

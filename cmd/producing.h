/*
 * The producing engine: records from files or standard input, sent as they arrive, every one of
 * them accounted for. `produce` and `kcat -P` are two command lines for it.
 */
#ifndef MQ_CMD_PRODUCING_H
#define MQ_CMD_PRODUCING_H

#include "cmd/encoding.h"
#include "mqtk/command.h"
#include "mqtk/format.h"
#include "mqtk/input.h"
#include "mqtk/message.h"

/* How positional files are read. */
enum producing_files {
	PRODUCING_FILE_IS_MESSAGE, /* each file is one message */
	PRODUCING_FILE_OF_RECORDS, /* each file holds records, as standard input does */
};

/* What became of the input. */
struct producing_counts {
	int64_t read;      /* records taken from the input */
	int64_t confirmed; /* stored, as the broker said */
	bool unfinished;   /* a signal cut a record short */
};

struct judge;

/* What to send. Everything is borrowed for the call. */
struct producing {
	struct mq_invocation *invocation;
	const char *address;
	struct mq_input_spec input;
	enum producing_files files_are;
	const char *const *files; /* "-" is standard input; none: standard input */
	size_t n_files;
	struct mq_bytes key;             /* for records without one of their own; absent: none */
	const struct mq_header *headers; /* added behind each record's own */
	size_t n_headers;
	struct mq_properties properties; /* those that are set win over the record's own */
	bool has_properties;
	int64_t ts_ms;           /* MQ_NO_TIME: the record's own, else now */
	int32_t partition;       /* MQ_NO_PARTITION: the record's own, else by key */
	double rate;             /* records per second; 0: as fast as it goes */
	const char *failed_to;   /* file for failed records, appended to; NULL: none */
	const char *compression; /* NULL: the backend's choice */
	bool create;
	bool transactional;
	bool tee;                            /* print what is sent to standard output */
	const struct mq_format_spec *tee_as; /* how; NULL: as records of the input */
	int64_t count;       /* stop after so many records; 0: at the end of the input */
	bool skip_empty;     /* a file without a byte is no message */
	struct judge *judge; /* records that it finds invalid fail, and are not sent; NULL: none */
	bool avro_files;     /* files are Avro containers, whose values come as lines of JSON */
	/* --encode, and the options of schemas; NULL: records are sent as they are. */
	const struct encoding_options *encoding;
	const struct schema_options *schema;
	struct producing_counts *counts; /* filled at the end; may be NULL */
};

/* Sends everything and waits for every confirmation. Returns the exit code: 0 only if every record
 * was confirmed. */
int producing_run(const struct producing *producing, struct mq_err *err);

#endif

/*
 * The options of everything that reads and prints messages, and what they mean together.
 */
#ifndef MQ_CMD_READING_H
#define MQ_CMD_READING_H

#include "cmd/decoding.h"
#include "mqtk/backend.h"
#include "mqtk/command.h"
#include "mqtk/format.h"

/* A part of a stream: --from (-o) and --to. */
struct reading_range {
	struct mq_pos from, to;
};

struct reading_partitions {
	int32_t *items; /* owned */
	size_t n;
};

/* Which messages. */
struct reading {
	struct reading_range range;
	struct reading_partitions partitions;
	bool end;             /* -e */
	int64_t count;        /* -c; -1: no limit */
	int64_t idle_timeout; /* ms; -1: none */
};
#define READING_INIT                                                                               \
	{                                                                                          \
		.count = -1, .idle_timeout = -1                                                    \
	}

/* How they are printed. */
struct printing {
	const char *template_text; /* -f */
	bool json;                 /* -J */
	const char *delimiter;     /* -D, with escapes */
	const char *key_delimiter; /* -K, with escapes */
	bool null_text;            /* -Z */
	bool unbuffered;           /* -u */
	struct decoding_options decoding;
};

/* --on-error is not given, so that --schema can tell. */
#define PRINTING_INIT                                                                              \
	{                                                                                          \
		.decoding = {.on_error = -1 }                                                      \
	}

extern const struct mq_option reading_rows[];
extern const struct mq_option printing_rows[];

/* For MQ_OPT_CUSTOM with struct reading_partitions: -p 3, -p 0,2,5-7; repeatable. */
int reading_parse_partitions(void *field, const char *value, struct mq_err *err);

/* Frees what the custom options own. */
void reading_release(struct reading *reading);

/* Printing options compiled into formats, and --decode into a decoder. */
struct printer {
	struct decoder decoder;
	struct mq_format *format;
	struct mq_format *fallback; /* --on-error raw: without the decoding; else NULL */
	enum on_error on_error;
	bool envelopes; /* -J */
	bool unbuffered;
};
int printer_init(struct printer *printer, const struct mq_invocation *invocation,
                 const struct printing *options, struct mq_err *err);
/* What has to be filled in of messages: enum mq_need. */
unsigned printer_needs(const struct printer *printer);
/* The same from a spec, for kcat's command line. */
int printer_init_spec(struct printer *printer, const struct mq_format_spec *spec,
                      enum on_error on_error, struct mq_err *err);
/* Appends what an option's escapes stand for; the error names the option. */
int option_bytes(const char *option, const char *text, struct mq_buf *buf, struct mq_err *err);
void printer_release(struct printer *printer);

#endif

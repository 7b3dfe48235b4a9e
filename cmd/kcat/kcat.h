/*
 * kcat's command line over mqtk's engines: what the files of cmd/kcat share.
 *
 * args.c reads the command line, properties.c the properties and where the brokers are; produce.c,
 * consume.c, list.c and query.c hand them to the same engines as mqtk's own commands. Nothing here
 * talks to a broker by itself.
 */
#ifndef MQ_CMD_KCAT_H
#define MQ_CMD_KCAT_H

#include "cmd/reading.h"
#include "mqtk/command.h"

/* The options as given. */
struct kcat_values {
	struct mq_common common; /* -q -v -h -V -X are kept in here */
	bool produce, consume, list, query;
	const char *group;             /* -G */
	struct mq_option_list topics;  /* -t: the last one counts, but for -Q */
	const char *brokers;           /* -b */
	int64_t partition;             /* -p */
	int64_t timeout_s;             /* -m */
	int64_t count;                 /* -c; 0 and -1: no limit */
	struct mq_option_list configs; /* -F */
	const char *debug;             /* -d */
	bool go_on;                    /* -E */
	const char *delimiter;         /* -D */
	const char *key_delimiter;     /* -K */
	bool null;                     /* -Z */
	const char *key;               /* -k */
	struct mq_option_list headers; /* -H */
	bool lines;                    /* -l */
	bool tee;                      /* -T */
	int codec;                     /* -z; -1: not given */
	struct reading_range range;    /* -o */
	bool end;                      /* -e */
	const char *template_text;     /* -f */
	bool json;                     /* -J */
	struct mq_option_list serdes;  /* -s */
	const char *registry;          /* -r */
	bool offset;                   /* -O: as in kcat 1.7.1 it changes nothing */
	bool unbuffered;               /* -u */
};
extern const struct kcat_values kcat_defaults;
extern const struct mq_option_set kcat_sets[];

enum kcat_mode { KCAT_NONE, KCAT_PRODUCE, KCAT_CONSUME, KCAT_GROUP, KCAT_LIST, KCAT_QUERY };

/* A command line, read: the options and what they and the properties mean together. */
struct kcat {
	struct mq_invocation *invocation; /* its settings are the properties for the broker */
	const struct kcat_values *values;
	struct mq_operands operands; /* files of -P, topics of -G */
	enum kcat_mode mode;
	const char *topic; /* of -t, or NULL */
	struct mq_buf delimiter, key_delimiter;
	struct mq_bytes delimiter_bytes;
	struct mq_bytes key_delimiter_bytes; /* absent: no -K */
	char *brokers;                       /* host[:port],…; or NULL */
	bool transactional;                  /* transactional.id is set */
	bool commit;                         /* enable.auto.commit */
	int64_t commit_interval_ms;          /* auto.commit.interval.ms */
	struct mq_pos reset;                 /* auto.offset.reset */
	bool dump;                           /* -X dump */
	bool manual;                         /* -X list, -X help */
};

/* Reads argv (the invocation's operands) into invocation->values and *kcat. kcat_release frees what
 * either of them owns, also after a failure. */
int kcat_args_parse(struct kcat *kcat, struct mq_invocation *invocation, struct mq_err *err);
/* Chooses the mode when none was given, then checks what must hold together before something is
 * done, and reads the delimiters. */
int kcat_args_check(struct kcat *kcat, struct mq_err *err);
void kcat_release(struct kcat *kcat);

/* Properties of files (-F, $KCAT_CONFIG, ~/.config/kcat.conf), then those of -X: later ones win. */
int kcat_properties_read(struct kcat *kcat, struct mq_err *err);

/* The address of a topic, or of the brokers alone (NULL), in mqtk's own grammar. Owned by the
 * caller; NULL with err set on failure. */
char *kcat_address(const struct kcat *kcat, const char *topic, struct mq_err *err);

/* The modes. Each returns an exit code of mqtk, with err set when something failed. */
int kcat_produce(struct kcat *kcat, struct mq_err *err);
int kcat_consume(struct kcat *kcat, struct mq_err *err);
int kcat_list(struct kcat *kcat, struct mq_err *err);
int kcat_query(struct kcat *kcat, struct mq_err *err);
/* -X list and -X dump, instead of a mode. */
int kcat_show_properties(struct kcat *kcat, struct mq_err *err);

#endif

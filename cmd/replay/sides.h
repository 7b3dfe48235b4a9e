/*
 * The sources of a replay, with the settings of both sides (cmd/two_brokers.h): opening them, and
 * what they tell together.
 */
#ifndef MQ_CMD_REPLAY_SIDES_H
#define MQ_CMD_REPLAY_SIDES_H

#include "cmd/replay/plan.h"
#include "cmd/replay/target.h"
#include "cmd/sources.h"

struct sides {
	struct mq_invocation source_invocation; /* with the sources' settings */
	struct mq_settings target_settings;
	const char **addresses; /* of brokers, in the order of the command line; owned */
	size_t n_addresses;
	const char **paths; /* of files; owned */
	size_t n_paths;
	bool connected;
	struct sources sources;
	struct mq_reader **readers; /* the brokers', then the files' */
	size_t n_readers;
	int32_t *partitions_of; /* per broker: of its only stream, else -1 */
	char *label;
	const char **shown; /* every source without secrets, in that order; owned array */
};

int sides_init(struct sides *sides, const struct mq_invocation *invocation, struct mq_err *err);
/* Connects to the source brokers and resolves the target; nothing is read or written yet. */
int sides_connect(struct sides *sides, struct target *target, const struct replay_values *values,
                  const char *operand, struct mq_err *err);
/* How many partitions streams have that are not in the plan: their copies may keep theirs. */
int sides_learn(struct sides *sides, const struct plan *plan, struct mq_err *err);
/* Opens the readers: by the plan where a source stands in it. done: messages of earlier runs. */
int sides_read(struct sides *sides, const struct plan *plan, const struct replay_values *values,
               int64_t done, struct mq_err *err);
/* Says what members of the group still hold: where members keep what they were given, a run that
 * was killed beside another one leaves it to nobody; where they have partitions, to whoever is
 * there when its session is over. */
void sides_say_held(const struct sides *sides, const char *group, const struct mq_env *env);
void sides_release(struct sides *sides);

/* Sums over the readers. */
int64_t sides_expected(const struct sides *sides, const struct plan *plan);
int64_t sides_missed(const struct sides *sides);
int64_t sides_bad_lines(const struct sides *sides);

#endif

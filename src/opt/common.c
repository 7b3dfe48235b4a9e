/* The options that every command has. */
#include "mqtk/command.h"

const char *const mq_color_choices[] = {"auto", "always", "never", NULL};

#define FIELD(member) offsetof(struct mq_common, member)

const struct mq_option mq_common_rows[] = {
    {.letter = 'X',
     .type = MQ_OPT_LIST,
     .field = FIELD(settings),
     .arg = "NAME=VALUE",
     .complete = MQ_COMPLETE_SETTING,
     .help = "a setting of the backend; repeatable",
     .more = "Wins over the address, the environment and the profile. The names are listed by "
             "mqtk help BACKEND; for Kafka every property of librdkafka is one."},
    {.name = "timeout",
     .type = MQ_OPT_DURATION,
     .field = FIELD(timeout_ms),
     .arg = "DUR",
     .min = 1,
     .max = INT64_C(7) * 24 * 3600 * 1000,
     .help = "how long to try a broker before giving up (10s)"},
    {.name = "insecure",
     .type = MQ_OPT_FLAG,
     .field = FIELD(insecure),
     .help = "do not check the server's TLS certificate"},
    {.name = "quiet",
     .letter = 'q',
     .type = MQ_OPT_FLAG,
     .field = FIELD(quiet),
     .excludes = "verbose",
     .help = "warnings and errors only"},
    {.name = "verbose",
     .letter = 'v',
     .type = MQ_OPT_COUNT,
     .field = FIELD(verbose),
     .help = "say more; -vv adds the client library's log"},
    {.name = "color",
     .type = MQ_OPT_CHOICE,
     .field = FIELD(color),
     .arg = "WHEN",
     .choices = mq_color_choices,
     .help = "colour: auto, always or never",
     .more = "auto colours what goes to a terminal, unless NO_COLOR is set."},
    {.name = "help", .letter = 'h', .type = MQ_OPT_FLAG, .field = FIELD(help), .help = "this text"},
    {.name = "version",
     .type = MQ_OPT_FLAG,
     .field = FIELD(version),
     .hidden = true,
     .help = "the version of mqtk and of the libraries it uses"},
    {0},
};

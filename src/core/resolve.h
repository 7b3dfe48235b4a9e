/* Host names to addresses, without waiting longer than is wanted. */
#ifndef MQ_CORE_RESOLVE_H
#define MQ_CORE_RESOLVE_H

#include "mqtk/env.h"

#include <netdb.h>

/* The addresses of a host for a stream socket, to be freed by freeaddrinfo. The system's resolver
 * cannot be interrupted, so a name is asked for in a thread that is left behind when it takes
 * longer than timeout_ms or the cancel is raised. Errors: MQ_UNREACHABLE (retriable), without the
 * host's name; MQ_CANCELLED. */
int mq_resolve(const char *host, const char *port, const struct mq_env *env, int timeout_ms,
               struct addrinfo **ret_addresses, struct mq_err *err);

#endif

/* TLS over a connected, non-blocking socket, by OpenSSL. What mqtk/net.h promises of it is kept
 * here; the rest of the program does not see OpenSSL. */
#ifndef MQ_CORE_TLS_H
#define MQ_CORE_TLS_H

#include "mqtk/net.h"

struct mq_tls;

/* Shakes hands within timeout_ms. host is what the certificate has to be for. The socket stays the
 * caller's. Errors: as mq_net_connect, without the peer's name. */
int mq_tls_open(int fd, const char *host, const struct mq_net_tls *options,
                const struct mq_env *env, int timeout_ms, struct mq_tls **ret_tls,
                struct mq_err *err);
/* Says goodbye as far as that goes without waiting. */
void mq_tls_free(struct mq_tls *tls);

/* As mq_net_read and mq_net_write. */
int64_t mq_tls_read(struct mq_tls *tls, void *data, size_t len, struct mq_err *err);
int64_t mq_tls_write(struct mq_tls *tls, const void *data, size_t len, struct mq_err *err);

/* Decrypted bytes are waiting, which poll() does not see. */
bool mq_tls_pending(const struct mq_tls *tls);
/* What to wait for on the socket, to read or (want_write) to write on: poll() events. */
short mq_tls_events(const struct mq_tls *tls, bool want_write);

#endif

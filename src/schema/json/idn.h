/* Internationalised host names (IDNA 2008, RFC 5890 to 5893), by libidn2. */
#ifndef SCHEMA_JSON_IDN_H
#define SCHEMA_JSON_IDN_H

#include "mqtk/bytes.h"

/* Whether a label may be registered: one in Unicode, or one that begins with "xn--". Without the
 * library nothing is known against it: true. */
bool js_idn_label(struct mq_bytes label, bool ascii);

#endif

/*
 * libidn2: see idn.h. As with PCRE2 only its header is compiled against, and the library is loaded
 * at its first use.
 */
#include "schema/json/idn.h"

#ifdef MQ_WITH_idn2

#include "core/library.h"

#include <idn2.h>

static struct {
	__typeof__(idn2_register_u8) *register_u8;
	__typeof__(idn2_free) *free;
} idn2;

static const struct mq_symbol symbols[] = {
    MQ_SYMBOL(idn2, idn2_, register_u8),
    MQ_SYMBOL(idn2, idn2_, free),
};

static struct mq_library library = {
    .file = "libidn2.so.0",
    .purpose = "checking names of hosts in other scripts",
    .install = "libidn2 (the package libidn2-0 on Debian and Ubuntu)",
    MQ_SYMBOLS(symbols),
};

bool js_idn_label(struct mq_bytes label, bool ascii)
{
	uint8_t text[256], *out = NULL;

	if (mq_library_load(&library, NULL) < 0)
		return true;
	if (label.len >= sizeof text || memchr(label.data, '\0', label.len))
		return false;
	memcpy(text, label.data, label.len);
	text[label.len] = '\0';
	int result =
	    idn2.register_u8(ascii ? NULL : text, ascii ? text : NULL, &out, IDN2_NFC_INPUT);
	idn2.free(out);
	return result == IDN2_OK;
}

#else

bool js_idn_label(struct mq_bytes label, bool ascii)
{
	(void)label, (void)ascii;
	return true;
}

#endif

/*
 * libidn2: see idn.h. As with PCRE2 only its header is compiled against, and the library is loaded
 * at its first use.
 */
#include "schema/json/idn.h"

#ifdef MQ_WITH_idn2

#include <dlfcn.h>
#include <idn2.h>
#include <pthread.h>

#define LIBRARY "libidn2.so.0"

/* The process's one libidn2, for as long as it lives; written once. NULL: it is not here. */
static __typeof__(idn2_register_u8) *idn2_register;
static __typeof__(idn2_free) *idn2_release;

static void load_once(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	void *add = library ? dlsym(library, "idn2_register_u8") : NULL;
	void *release = library ? dlsym(library, "idn2_free") : NULL;

	/* A pointer to an object is no pointer to a function in C, though POSIX makes it one. */
	memcpy(&idn2_register, &add, sizeof add);
	memcpy(&idn2_release, &release, sizeof release);
}

bool js_idn_label(struct mq_bytes label, bool ascii)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint8_t text[256], *out = NULL;

	pthread_once(&once, load_once);
	if (!idn2_register || !idn2_release)
		return true;
	if (label.len >= sizeof text || memchr(label.data, '\0', label.len))
		return false;
	memcpy(text, label.data, label.len);
	text[label.len] = '\0';
	int result = idn2_register(ascii ? NULL : text, ascii ? text : NULL, &out, IDN2_NFC_INPUT);
	idn2_release(out);
	return result == IDN2_OK;
}

#else

bool js_idn_label(struct mq_bytes label, bool ascii)
{
	(void)label, (void)ascii;
	return true;
}

#endif

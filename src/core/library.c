/* Libraries loaded at their first use: see library.h. */
#include "core/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

enum {
	UNKNOWN,
	LOADED,
	FAILED,
};

/* NULL, or why it cannot be used. */
static const char *load(const struct mq_library *library)
{
	void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return dlerror();
	for (size_t i = 0; i < library->n_symbols; i++) {
		void *symbol = dlsym(handle, library->symbols[i].name);
		if (!symbol)
			return "it is too old";
		/* A pointer to an object is no pointer to a function in C, though POSIX makes it
		 * one. */
		memcpy(library->symbols[i].place, &symbol, sizeof symbol);
	}
	return library->begin ? library->begin() : NULL;
}

int mq_library_load(struct mq_library *library, struct mq_err *err)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	int state = __atomic_load_n(&library->state, __ATOMIC_ACQUIRE);

	if (state == UNKNOWN) {
		pthread_mutex_lock(&mutex);
		state = library->state;
		if (state == UNKNOWN) {
			const char *why = load(library);
			if (why)
				strncat(library->why_not, why, sizeof library->why_not - 1);
			state = why ? FAILED : LOADED;
			__atomic_store_n(&library->state, state, __ATOMIC_RELEASE);
		}
		pthread_mutex_unlock(&mutex);
	}
	if (state == LOADED)
		return 0;
	mq_fail(err, MQ_USAGE, "%s needs %s, which cannot be loaded: %s", library->purpose,
	        library->file, library->why_not);
	return mq_hint(err, "install %s", library->install);
}

/* Files that the build embeds: see scripts/embed.sh. */
#ifndef SCHEMA_JSON_METASCHEMAS_H
#define SCHEMA_JSON_METASCHEMAS_H

#include <stddef.h>

struct js_embedded {
	const char *name; /* the file's, without folder and ending; NULL: the end */
	const unsigned char *data;
	size_t len;
};

extern const struct js_embedded js_metaschema_files[];

#endif

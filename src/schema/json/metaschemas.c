/* The meta-schemas of the drafts, which the program carries: meta/NAME.json, embedded by the build
 * as mq_metaschema_files (scripts/embed.sh). */
#include "schema/json/metaschemas.h"
#include "schema/json/library.h"

#include <stdio.h>

struct mq_bytes js_metaschema(const char *uri)
{
	static const char modern[] = "https://json-schema.org/draft/";
	char name[64] = "";
	size_t len = strlen(uri);
	int draft = 0;

	if (len < 100 && strncmp(uri, modern, sizeof modern - 1) == 0) {
		char year[16], part[32];
		if (sscanf(uri + sizeof modern - 1, "%15[0-9-]/meta/%31[a-z-]", year, part) == 2 ||
		    sscanf(uri + sizeof modern - 1, "%15[0-9-]/%31[a-z-]", year, part) == 2)
			snprintf(name, sizeof name, "draft%s-%s", year, part);
	} else if (sscanf(uri, "http://json-schema.org/draft-0%d/schema", &draft) == 1) {
		snprintf(name, sizeof name, "draft%d", draft);
	}
	for (const struct js_embedded *file = js_metaschema_files; file->name; file++)
		if (strcmp(file->name, name) == 0)
			return mq_bytes_of(file->data, file->len);
	return MQ_ABSENT;
}

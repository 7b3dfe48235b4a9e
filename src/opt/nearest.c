/* "Did you mean": the nearest of some words by edit distance. */
#include "mqtk/option.h"

#include <string.h>
#include <strings.h>

#define LONGEST 40

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. Both are at most
 * LONGEST long. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t replaced = last[j - 1] + (a[i - 1] != b[j - 1]);
			now[j] = least(replaced, least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[n];
}

const char *mq_nearest(const char *word, const char *const *candidates)
{
	size_t len = strlen(word);
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;

	if (len == 0 || len > LONGEST)
		return NULL;
	for (const char *const *c = candidates; *c; c++) {
		size_t own = strlen(*c);
		if (strcasecmp(word, *c) == 0)
			return *c;
		if (own > LONGEST)
			continue;
		size_t d = distance(word, *c);
		/* A beginning is what somebody types who expects abbreviations. */
		if (len >= 2 && strncmp(word, *c, len) == 0)
			d = 1;
		/* One slip in every three letters; with more it is another word. */
		size_t near = least(len, own) / 3;
		if (d <= (near ? near : 1) && d < own && d < best_distance) {
			best = *c;
			best_distance = d;
		}
	}
	return best;
}

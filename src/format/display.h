/*
 * Text as a terminal shows it: how wide it is, and that it can do no harm there.
 */
#ifndef FORMAT_DISPLAY_H
#define FORMAT_DISPLAY_H

#include <stddef.h>

/* Replaces, in place, what could drive a terminal by '?': control characters (C0, DEL, C1), marks
 * that turn the direction of writing, line separators, and bytes that are no UTF-8. */
void mq_display_clean(char *text);

/* The columns that text takes on a terminal, roughly: combining marks none, East Asian wide
 * characters and emoji two. Does not depend on the locale. */
size_t mq_display_width(const char *text);

#endif

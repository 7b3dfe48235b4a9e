/*
 * The terminal while something is redrawn on it: another screen, keys as they are typed, and all of
 * it given back at every end.
 */
#ifndef MQ_CMD_LAG_SCREEN_H
#define MQ_CMD_LAG_SCREEN_H

#include "mqtk/error.h"

/* Takes the terminal at stdin and stdout. */
int lag_screen_enter(struct mq_err *err);
/* Gives it back as it was; does nothing when it was not taken. Also called when a signal ends the
 * process at once. */
void lag_screen_leave(void);

/* A descriptor that is readable when the size may have changed or the process was continued. */
int lag_screen_fd(void);
/* After that: takes the terminal again, as far as somebody else changed it. */
void lag_screen_again(void);
/* Gives the terminal back and stops, as Ctrl-Z does; returns when the process is continued. */
void lag_screen_suspend(void);

void lag_screen_size(int *ret_lines, int *ret_columns);

enum lag_key {
	LAG_KEY_UP = 256,
	LAG_KEY_DOWN,
	LAG_KEY_PAGE_UP,
	LAG_KEY_PAGE_DOWN,
	LAG_KEY_ESCAPE,
	LAG_KEY_OTHER, /* one that means nothing here */
};

/* What was typed: bytes, and an enum lag_key for keys that send several. Returns how many (at most
 * max), 0 when there is nothing, -1 when the terminal is gone. */
int lag_screen_keys(int *ret_keys, int max);

#endif

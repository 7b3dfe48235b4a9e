/* The terminal while something is redrawn on it: see screen.h. */
#include "cmd/lag/screen.h"
#include "mqtk/cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Another screen, without a cursor and without wrapping lines; and back. */
static const char on[] = "\033[?1049h\033[?25l\033[?7l";
static const char off[] = "\033[?7h\033[?25h\033[?1049l";

/* There is one terminal, and signal handlers have to reach it. */
static struct termios before;
static volatile sig_atomic_t taken;
static int changed[2] = {-1, -1};

enum { N_FATAL = 2, N_CHANGES = 2 };
static const int fatal[N_FATAL] = {SIGQUIT, SIGABRT};
static const int changes[N_CHANGES] = {SIGWINCH, SIGCONT};
static struct sigaction fatal_before[N_FATAL], changes_before[N_CHANGES];

static void put(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, text, len);
		if (n < 0 && errno != EINTR)
			return;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void give_back(void)
{
	if (!taken)
		return;
	taken = 0;
	put(off, sizeof off - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void take(void)
{
	struct termios raw = before;

	/* Ctrl-C stays a signal. Ctrl-Z is read as a key, so that the terminal is given back
	 * before we stop, and Ctrl-\ with it. */
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
	raw.c_cc[VSUSP] = _POSIX_VDISABLE;
	raw.c_cc[VQUIT] = _POSIX_VDISABLE;
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	taken = 1;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	put(on, sizeof on - 1);
}

static void on_fatal(int signum)
{
	give_back();
	signal(signum, SIG_DFL);
	raise(signum);
}

static void on_change(int signum)
{
	int saved = errno;
	ssize_t n = write(changed[1], "x", 1);

	(void)signum;
	(void)n; /* a full pipe is readable already */
	errno = saved;
}

static int catch_signals(struct mq_err *err)
{
	struct sigaction act = {.sa_handler = on_fatal};

	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < N_FATAL; i++)
		if (sigaction(fatal[i], &act, &fatal_before[i]) < 0)
			return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot catch signals");
	/* What waits in a library is not to be disturbed by it. */
	act = (struct sigaction){.sa_handler = on_change, .sa_flags = SA_RESTART};
	for (size_t i = 0; i < N_CHANGES; i++)
		if (sigaction(changes[i], &act, &changes_before[i]) < 0)
			return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot catch signals");
	return 0;
}

int lag_screen_enter(struct mq_err *err)
{
	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot read the terminal's settings");
	if (pipe2(changed, O_CLOEXEC | O_NONBLOCK) < 0)
		return mq_fail_errno(err, MQ_INTERNAL, errno, "cannot make a pipe");
	if (catch_signals(err) < 0)
		return -1;
	mq_cancel_before_death(give_back);
	take();
	return 0;
}

void lag_screen_leave(void)
{
	if (changed[0] < 0)
		return;
	give_back();
	mq_cancel_before_death(NULL);
	for (size_t i = 0; i < N_CHANGES; i++)
		sigaction(changes[i], &changes_before[i], NULL);
	for (size_t i = 0; i < N_FATAL; i++)
		sigaction(fatal[i], &fatal_before[i], NULL);
	close(changed[0]);
	close(changed[1]);
	changed[0] = changed[1] = -1;
}

int lag_screen_fd(void)
{
	return changed[0];
}

void lag_screen_again(void)
{
	char bytes[64];

	while (read(changed[0], bytes, sizeof bytes) > 0)
		;
	take();
}

void lag_screen_suspend(void)
{
	give_back();
	/* Other threads have all signals blocked, so this returns when we are continued. */
	kill(0, SIGTSTP);
	take();
}

void lag_screen_size(int *ret_lines, int *ret_columns)
{
	struct winsize size = {0};

	*ret_lines = 24;
	*ret_columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_row > 0)
		*ret_lines = size.ws_row;
	if (size.ws_col > 0)
		*ret_columns = size.ws_col;
}

/* --- keys ------------------------------------------------------------------------------------ */

/* Reads what stands behind ESC; *used says how many bytes of text belong to it. */
static int escape_key(const char *text, size_t len, size_t *used)
{
	size_t at = 1;

	*used = 1;
	if (len < 2 || (text[1] != '[' && text[1] != 'O'))
		return LAG_KEY_ESCAPE;
	at = 2;
	while (at < len && (text[at] < '@' || text[at] > '~'))
		at++;
	if (at == len) {
		*used = len;
		return LAG_KEY_OTHER;
	}
	*used = at + 1;
	switch (text[at]) {
	case 'A':
		return LAG_KEY_UP;
	case 'B':
		return LAG_KEY_DOWN;
	case '~':
		return text[2] == '5'   ? LAG_KEY_PAGE_UP
		       : text[2] == '6' ? LAG_KEY_PAGE_DOWN
		                        : LAG_KEY_OTHER;
	default:
		return LAG_KEY_OTHER;
	}
}

int lag_screen_keys(int *ret_keys, int max)
{
	struct pollfd hung = {.fd = STDIN_FILENO, .events = POLLIN};
	char text[64];
	int n = 0;
	ssize_t len = read(STDIN_FILENO, text, sizeof text);

	if (len < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -1;
	if (len == 0)
		return poll(&hung, 1, 0) > 0 && (hung.revents & (POLLHUP | POLLERR)) ? -1 : 0;
	for (size_t i = 0, used; i < (size_t)len && n < max; i += used) {
		used = 1;
		ret_keys[n++] = text[i] == '\033' ? escape_key(text + i, (size_t)len - i, &used)
		                                  : (unsigned char)text[i];
	}
	return n;
}

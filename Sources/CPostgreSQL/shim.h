#ifndef SWITCHBOARD_CPOSTGRESQL_SHIM_H
#define SWITCHBOARD_CPOSTGRESQL_SHIM_H

#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

static inline void switchboard_ignore_notice(void *ignored, const char *message) {}

/// Keeps a connection from writing notices to standard error.
static inline void switchboard_ignore_notices(PGconn *connection) {
    PQsetNoticeProcessor(connection, switchboard_ignore_notice, NULL);
}

/// Whether some bytes hold one of a value.
static inline int switchboard_contains(const void *bytes, int value, size_t count) {
    return memchr(bytes, value, count) != NULL;
}

/// Waits until a socket can be read from, or written to where that is wanted.
///
/// \param milliseconds At the most; -1 for any time.
/// \return Whether it can, or has failed. A signal ends the wait too.
static inline int switchboard_wait(int descriptor, int writes, int milliseconds) {
    struct pollfd wanted = {.fd = descriptor, .events = (short)(POLLIN | (writes ? POLLOUT : 0))};
    return poll(&wanted, 1, milliseconds) > 0;
}

static inline void switchboard_sleep(int milliseconds) { poll(NULL, 0, milliseconds); }

#endif

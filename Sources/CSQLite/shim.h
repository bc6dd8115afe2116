#ifndef SWITCHBOARD_CSQLITE_SHIM_H
#define SWITCHBOARD_CSQLITE_SHIM_H

#include <sqlite3.h>
#include <string.h>

/// Has the last connection leave the log as it is when it closes.
static inline int switchboard_keep_log(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

/// Has the library not count the memory that it uses, for which it locks a mutex at each allocation. To be called before
/// anything else.
static inline int switchboard_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/// What an `errno` means.
static inline const char *switchboard_system_error(int code) { return strerror(code); }

#endif

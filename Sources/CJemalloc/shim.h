#ifndef SWITCHBOARD_CJEMALLOC_SHIM_H
#define SWITCHBOARD_CJEMALLOC_SHIM_H

// Nothing is called by name: a program that is linked with jemalloc has its `malloc`.

#endif

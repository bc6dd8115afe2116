// zlib, with functions for its macros.
#ifndef SWITCHBOARD_CZLIB_SHIM_H
#define SWITCHBOARD_CZLIB_SHIM_H

#include <zlib.h>

/// Raw deflate; `bits` is 9 to 15.
static inline int switchboard_deflate_init(z_stream *stream, int level, int bits, int memory) {
  return deflateInit2(stream, level, Z_DEFLATED, -bits, memory, Z_DEFAULT_STRATEGY);
}

/// Raw inflate; `bits` is 8 to 15.
static inline int switchboard_inflate_init(z_stream *stream, int bits) { return inflateInit2(stream, -bits); }

#endif

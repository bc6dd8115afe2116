// libFuzzer, started from a main function of our own: SwiftPM renames that of every executable, so that
// libFuzzer's would not be found.

#ifndef CLIBFUZZER_SHIM_H
#define CLIBFUZZER_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *data, size_t size));

/// Runs `LLVMFuzzerTestOneInput` as libFuzzer's options say, and exits.
_Noreturn static inline void fuzz(int argc, char **argv) {
    exit(LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput));
}

#endif

// Nothing to include: the library is loaded before a program (LD_PRELOAD) and counts what it allocates.

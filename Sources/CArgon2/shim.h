#ifndef SWITCHBOARD_CARGON2_SHIM_H
#define SWITCHBOARD_CARGON2_SHIM_H

#include <argon2.h>

#endif

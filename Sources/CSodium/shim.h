#ifndef CHORUS_CSODIUM_H
#define CHORUS_CSODIUM_H
#include <sodium.h>
#endif

#ifndef CHORUS_CHIREDIS_H
#define CHORUS_CHIREDIS_H
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#endif

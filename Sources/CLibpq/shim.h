#ifndef CHORUS_CLIBPQ_H
#define CHORUS_CLIBPQ_H
#include <libpq-fe.h>
#endif

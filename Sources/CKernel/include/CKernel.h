#ifndef CHORUS_CKERNEL_H
#define CHORUS_CKERNEL_H
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif

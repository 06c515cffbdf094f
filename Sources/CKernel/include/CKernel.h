#ifndef CHORUS_CKERNEL_H
#define CHORUS_CKERNEL_H
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

// prctl is variadic, which Swift does not import. The signal is sent to the caller when the thread that made it ends.
static inline int chorus_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal); }
#endif

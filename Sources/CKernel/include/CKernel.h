#ifndef CHORUS_CKERNEL_H
#define CHORUS_CKERNEL_H

// The kernel calls that Swift's Glibc module does not export, or exports in a shape that costs a copy:
// epoll (its event is a packed union), eventfd, and the socket options of linux/tcp.h.

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

enum {
    CHORUS_READABLE = EPOLLIN,
    CHORUS_WRITABLE = EPOLLOUT,
    CHORUS_PEER_CLOSED = EPOLLRDHUP,
    CHORUS_HANGUP = EPOLLHUP | EPOLLERR,
};

static inline int chorus_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

/// Lets other threads run that wait for this core.
static inline void chorus_yield(void) { sched_yield(); }

/// A `nice` of 10 for the calling thread: on Linux the priority is each thread's own.
static inline void chorus_lower_priority(void) { setpriority(PRIO_PROCESS, 0, 10); }

static inline int chorus_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

static inline int chorus_epoll_set(int poller, int operation, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(poller, operation, descriptor, &event);
}

static inline int chorus_epoll_add(int poller, int descriptor, uint32_t events, uint64_t data) {
    return chorus_epoll_set(poller, EPOLL_CTL_ADD, descriptor, events, data);
}

static inline int chorus_epoll_modify(int poller, int descriptor, uint32_t events, uint64_t data) {
    return chorus_epoll_set(poller, EPOLL_CTL_MOD, descriptor, events, data);
}

/// One ready descriptor, unpacked.
struct chorus_ready {
    uint64_t data;
    uint32_t events;
};

enum { CHORUS_READY_MAX = 128 };

/// Waits and unpacks; returns the number of entries, 0 also when a signal interrupted the wait, -1 on error.
static inline int chorus_epoll_wait(int poller, struct chorus_ready *ready, int timeout_milliseconds) {
    struct epoll_event events[CHORUS_READY_MAX];
    int count = epoll_wait(poller, events, CHORUS_READY_MAX, timeout_milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        ready[i].data = events[i].data.u64;
        ready[i].events = events[i].events;
    }
    return count;
}

/// Writes without blocking and without SIGPIPE; the negative errno on failure.
static inline ssize_t chorus_send(int descriptor, const void *bytes, size_t count) {
    ssize_t written = send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    return written < 0 ? -errno : written;
}

/// Gathers without blocking and without SIGPIPE; the negative errno on failure.
static inline ssize_t chorus_send_vector(int descriptor, struct iovec *parts, size_t count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t written = sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return written < 0 ? -errno : written;
}

/// Reads without blocking; the negative errno on failure.
static inline ssize_t chorus_receive(int descriptor, void *bytes, size_t count) {
    ssize_t received = recv(descriptor, bytes, count, MSG_DONTWAIT);
    return received < 0 ? -errno : received;
}

/// A stream socket of `family`, without blocking; the negative errno on failure.
static inline int chorus_stream_socket(int family) {
    int descriptor = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return descriptor < 0 ? -errno : descriptor;
}

/// Starts to connect; 0 or the negative errno (-EINPROGRESS: under way).
static inline int chorus_connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    return connect(descriptor, address, length) < 0 ? -errno : 0;
}

/// The error that waits on a socket, as a positive errno; 0 when none.
static inline int chorus_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

static inline int chorus_set_no_delay(int descriptor) {
    int on = 1;
    return setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Data that stays unacknowledged for longer ends the connection: finds peers that vanished.
static inline int chorus_set_user_timeout(int descriptor, unsigned milliseconds) {
    return setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

static inline int chorus_set_send_buffer(int descriptor, int bytes) {
    return setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static inline int chorus_set_receive_buffer(int descriptor, int bytes) {
    return setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

/// Closes with a reset instead of a farewell, so that what the kernel still holds for a slow peer is freed at once.
static inline int chorus_set_abortive_close(int descriptor) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static inline uint64_t chorus_monotonic_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline uint64_t chorus_realtime_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// The calling thread's CPU time.
static inline uint64_t chorus_thread_cpu_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Gives the allocator's free pages back to the kernel.
static inline void chorus_return_free_memory(void) { malloc_trim(0); }

/// Raises the soft limit of descriptors to the hard one; the limit that holds afterwards, or -1.
static inline int64_t chorus_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
    }
    return (int64_t)limit.rlim_cur;
}

#endif

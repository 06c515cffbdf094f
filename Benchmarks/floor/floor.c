// The floor: what plain write(2) costs on one thread. It accepts the same request as a Reader and sends the same frames,
// and does nothing else: no Redis, no channels, no limits. One write per viewer and pass; a pass carries one event, or
// several joined.
//
//   floor --port 4000 [--join 1] [--rate 0] [--seconds 10] [--comment-bytes 30]
//
// It serves until SIGTERM. SIGUSR1 begins `seconds` of publishing: `rate` events a second, or as many as go when it is 0.
// A pass carries up to `join` events that are due. Then one line of JSON on standard output says what was sent.
// Publishing uses blocking sockets: a viewer that does not read holds everybody up, so nothing is lost.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, EVENTS = 256, FRAME_MAX = 4096, JOIN_MAX = 4096, DESCRIPTORS = 1 << 16 };

typedef struct {
    int port, join, seconds, comment_bytes;
    double rate;
} options;

// What has come in of a viewer's request; freed as soon as it is answered.
typedef struct {
    char *head; // NULL once it is answered
    size_t length;
} request;

static const char epoch[] = "f100r";
static volatile sig_atomic_t begin, stop;
static request requests[DESCRIPTORS];
static int viewers[DESCRIPTORS];
static int viewer_count;
static uint64_t lost_viewers;

static void on_signal(int number) {
    if (number == SIGUSR1) begin = 1;
    else stop = 1;
}

static void fail(const char *what) {
    perror(what);
    exit(70);
}

static int64_t now_us(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) fail("listen");
    return listener;
}

static void watch(int poller, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = descriptor};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event)) fail("epoll_ctl");
}

static void accept_all(int poller, int listener) {
    for (;;) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
        if (descriptor < 0) return;
        if (descriptor >= DESCRIPTORS) {
            close(descriptor);
            continue;
        }
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        requests[descriptor] = (request){.head = malloc(HEAD_MAX)};
        watch(poller, descriptor);
    }
}

// A whole write on a blocking socket; false when the viewer is gone.
static int write_all(int descriptor, const char *bytes, size_t length) {
    while (length) {
        ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return 0;
        bytes += written;
        length -= written;
    }
    return 1;
}

static size_t chunk(char *out, size_t room, const char *payload) {
    return snprintf(out, room, "%zx\r\n%s\r\n", strlen(payload), payload);
}

static void answer(int descriptor, const char *head) {
    char payload[512], body[600], response[1024];
    if (strstr(head, "/connect") == NULL) {
        static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        write_all(descriptor, fine, sizeof fine - 1);
        close(descriptor);
        return;
    }
    snprintf(payload, sizeof payload, "id: 0.0\ndata: {\"type\":\"connected\",\"instance\":\"floor\"}\n\n");
    chunk(body, sizeof body, payload);
    int length = snprintf(
        response, sizeof response,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
        "Transfer-Encoding: chunked\r\n\r\n%s",
        body);
    if (write_all(descriptor, response, length)) viewers[viewer_count++] = descriptor;
    else close(descriptor);
}

// Reads a request up to the end of its head. A body, if one follows, is read with it or dropped as later input.
static void receive(int poller, int descriptor) {
    request *request = &requests[descriptor];
    char dropped[HEAD_MAX];
    if (!request->head) {
        ssize_t count = recv(descriptor, dropped, sizeof dropped, MSG_DONTWAIT);
        // The next pass finds it gone and closes it.
        if (count == 0 || (count < 0 && errno != EAGAIN)) epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, NULL);
        return;
    }
    ssize_t count = recv(descriptor, request->head + request->length, HEAD_MAX - 1 - request->length, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    int ended = count <= 0;
    if (!ended) {
        request->length += count;
        request->head[request->length] = 0;
        if (!strstr(request->head, "\r\n\r\n")) return;
        answer(descriptor, request->head);
    }
    free(request->head);
    request->head = NULL;
    if (ended) close(descriptor);
}

static size_t frame(char *out, uint64_t offset, int comment_bytes) {
    static const char filler[] = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor ";
    char text[FRAME_MAX / 2], stamp[32];
    int64_t us = now_us(CLOCK_REALTIME);
    time_t seconds = us / 1000000;
    struct tm utc;
    int length = snprintf(text, sizeof text, "0.%lu t=%ld+0 ", (unsigned long)offset, (long)us);
    while (length < comment_bytes && length < (int)sizeof text - 1) text[length] = filler[length % 77], length++;
    text[length] = 0;
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
    return snprintf(
        out, FRAME_MAX,
        "id: %lu.%s\ndata: {\"userid\":\"user1234\",\"videoid\":\"v1\",\"comment\":\"%s\",\"timestamp\":\"%s.%03ldZ\","
        "\"id\":\"%018lx%08lx\"}\n\n",
        (unsigned long)offset, epoch, text, stamp, (long)(us / 1000 % 1000), (long)us, (unsigned long)offset);
}

static void pass(const char *bytes, size_t length) {
    for (int index = 0; index < viewer_count; index++) {
        if (write_all(viewers[index], bytes, length)) continue;
        lost_viewers++;
        close(viewers[index]);
        viewers[index--] = viewers[--viewer_count];
    }
}

// How many events the next pass carries: 0 when none is due yet.
static int due(const options *options, int64_t elapsed_us, uint64_t sent) {
    if (options->rate <= 0) return options->join;
    double waiting = elapsed_us / 1e6 * options->rate - (double)sent;
    return waiting < 1 ? 0 : waiting > options->join ? options->join : (int)waiting;
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void publish(const options *options) {
    static char payload[JOIN_MAX * FRAME_MAX], bytes[sizeof payload + 32];
    static uint64_t offset;
    uint64_t first = offset, passes = 0, deliveries = 0;
    size_t length = 0;
    double cpu = cpu_seconds();
    int64_t start = now_us(CLOCK_MONOTONIC), end = start + options->seconds * 1000000LL, now;
    while ((now = now_us(CLOCK_MONOTONIC)) < end && !stop) {
        int events = due(options, now - start, offset - first);
        if (!events) {
            usleep(200);
            continue;
        }
        size_t filled = 0;
        for (int index = 0; index < events; index++) {
            filled += frame(payload + filled, ++offset, options->comment_bytes);
        }
        length = chunk(bytes, sizeof bytes, payload);
        pass(bytes, length);
        passes++;
        deliveries += (uint64_t)events * viewer_count;
    }
    printf(
        "{\"events\":%lu,\"passes\":%lu,\"deliveries\":%lu,\"seconds\":%.6f,\"cpuSeconds\":%.3f,\"viewers\":%d,"
        "\"lostViewers\":%lu,\"passBytes\":%zu,\"last\":\"%lu.%s\"}\n",
        (unsigned long)(offset - first), (unsigned long)passes, (unsigned long)deliveries,
        (now_us(CLOCK_MONOTONIC) - start) / 1e6, cpu_seconds() - cpu, viewer_count, (unsigned long)lost_viewers, length,
        (unsigned long)offset, epoch);
    fflush(stdout);
}

static options parse(int count, char **arguments) {
    options options = {.port = 4000, .join = 1, .seconds = 10, .comment_bytes = 30};
    static const struct option names[] = {
        {"port", 1, 0, 'p'},    {"join", 1, 0, 'j'},          {"rate", 1, 0, 'r'},
        {"seconds", 1, 0, 's'}, {"comment-bytes", 1, 0, 'b'}, {0}};
    for (int name; (name = getopt_long(count, arguments, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': options.port = atoi(optarg); break;
        case 'j': options.join = atoi(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 's': options.seconds = atoi(optarg); break;
        case 'b': options.comment_bytes = atoi(optarg); break;
        default: exit(64);
        }
    }
    if (options.join < 1 || options.join > JOIN_MAX || options.comment_bytes > FRAME_MAX / 2 - 1) exit(64);
    return options;
}

int main(int count, char **arguments) {
    options options = parse(count, arguments);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_on(options.port), poller = epoll_create1(EPOLL_CLOEXEC);
    watch(poller, listener);
    struct epoll_event events[EVENTS];
    while (!stop) {
        if (begin) {
            begin = 0;
            publish(&options);
        }
        int ready = epoll_wait(poller, events, EVENTS, 100);
        for (int index = 0; index < ready; index++) {
            if (events[index].data.fd == listener) accept_all(poller, listener);
            else receive(poller, events[index].data.fd);
        }
    }
    return 0;
}

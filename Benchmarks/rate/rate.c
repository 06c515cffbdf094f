// Requests at a rate: an open loop. Requests fall due at random times (Poisson), whatever became of those before. One that finds
// every connection busy waits, and its latency counts from when it was due, as its user feels it. A closed loop, which asks
// again when it was answered, leaves that out.
//
//   rate --port 4000 --rate 5000 [--connections 64] [--warmup 1] [--seconds 6] [--channels 1000] [--seed 1]
//        [--kind comment] [--users 10000] [--first 1] [--tokens FILE]
//
// POST /comment on 127.0.0.1 (--kind like: POST /v1/likes, of as many photos as channels; login: POST /api/users/login), with the
// headers that Chromium sends (see harness/browser.lua). It comes from one of `users` users, user1 being the first, at random; with
// --tokens each sends its own, which is the line of its number in the file. At the end one line of JSON, with
// the members of browser.lua's: requests that were answered with 2xx, latencies in milliseconds, errors by kind; and `waited`,
// the part of the requests that were sent over a millisecond after they were due.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16384, REQUEST_MAX = 8192, ANSWER_MAX = 16384, BUCKETS = 64 * 128, TIMEOUT_SECONDS = 10 };

typedef struct {
    int descriptor, busy, length;
    int64_t due;
    char answer[ANSWER_MAX];
} connection;

static connection *connections;
static int idle[CONNECTIONS_MAX], idle_count, connection_count = 64, port, channels = 1000;
static int users = 10000, first_user = 1, token_count;
static const char *kind = "comment";
static char **tokens;
static double rate, warmup = 1, seconds = 6;
static uint64_t state = 1;
static uint64_t histogram[BUCKETS];
static uint64_t answered, refused, broken, unanswered, waited, offered;
static int64_t begin, latency_max;

static const char *texts[] = {
    "First!", "That was amazing, thank you for the stream", "LOL", "who is watching this in 2026?",
    "Gr\xc3\xbc\xc3\x9f" "e aus K\xc3\xb6ln \xf0\x9f\x91\x8b",
    "Can you show the second part again? I missed how you did the corner.", "She said \\\"never again\\\", and here we are",
    "\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5",
    "I have been following this channel since the very beginning and it only gets better. The sound is much clearer now.",
};

static void fail(const char *what) {
    perror(what);
    exit(70);
}

static int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

// splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
static uint64_t next_random(void) {
    uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

static double pause_us(void) { return -log1p(-(double)(next_random() >> 11) * 0x1p-53) / rate * 1e6; }

// Logarithmic, 128 steps for each power of two: within 0.8%.
static int bucket_of(uint64_t us) {
    if (us < 128) return (int)us;
    int power = 63 - __builtin_clzll(us);
    return (power - 6) * 128 + (int)((us >> (power - 7)) & 127);
}

static double bucket_us(int bucket) {
    if (bucket < 256) return bucket;
    int power = bucket / 128 + 6;
    return (double)((128ULL + bucket % 128) << (power - 7));
}

static double percentile(double share) {
    uint64_t sum = 0, all = 0;
    for (int i = 0; i < BUCKETS; i++) all += histogram[i];
    for (int i = 0; i < BUCKETS; i++)
        if ((sum += histogram[i]) >= share * all && sum) return bucket_us(i) / 1e3;
    return 0;
}

static void open_connection(int index) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (fcntl(descriptor, F_SETFL, O_NONBLOCK)) fail("fcntl");
    connections[index].descriptor = descriptor;
}

static void send_request(int index, int64_t due) {
    static const char more[] =
        "\r\nsec-ch-ua-platform: \"Linux\"\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n"
        "sec-ch-ua: \"Google Chrome\";v=\"131\", \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"\r\n"
        "Content-Type: application/json; charset=utf-8\r\nsec-ch-ua-mobile: ?0\r\nAccept: */*\r\n";
    static const char last[] =
        "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
        "Referer: http://127.0.0.1:8080/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
        "Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n\r\n";
    char body[512], token[REQUEST_MAX / 2] = "", request[REQUEST_MAX];
    const char *path = "/comment";
    int user = first_user + (int)(next_random() % (unsigned)users), channel = (int)(next_random() % (unsigned)channels) + 1, length;
    if (!strcmp(kind, "like")) {
        path = "/v1/likes";
        length = snprintf(body, sizeof body, "{\"user_id\":\"user%d\",\"post_id\":\"photo%d\"}", user, channel);
    } else if (!strcmp(kind, "login")) {
        path = "/api/users/login";
        length = snprintf(body, sizeof body, "{\"username\":\"user%d\",\"password\":\"correct horse\"}", user);
    } else {
        length = snprintf(
            body, sizeof body, "{\"userid\":\"user%d\",\"videoid\":\"video%d\",\"comment\":\"%s\"}", user, channel,
            texts[next_random() % (sizeof texts / sizeof *texts)]);
    }
    if (user <= token_count) snprintf(token, sizeof token, "Authorization: Bearer %s\r\n", tokens[user - 1]);
    int count = snprintf(
        request, sizeof request,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: keep-alive\r\nContent-Length: %d%s"
        "%sOrigin: http://127.0.0.1:8080\r\n%s%s", path, port, length, more, token, last, body);
    connection *one = &connections[index];
    one->busy = 1;
    one->due = due;
    one->length = 0;
    // A request is far smaller than an empty send buffer.
    if (send(one->descriptor, request, (size_t)count, MSG_NOSIGNAL) != count) broken++;
}

// 1 when the answer is complete.
static int is_complete(const connection *one) {
    const char *end = memmem(one->answer, (size_t)one->length, "\r\n\r\n", 4);
    if (!end) return 0;
    const char *field = strcasestr(one->answer, "\r\ncontent-length:");
    int length = field && field < end ? atoi(field + 17) : 0;
    return one->length >= end + 4 - one->answer + length;
}

static void receive(int index) {
    connection *one = &connections[index];
    ssize_t count = recv(one->descriptor, one->answer + one->length, (size_t)(ANSWER_MAX - 1 - one->length), 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        fprintf(stderr, "a connection was closed\n");
        exit(69);
    }
    one->length += (int)count;
    one->answer[one->length] = 0;
    if (!one->busy || !is_complete(one)) return;
    int64_t took = now_us() - one->due;
    one->busy = 0;
    idle[idle_count++] = index;
    if (one->due < begin + (int64_t)(warmup * 1e6)) return;
    if (strncmp(one->answer, "HTTP/1.1 2", 10)) refused++;
    else answered++;
    histogram[bucket_of((uint64_t)took)]++;
    if (took > latency_max) latency_max = took;
}

static void read_tokens(const char *path) {
    FILE *file = fopen(path, "re");
    if (!file) fail(path);
    size_t room = 0;
    for (char *line = NULL; getline(&line, &room, file) > 0; line = NULL, room = 0) {
        line[strcspn(line, "\n")] = 0;
        tokens = realloc(tokens, (size_t)(token_count + 1) * sizeof *tokens);
        if (!tokens || strlen(line) > REQUEST_MAX / 2 - 64) fail("tokens");
        tokens[token_count++] = line;
    }
    fclose(file);
}

static void read_options(int count, char **words) {
    static const struct option known[] = {
        {"port", 1, 0, 'p'}, {"rate", 1, 0, 'r'}, {"connections", 1, 0, 'c'}, {"warmup", 1, 0, 'w'},
        {"seconds", 1, 0, 's'}, {"channels", 1, 0, 'n'}, {"seed", 1, 0, 'x'},
        {"kind", 1, 0, 'k'}, {"users", 1, 0, 'u'}, {"first", 1, 0, 'f'}, {"tokens", 1, 0, 't'}, {0, 0, 0, 0}};
    for (int option; (option = getopt_long(count, words, "", known, NULL)) != -1;) switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'c': connection_count = atoi(optarg); break;
        case 'w': warmup = atof(optarg); break;
        case 's': seconds = atof(optarg); break;
        case 'n': channels = atoi(optarg); break;
        case 'k': kind = optarg; break;
        case 'u': users = atoi(optarg); break;
        case 'f': first_user = atoi(optarg); break;
        case 't': read_tokens(optarg); break;
        case 'x': state = strtoull(optarg, NULL, 10); break;
        default: exit(64);
    }
    if (port < 1 || port > 65535 || !(rate > 0) || connection_count < 1 || connection_count > CONNECTIONS_MAX
        || channels < 1 || users < 1 || first_user < 1 || !(seconds > 0) || !(warmup >= 0)) {
        fprintf(stderr, "rate: --port and --rate are needed; --connections 1 to %d\n", CONNECTIONS_MAX);
        exit(64);
    }
}

int main(int count, char **words) {
    read_options(count, words);
    connections = calloc((size_t)connection_count, sizeof *connections);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0) fail("epoll_create1");
    for (int i = 0; i < connection_count; i++) {
        open_connection(i);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].descriptor, &event)) fail("epoll_ctl");
        idle[idle_count++] = i;
    }
    begin = now_us();
    int64_t end = begin + (int64_t)((warmup + seconds) * 1e6);
    double due = begin + pause_us();
    while (1) {
        int64_t now = now_us();
        while (due <= now && due < end && idle_count) {
            int counts = due >= begin + warmup * 1e6;
            offered += (uint64_t)counts;
            waited += (uint64_t)(counts && now - due > 1000);
            send_request(idle[--idle_count], (int64_t)due);
            due += pause_us();
        }
        int is_over = due >= end;
        if (is_over && (idle_count == connection_count || now > end + TIMEOUT_SECONDS * 1000000LL)) break;
        if (!is_over && now > end + TIMEOUT_SECONDS * 1000000LL) break;
        struct epoll_event ready[256];
        int64_t wait = is_over || !idle_count ? 100000 : (int64_t)due - now;
        struct timespec limit = {.tv_sec = wait > 0 ? wait / 1000000 : 0, .tv_nsec = wait > 0 ? wait % 1000000 * 1000 : 0};
        int found = epoll_pwait2(poller, ready, 256, &limit, NULL);
        if (found < 0 && errno != EINTR) fail("epoll_pwait2");
        for (int i = 0; i < found; i++) receive((int)ready[i].data.u32);
    }
    // What is not answered, and what was due and never sent.
    unanswered = (uint64_t)(connection_count - idle_count);
    while (due < end) {
        unanswered++;
        due += pause_us();
    }
    printf(
        "{\"requests\":%lu,\"seconds\":%f,\"p50\":%f,\"p99\":%f,\"max\":%f,\"status\":%lu,\"connect\":0,\"read\":0,"
        "\"write\":%lu,\"timeout\":%lu,\"waited\":%f}\n",
        (unsigned long)answered, seconds, percentile(0.5), percentile(0.99), latency_max / 1e3, (unsigned long)refused,
        (unsigned long)broken, (unsigned long)unanswered, offered ? (double)waited / offered : 0);
    return 0;
}

/*
 * sipgen - SIP load over UDP: REGISTER and MESSAGE with digest log-ins (RFC 3261, RFC 3428, RFC 7616), and the phones that take what is delivered.
 *
 *     gcc -O2 -Wall -Wextra -o sipgen sipgen.c -lcrypto
 *     sipgen MODE [--port P] [--users N] [--window W] [--rate R] [--seconds S] ...
 *
 * MODE     message    an account sends a text to the next account, whose phone is ours: it answers 200
 *          register   each account registers once, and answers what is delivered for --seconds
 *
 *     --host A, --port P   the server (127.0.0.1, 5060)           --domain D         (bench.example)
 *     --prefix S           accounts are S and eight digits (4777) --users N, --first N   how many (10000), from which number on (0)
 *     --password S         of all of them (pw1)                   --algorithm A      MD5 or SHA-256 (MD5)
 *     --contact P          our phones' port (any free one)        --offline N        messages go to the N accounts behind the senders, who are not there
 *     --window W           requests at once (32). Without --rate the loop is closed
 *     --rate R             messages a second; latency counts from the time a message was DUE, so that a server that stalls shows it
 *     --seconds S          how long new messages are sent (10)    --fresh            a new challenge for each message, else a nonce and its count go on
 *     --timeout S          until a request is given up (10)       --run N            first word of every Call-ID (from the clock)
 *     --messages N         so many at most                        --deliveries N     register: wait for so many, --seconds at most, and --timeout behind the last answer
 *
 * An account uses one nonce with a rising count, as phones do, and begins with a request that has none. Requests are sent again as 17.1.2 says (Timer E).
 * It prints one JSON object. Latency is from the first request of a message to its final answer, a challenge on the way included; delivery is from there to
 * the phone.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 2048, DATAGRAM = 65536, NONCE = 80, MOST_CALLS = 8 << 20, MOST_CHALLENGES = 4, STATUSES = 700 };
static const double T1 = 0.5, T2 = 4.0; /* seconds, RFC 3261 table 4 */

static struct {
    bool registers, fresh;
    const char *host, *domain, *prefix, *password;
    const EVP_MD *hash;
    const char *algorithm;
    int port, contact, window;
    uint32_t users, first, run, messages, deliveries, offline;
    double rate, seconds, timeout;
} opt = {.host = "127.0.0.1", .domain = "bench.example", .prefix = "4777", .password = "pw1", .algorithm = "MD5", .port = 5060, .window = 32, .users = 10000,
         .seconds = 10, .timeout = 10, .messages = MOST_CALLS};

/* Latencies in microseconds, in buckets of at most 1/128 of their value: exact below 128 us, within 0.8 % above. */
enum { FRACTION = 7, BUCKETS = 40 << FRACTION };
struct histogram {
    uint64_t count[BUCKETS], total, max;
};

/* A sender: the nonce that it goes on with, and how often it was used. */
struct account {
    char nonce[NONCE];
    uint32_t count;
};

/* One REGISTER or MESSAGE with the challenges on its way; `under_way` a request of it waits for its answer. */
struct call {
    bool under_way, proves;
    uint32_t account, number, sequence;
    int challenges;
    double due, again, wait, give_up;
    size_t length;
    char packet[PACKET];
};

static struct {
    double begin, end;
    bool draining;
    double heard; /* when the last answer came */
    int outstanding, phones, sender, contact;
    uint32_t begun;
    uint64_t sent, answered, accepted, challenged, timed_out, retransmitted, unmatched, delivered, repeated, within;
    uint64_t status[STATUSES];
    struct histogram latency, delivery;
    struct account *accounts;
    struct call *calls;
    double *began;    /* by number of the call; negative: it was delivered */
} run;

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("sipgen: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void observe(struct histogram *histogram, double seconds)
{
    uint64_t value = seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;
    int shift = 0;
    while (value >> shift >= 2 << FRACTION)
        shift++;
    size_t bucket = ((size_t)shift << FRACTION) + (value >> shift);
    histogram->count[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    histogram->total++;
    if (value > histogram->max)
        histogram->max = value;
}

static uint64_t quantile(const struct histogram *histogram, double part)
{
    uint64_t wanted = (uint64_t)(part * (double)histogram->total), seen = 0;
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram->count[bucket];
        if (seen > wanted) {
            size_t shift = bucket < 2 << FRACTION ? 0 : (bucket >> FRACTION) - 1;
            return (bucket - (shift << FRACTION)) << shift;
        }
    }
    return histogram->max;
}

/* -- digest (RFC 7616 3.4.1) ------------------------------------------------------------------------------------------------------------------- */

static void hashed(char *hexadecimal, const char *format, ...)
{
    char text[PACKET];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!EVP_Digest(text, (size_t)length, digest, &size, opt.hash, NULL))
        fail("no %s", opt.algorithm);
    for (unsigned int i = 0; i < size; i++)
        sprintf(hexadecimal + 2 * i, "%02x", digest[i]);
}

static size_t authorization(char *out, size_t room, struct account *account, const char *user, const char *method, const char *uri)
{
    char secret[129], asked[129], response[129];
    uint32_t count = ++account->count;
    hashed(secret, "%s:%s:%s", user, opt.domain, opt.password);
    hashed(asked, "%s:%s", method, uri);
    hashed(response, "%s:%s:%08x:c0ffee:auth:%s", secret, account->nonce, count, asked);
    return (size_t)snprintf(out, room,
                            "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", algorithm=%s, "
                            "cnonce=\"c0ffee\", qop=auth, nc=%08x\r\n",
                            user, opt.domain, account->nonce, uri, response, opt.algorithm, count);
}

/* -- requests ---------------------------------------------------------------------------------------------------------------------------------- */

static void send_again(struct call *call)
{
    if (send(run.sender, call->packet, call->length, 0) < 0) {
        /* A full socket is a lost datagram: Timer E sends it again. */
    }
}

static uint32_t recipient(const struct call *call)
{
    if (opt.offline)
        return opt.first + opt.users + call->number % opt.offline;
    return (call->account - opt.first + 1) % opt.users + opt.first;
}

static void ask(struct call *call, double at)
{
    char user[64], target[128], more[256] = "", proof[1024] = "", body[96] = "";
    const char *method = opt.registers ? "REGISTER" : "MESSAGE";
    struct account *account = &run.accounts[call->account - opt.first];
    snprintf(user, sizeof user, "%s%08u", opt.prefix, call->account);
    if (opt.registers) {
        snprintf(target, sizeof target, "sip:%s", opt.domain);
        snprintf(more, sizeof more, "Contact: <sip:%s@127.0.0.1:%d>\r\nExpires: 3600\r\n", user, opt.contact);
    } else {
        snprintf(target, sizeof target, "sip:%s%08u@%s", opt.prefix, recipient(call), opt.domain);
        snprintf(body, sizeof body, "message %u of run %08X", call->number, opt.run);
        snprintf(more, sizeof more, "Content-Type: text/plain\r\n");
    }
    call->proves = account->nonce[0] != 0;
    if (call->proves)
        authorization(proof, sizeof proof, account, user, method, target);
    call->sequence++;
    int length = snprintf(call->packet, sizeof call->packet,
                          "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK%08X.%u.%ld.%u\r\nMax-Forwards: 70\r\n"
                          "From: <sip:%s@%s>;tag=%x\r\nTo: <sip:%s%s%s>\r\nCall-ID: %08X-%u@bench\r\nCSeq: %u %s\r\nUser-Agent: sipgen\r\n%s%s"
                          "Content-Length: %zu\r\n\r\n%s",
                          method, target, opt.contact, opt.run, call->number, (long)(call - run.calls), call->sequence, user, opt.domain, call->number,
                          opt.registers ? user : target + 4, opt.registers ? "@" : "", opt.registers ? opt.domain : "", opt.run, call->number, call->sequence,
                          method, proof, more, strlen(body), body);
    if (length < 0 || (size_t)length >= sizeof call->packet)
        fail("a request is too long");
    call->length = (size_t)length;
    call->wait = T1;
    call->again = at + T1;
    call->give_up = at + opt.timeout;
    call->under_way = true;
    run.sent++;
    send_again(call);
}

static void begin(struct call *call, double due, double at)
{
    if (run.begun >= MOST_CALLS)
        fail("more than %d messages", MOST_CALLS);
    call->number = run.begun++;
    call->account = opt.first + call->number % opt.users;
    call->sequence = 0;
    call->challenges = 0;
    call->due = due;
    run.began[call->number] = due;
    if (opt.fresh)
        run.accounts[call->account - opt.first].nonce[0] = 0;
    run.outstanding++;
    ask(call, at);
}

/* -- answers ----------------------------------------------------------------------------------------------------------------------------------- */

/* The value of a header in our server's spelling, from `from` on; NULL: there is none. */
static const char *header(const char *from, const char *name)
{
    char line[64];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *found = strstr(from, line);
    return found ? found + strlen(line) : NULL;
}

/* The nonce of the challenge for our algorithm. */
static bool challenge(const char *text, struct account *account)
{
    char wanted[32];
    snprintf(wanted, sizeof wanted, "algorithm=%s", opt.algorithm);
    for (const char *at = header(text, "WWW-Authenticate"); at; at = header(at, "WWW-Authenticate")) {
        const char *end = strstr(at, "\r\n"), *nonce = strstr(at, "nonce=\""), *algorithm = strstr(at, wanted);
        if (!end || !nonce || !algorithm || nonce > end || algorithm > end)
            continue;
        nonce += strlen("nonce=\"");
        size_t length = strcspn(nonce, "\"");
        if (length >= NONCE)
            fail("a nonce is too long");
        memcpy(account->nonce, nonce, length);
        account->nonce[length] = 0;
        account->count = 0;
        return true;
    }
    return false;
}

static void over(struct call *call)
{
    call->under_way = false;
    run.outstanding--;
}

static void answered(const char *text, double at)
{
    uint32_t number, sequence, of;
    long place;
    int status = atoi(text + strlen("SIP/2.0 "));
    const char *branch = strstr(text, "branch=z9hG4bK");
    if (!branch || sscanf(branch, "branch=z9hG4bK%X.%u.%ld.%u", &of, &number, &place, &sequence) != 4 || of != opt.run || place < 0 || place >= opt.window ||
        status < 200 || status >= STATUSES) {
        run.unmatched++;
        return;
    }
    struct call *call = &run.calls[place];
    if (!call->under_way || call->number != number || call->sequence != sequence) {
        run.unmatched++;
        return;
    }
    struct account *account = &run.accounts[call->account - opt.first];
    if (status == 401 && call->challenges++ < MOST_CHALLENGES && challenge(text, account)) {
        run.challenged++;
        ask(call, at);
        return;
    }
    run.heard = at;
    run.answered++;
    run.status[status]++;
    run.accepted += status < 300;
    run.within += !run.draining || opt.registers;
    observe(&run.latency, at - call->due);
    over(call);
}

/* -- phones ------------------------------------------------------------------------------------------------------------------------------------ */

static size_t copied(char *out, size_t used, const char *text, const char *name, const char *tail)
{
    for (const char *at = header(text, name); at; at = header(at, name)) {
        const char *end = strstr(at, "\r\n");
        if (!end)
            break;
        used += (size_t)snprintf(out + used, PACKET - used, "%s: %.*s%s\r\n", name, (int)(end - at), at, tail);
    }
    return used;
}

static void delivered(const char *text, const struct sockaddr_in *from, double at)
{
    char reply[PACKET];
    uint32_t of, number;
    const char *call_id = header(text, "Call-ID");
    if (strncmp(text, "MESSAGE ", 8) || !call_id) {
        run.unmatched++;
        return;
    }
    size_t used = (size_t)snprintf(reply, sizeof reply, "SIP/2.0 200 OK\r\n");
    used = copied(reply, used, text, "Via", "");
    used = copied(reply, used, text, "From", "");
    used = copied(reply, used, text, "To", ";tag=phone");
    used = copied(reply, used, text, "Call-ID", "");
    used = copied(reply, used, text, "CSeq", "");
    used += (size_t)snprintf(reply + used, sizeof reply - used, "Content-Length: 0\r\n\r\n");
    sendto(run.phones, reply, used, 0, (const struct sockaddr *)from, sizeof *from);
    if (opt.registers) {
        run.delivered++;
        return;
    }
    if (sscanf(call_id, "%X-%u@", &of, &number) != 2 || of != opt.run || number >= run.begun) {
        run.unmatched++;
    } else if (run.began[number] < 0) {
        run.repeated++;
    } else {
        run.delivered++;
        observe(&run.delivery, at - run.began[number]);
        run.began[number] = -1;
    }
}

static void receive(int socket, bool phone)
{
    static char octets[DATAGRAM];
    struct sockaddr_in from;
    for (;;) {
        socklen_t size = sizeof from;
        ssize_t length = recvfrom(socket, octets, sizeof octets - 1, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
        if (length < 0)
            return;
        octets[length] = 0;
        if (phone)
            delivered(octets, &from, now());
        else if (!strncmp(octets, "SIP/2.0 ", 8))
            answered(octets, now());
        else
            run.unmatched++;
    }
}

/* -- the loop ---------------------------------------------------------------------------------------------------------------------------------- */

/* Every account registers, however long it takes. */
static bool may_begin(void)
{
    return opt.registers ? run.begun < opt.users : !run.draining && run.begun < opt.messages;
}

static double launch(double at)
{
    static uint64_t scheduled;
    for (int i = 0; i < opt.window && may_begin(); i++) {
        struct call *call = &run.calls[i];
        double due = at;
        if (call->under_way)
            continue;
        if (opt.rate > 0) {
            due = run.begin + (double)scheduled / opt.rate;
            if (due > at)
                return due;
            scheduled++;
        }
        begin(call, due, at);
    }
    return at + 0.05;
}

static void timers(double at)
{
    for (int i = 0; i < opt.window; i++) {
        struct call *call = &run.calls[i];
        if (!call->under_way)
            continue;
        if (at >= call->give_up) {
            run.timed_out++;
            over(call);
        } else if (at >= call->again) {
            call->wait = call->wait * 2 > T2 ? T2 : call->wait * 2;
            call->again = at + call->wait;
            run.retransmitted++;
            send_again(call);
        }
    }
}

/* Nothing is under way, and what was accepted is delivered (or nobody is there to take it). */
static bool finished(double at)
{
    if (run.outstanding)
        return false;
    if (opt.registers)
        return opt.deliveries ? run.delivered >= opt.deliveries || (at >= run.end && at >= run.heard + opt.timeout) : at >= run.end;
    return opt.offline || run.delivered >= run.accepted || at > run.end + opt.timeout;
}

static void loop(void)
{
    struct pollfd polled[2] = {{.fd = run.sender, .events = POLLIN}, {.fd = run.phones, .events = POLLIN}};
    double swept = 0;
    run.begin = now();
    run.end = run.begin + opt.seconds;
    for (;;) {
        double at = now();
        if (!run.draining && at >= run.end)
            run.draining = true;
        if (!may_begin() && finished(at))
            return;
        double next = launch(at);
        if (at - swept > 0.02) {
            timers(at);
            swept = at;
        }
        double wait = next - at < 0.02 ? next - at : 0.02;
        struct timespec timeout = {0, wait > 0 ? (long)(wait * 1e9) : 0};
        if (ppoll(polled, 2, &timeout, NULL) > 0) {
            if (polled[0].revents)
                receive(run.sender, false);
            if (polled[1].revents)
                receive(run.phones, true);
        }
    }
}

static int opened(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int made = socket(AF_INET, SOCK_DGRAM, 0), buffer = 8 << 20;
    setsockopt(made, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (made < 0 || bind(made, (struct sockaddr *)&address, size) || getsockname(made, (struct sockaddr *)&address, &size))
        fail("no socket on port %d", *port);
    *port = ntohs(address.sin_port);
    return made;
}

static void report(double lasted)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    double measured = lasted < opt.seconds || opt.registers ? lasted : opt.seconds;
    printf("{\"mode\": \"%s\", \"run\": %u, \"seconds\": %.3f, \"per_second\": %.1f, \"p50_us\": %lu, \"p99_us\": %lu, \"max_us\": %lu, "
           "\"delivery_p50_us\": %lu, \"delivery_p99_us\": %lu, \"begun\": %u, \"sent\": %lu, \"answered\": %lu, \"accepted\": %lu, \"challenged\": %lu, "
           "\"timed_out\": %lu, \"retransmitted\": %lu, \"delivered\": %lu, \"repeated\": %lu, \"unmatched\": %lu, \"cpu_percent\": %.1f, \"status\": {",
           opt.registers ? "register" : "message", opt.run, measured, (double)run.within / measured, quantile(&run.latency, 0.5), quantile(&run.latency, 0.99),
           run.latency.max, quantile(&run.delivery, 0.5), quantile(&run.delivery, 0.99), run.begun, run.sent, run.answered, run.accepted, run.challenged,
           run.timed_out, run.retransmitted, run.delivered, run.repeated, run.unmatched, 100 * cpu / lasted);
    const char *comma = "";
    for (int status = 0; status < STATUSES; status++)
        if (run.status[status]) {
            printf("%s\"%d\": %lu", comma, status, run.status[status]);
            comma = ", ";
        }
    puts("}}");
}

static void options(int argc, char **argv)
{
    static const struct option known[] = {
        {"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"domain", 1, 0, 'd'}, {"prefix", 1, 0, 'x'}, {"users", 1, 0, 'u'}, {"first", 1, 0, 'f'},
        {"password", 1, 0, 'w'}, {"algorithm", 1, 0, 'a'}, {"contact", 1, 0, 'c'}, {"offline", 1, 0, 'o'}, {"window", 1, 0, 'W'}, {"rate", 1, 0, 'r'},
        {"seconds", 1, 0, 's'}, {"fresh", 0, 0, 'F'}, {"timeout", 1, 0, 't'}, {"run", 1, 0, 'n'}, {"messages", 1, 0, 'm'}, {"deliveries", 1, 0, 'D'}, {0, 0, 0, 0}};
    int letter;
    opt.run = (uint32_t)time(NULL);
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
        switch (letter) {
        case 'h': opt.host = optarg; break;
        case 'p': opt.port = atoi(optarg); break;
        case 'd': opt.domain = optarg; break;
        case 'x': opt.prefix = optarg; break;
        case 'u': opt.users = (uint32_t)atol(optarg); break;
        case 'f': opt.first = (uint32_t)atol(optarg); break;
        case 'w': opt.password = optarg; break;
        case 'a': opt.algorithm = optarg; break;
        case 'c': opt.contact = atoi(optarg); break;
        case 'o': opt.offline = (uint32_t)atol(optarg); break;
        case 'W': opt.window = atoi(optarg); break;
        case 'r': opt.rate = atof(optarg); break;
        case 's': opt.seconds = atof(optarg); break;
        case 'F': opt.fresh = true; break;
        case 't': opt.timeout = atof(optarg); break;
        case 'm': opt.messages = (uint32_t)atol(optarg); break;
        case 'D': opt.deliveries = (uint32_t)atol(optarg); break;
        case 'n': opt.run = (uint32_t)atol(optarg); break;
        default: fail("see the head of sipgen.c");
        }
    if (optind + 1 != argc || (strcmp(argv[optind], "message") && strcmp(argv[optind], "register")))
        fail("message or register?");
    opt.registers = !strcmp(argv[optind], "register");
    opt.hash = !strcmp(opt.algorithm, "MD5") ? EVP_md5() : !strcmp(opt.algorithm, "SHA-256") ? EVP_sha256() : NULL;
    if (!opt.hash || opt.window < 1 || opt.users < 2)
        fail("MD5 or SHA-256; a window of 1 and 2 users at least");
}

int main(int argc, char **argv)
{
    options(argc, argv);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    int any = 0;
    run.phones = opened(&opt.contact);
    run.sender = opened(&any);
    if (!inet_aton(opt.host, &server.sin_addr) || connect(run.sender, (struct sockaddr *)&server, sizeof server))
        fail("no way to %s", opt.host);
    run.accounts = calloc(opt.users, sizeof *run.accounts);
    run.calls = calloc((size_t)opt.window, sizeof *run.calls);
    run.began = calloc(MOST_CALLS, sizeof *run.began);
    if (!run.accounts || !run.calls || !run.began)
        fail("no memory");
    double started = now();
    loop();
    report(now() - started);
    return 0;
}

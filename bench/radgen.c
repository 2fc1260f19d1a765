/*
 * radgen - asynchronous RADIUS load: authentication, authorization and accounting of voice calls.
 *
 *     gcc -O2 -Wall -Wextra -o radgen radgen.c -lcrypto -lm
 *     radgen MODE [--host A] [--auth-port P] [--acct-port P] [--secret S] [--window W] [--rate R] [--seconds S] ...
 *
 * MODE is the order of requests within one call; a request leaves only after the one before it was answered:
 *
 *     auth   Access-Request with PAP (RFC 2865)
 *     authz  Access-Request of a voice call: calling and called number, h323-conf-id; an answer should carry h323-credit-time
 *     acct   Start (0 s), Interim-Update (90 s), Stop (183 s) (RFC 2866)
 *     mix    authz, Interim-Update (45, 90, 135 s), Stop (183 s): 1 : 3 : 1
 *     call   authz, Start, Interim-Update (90 s), Stop (183 s)
 *
 *     --users N          accounts user<first>..user<first+N-1> with passwords pw<same number> (10000)
 *     --first N          number of the first account (1)          --user-prefix S, --password-prefix S   (user, pw)
 *     --account NAME     every call on this one account, which needs
 *     --password S       one password for whatever account
 *     --random           an account at random for every call, instead of one after the other
 *     --called A,B,...   numbers called, in turn                  --quota MAX:MIN  asks in authz as a client that can re-authorize
 *     --remote A         h323-remote-address (192.0.2.77)         --message-authenticator   in every Access-Request, first
 *     --nas-ip A, --nas-id S   what the requests say of the node (127.0.0.1, bench.example)
 *     --sockets N        source ports, as so many gateways have; a call keeps its own (64)
 *     --window W         calls at once (32). Without --rate the loop is closed: an answered call goes on at once
 *     --rate R           requests a second, taken from the W calls in turn; latency counts from the time a request was DUE,
 *                        so that a server that stalls shows it
 *     --seconds S        how long new requests are made (10), or until SIGINT or SIGTERM
 *     --finish           then lead open calls to their Stop
 *     --retransmit MS    silence before a try is over (3000)      --tries N        tries of one request (1); the same octets again
 *     --seed N           for accounts and authenticators (--run)  --run N          first word of every conf-id (from the clock)
 *     --ledger FILE      one line per request, see ledger_line()  --json           figures as one JSON object
 *
 * It sleeps in ppoll(2) between events, never polls. An identifier is used again only when its request is over, the one that
 * has rested longest first; answers are checked against the Response Authenticator, so a late one can't pass for a new one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <signal.h>
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

enum {
    IDS = 128,           /* identifiers used of each socket */
    PACKET = 1024,       /* the longest request made here is about 500 octets */
    DIGEST = 16,
    HEADER = 20,
    MAX_SOCKETS = 256,   /* of one port */
    MAX_CALLED = 64,
    MAX_STEPS = 6,
    CISCO = 9,
};

enum code { ACCESS_REQUEST = 1, ACCESS_ACCEPT = 2, ACCESS_REJECT = 3, ACCOUNTING_REQUEST = 4, ACCOUNTING_RESPONSE = 5 };

enum attribute {
    USER_NAME = 1, USER_PASSWORD = 2, NAS_IP_ADDRESS = 4, NAS_PORT = 5, SERVICE_TYPE = 6, VENDOR_SPECIFIC = 26,
    CALLED_STATION_ID = 30, CALLING_STATION_ID = 31, NAS_IDENTIFIER = 32, ACCT_STATUS_TYPE = 40, ACCT_DELAY_TIME = 41,
    ACCT_SESSION_ID = 44, ACCT_SESSION_TIME = 46, ACCT_TERMINATE_CAUSE = 49, NAS_PORT_TYPE = 61, MESSAGE_AUTHENTICATOR = 80,
};

enum cisco {
    CISCO_AVPAIR = 1, H323_REMOTE_ADDRESS = 23, H323_CONF_ID = 24, H323_SETUP_TIME = 25, H323_CALL_ORIGIN = 26,
    H323_CALL_TYPE = 27, H323_CONNECT_TIME = 28, H323_DISCONNECT_TIME = 29, H323_DISCONNECT_CAUSE = 30,
    H323_CREDIT_TIME = 102, H323_RETURN_CODE = 103,
};

enum kind { AUTH, AUTHZ, START, INTERIM, STOP, KINDS };
static const char *const KIND_NAMES[KINDS] = {"auth", "authz", "start", "interim", "stop"};
static const uint32_t STATUS_TYPES[KINDS] = {[START] = 1, [INTERIM] = 3, [STOP] = 2};

/* One request of a call: what it is, and the cumulative seconds that it reports. */
struct step {
    enum kind kind;
    uint32_t seconds;
};

struct plan {
    const char *name;
    int steps;
    struct step step[MAX_STEPS];
};

static const struct plan PLANS[] = {
    {"auth", 1, {{AUTH, 0}}},
    {"authz", 1, {{AUTHZ, 0}}},
    {"acct", 3, {{START, 0}, {INTERIM, 90}, {STOP, 183}}},
    {"mix", 5, {{AUTHZ, 0}, {INTERIM, 45}, {INTERIM, 90}, {INTERIM, 135}, {STOP, 183}}},
    {"call", 4, {{AUTHZ, 0}, {START, 0}, {INTERIM, 90}, {STOP, 183}}},
};

struct options {
    const struct plan *plan;
    const char *host, *secret, *user_prefix, *password_prefix, *account, *password, *nas_id, *remote, *ledger;
    const char *called[MAX_CALLED];
    int called_count;
    int auth_port, acct_port;
    int window, tries, sockets;
    uint32_t users, first;
    uint32_t quota_max, quota_min;
    double rate, seconds, retransmit;
    uint64_t seed;
    uint32_t run;
    struct in_addr nas_ip;
    bool pick_random, message_authenticator, finish, json;
};

static struct options opt = {
    .host = "127.0.0.1", .secret = "testing123", .user_prefix = "user", .password_prefix = "pw",
    .nas_id = "bench.example", .remote = "192.0.2.77", .called = {"442071838750"}, .called_count = 1,
    .auth_port = 1812, .acct_port = 1813, .window = 32, .tries = 1, .sockets = 64, .users = 10000, .first = 1, .seconds = 10, .retransmit = 3,
};

/*
 * Latencies in microseconds, in buckets of at most 1/128 of their value: exact below 128 us, within 0.8 % above.
 */
enum { HISTOGRAM_FRACTION = 7, HISTOGRAM_BUCKETS = 40 << HISTOGRAM_FRACTION };

struct histogram {
    uint64_t count[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max;
};

struct tally {
    uint64_t sent, answered, rejected, timed_out;
    uint64_t without_credit_time; /* accepted authz that granted no time */
    struct histogram latency;     /* of answers within the measured seconds */
};

struct call;

/* An identifier of one socket, and the call whose request has it at the moment (NULL: free). */
struct slot {
    int fd;
    uint8_t id;
    struct call *call;
};

/* One of our sockets: its identifiers, and a queue of those that are free. */
struct source {
    struct slot slots[IDS];
    struct slot *free[IDS];
    int free_head, free_count;
};

/* One UDP port of the server and our sockets towards it. */
struct port {
    int sockets;
    struct pollfd *poll;             /* into the one array that ppoll is given */
    struct source sources[MAX_SOCKETS];
};

/* One call: it has at most one request under way, whose octets are kept for retransmission. */
struct call {
    uint32_t user;       /* 1-based number within the accounts */
    uint32_t number;     /* of the call within the run */
    int step;
    double due;          /* when the request under way should have left: start of its latency */
    double deadline;     /* when the present try is over */
    int tries;
    struct slot *slot;
    struct call *previous, *next; /* calls with a request under way, by deadline */
    size_t length;
    uint8_t packet[PACKET];
};

/* What an answer said, for the ledger. */
struct answer {
    const char *word;    /* accept, reject, response, or none */
    char return_code[16], credit_time[16];
};

struct run {
    double begin, end, give_up;
    bool draining;
    struct call *calls;
    struct call **ready;             /* queue of the calls that may send */
    int ready_head, ready_count;
    struct call under_way;           /* head of the circular list */
    int outstanding;
    uint32_t calls_begun;
    uint64_t scheduled;              /* requests that left on the schedule of --rate */
    uint64_t replies;                /* within the measured seconds */
    uint64_t retransmitted;
    uint64_t unmatched;              /* answers that are malformed or false, or to a request that is over */
    struct tally tally[KINDS];
    struct histogram latency;
    struct port auth, acct;
    struct pollfd poll[2 * MAX_SOCKETS];
    int poll_count;
    FILE *ledger;
};

static struct run run;
static volatile sig_atomic_t interrupted;
static EVP_MD_CTX *digest_context;

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("radgen: ", stderr);
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

/* xorshift64: good enough for authenticators of a load generator, and the same for the same seed. */
static uint64_t random_state;

static uint64_t random_word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* ---- latency ---------------------------------------------------------------------------------------------------- */

static size_t bucket_of(uint64_t value)
{
    const uint64_t whole = 1u << HISTOGRAM_FRACTION;
    if (value < whole)
        return value;
    int shift = 63 - __builtin_clzll(value) - HISTOGRAM_FRACTION;
    size_t bucket = ((size_t)(shift + 1) << HISTOGRAM_FRACTION) + (size_t)((value >> shift) - whole);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t value_of(size_t bucket)
{
    const uint64_t whole = 1u << HISTOGRAM_FRACTION;
    if (bucket < whole)
        return bucket;
    size_t shift = (bucket >> HISTOGRAM_FRACTION) - 1;
    return (whole + (bucket & (whole - 1))) << shift;
}

static void record(struct histogram *histogram, double seconds)
{
    uint64_t value = seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;
    histogram->count[bucket_of(value)]++;
    histogram->total++;
    if (value > histogram->max)
        histogram->max = value;
}

static uint64_t percentile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)ceil(share * (double)histogram->total), seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && histogram->total; i++) {
        seen += histogram->count[i];
        if (seen >= wanted)
            return value_of(i);
    }
    return 0;
}

/* ---- octets ----------------------------------------------------------------------------------------------------- */

static void md5(uint8_t digest[DIGEST], const void *first, size_t first_length, const void *second, size_t second_length)
{
    EVP_DigestInit_ex(digest_context, NULL, NULL);
    EVP_DigestUpdate(digest_context, first, first_length);
    EVP_DigestUpdate(digest_context, second, second_length);
    EVP_DigestFinal_ex(digest_context, digest, NULL);
}

static void put(struct call *call, enum attribute type, const void *value, size_t length)
{
    if (length > 253 || call->length + 2 + length > PACKET)
        fail("attribute %d does not fit", (int)type);
    uint8_t *at = call->packet + call->length;
    at[0] = (uint8_t)type;
    at[1] = (uint8_t)(length + 2);
    memcpy(at + 2, value, length);
    call->length += 2 + length;
}

static void put_text(struct call *call, enum attribute type, const char *text)
{
    put(call, type, text, strlen(text));
}

static void put_number(struct call *call, enum attribute type, uint32_t number)
{
    number = htonl(number);
    put(call, type, &number, sizeof number);
}

static __attribute__((format(printf, 3, 4)))
void put_cisco(struct call *call, enum cisco type, const char *format, ...)
{
    uint8_t value[253] = {0, 0, 0, CISCO, (uint8_t)type};
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf((char *)value + 6, sizeof value - 6, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof value - 6)
        fail("Cisco attribute %d does not fit", (int)type);
    value[5] = (uint8_t)(length + 2);
    put(call, VENDOR_SPECIFIC, value, (size_t)length + 6);
}

/* RFC 2865, section 5.2: each block of 16 octets is hidden with MD5(secret + the block before it, or the authenticator). */
static void put_password(struct call *call, const char *password)
{
    uint8_t hidden[128] = {0};
    size_t length = strlen(password);
    if (length > sizeof hidden)
        fail("a password has at most 128 octets");
    memcpy(hidden, password, length);
    size_t padded = length ? (length + DIGEST - 1) / DIGEST * DIGEST : DIGEST;
    const uint8_t *before = call->packet + 4;
    for (size_t block = 0; block < padded; block += DIGEST) {
        uint8_t mask[DIGEST];
        md5(mask, opt.secret, strlen(opt.secret), before, DIGEST);
        for (size_t i = 0; i < DIGEST; i++)
            hidden[block + i] ^= mask[i];
        before = hidden + block;
    }
    put(call, USER_PASSWORD, hidden, padded);
}

/* The form of Cisco's h323-*-time, in UTC. */
static void put_time(struct call *call, enum cisco type, const char *name, time_t at)
{
    char text[64];
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(text, sizeof text, "%H:%M:%S.000 UTC %a %b %d %Y", &parts);
    put_cisco(call, type, "%s=%s", name, text);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

static const char *user_name(const struct call *call)
{
    static char name[128];
    if (opt.account)
        return opt.account;
    snprintf(name, sizeof name, "%s%u", opt.user_prefix, call->user);
    return name;
}

static const char *password_of(const struct call *call)
{
    static char password[128];
    if (opt.password)
        return opt.password;
    snprintf(password, sizeof password, "%s%u", opt.password_prefix, call->user);
    return password;
}

static const char *conf_id(const struct call *call)
{
    static char text[64];
    snprintf(text, sizeof text, "%08X 5241444E %08X %08X", opt.run, call->user, call->number);
    return text;
}

static void begin_packet(struct call *call, enum code code, uint8_t id)
{
    memset(call->packet, 0, HEADER);
    call->packet[0] = (uint8_t)code;
    call->packet[1] = id;
    call->length = HEADER;
}

static void put_length(struct call *call)
{
    call->packet[2] = (uint8_t)(call->length >> 8);
    call->packet[3] = (uint8_t)call->length;
}

static void put_node(struct call *call)
{
    put(call, NAS_IP_ADDRESS, &opt.nas_ip, sizeof opt.nas_ip);
    put_text(call, NAS_IDENTIFIER, opt.nas_id);
    put_number(call, NAS_PORT, 5060);
    put_number(call, NAS_PORT_TYPE, 5); /* Virtual */
}

static void put_numbers(struct call *call)
{
    put_text(call, CALLED_STATION_ID, opt.called[call->number % (uint32_t)opt.called_count]);
    put_text(call, CALLING_STATION_ID, "447700900123");
    put_cisco(call, H323_CONF_ID, "h323-conf-id=%s", conf_id(call));
}

/* RFC 3579, section 3.2: HMAC-MD5 over the whole request with the attribute's own octets zero. It comes first. */
static void sign_access_request(struct call *call)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    HMAC(EVP_md5(), opt.secret, (int)strlen(opt.secret), call->packet, call->length, digest, &length);
    memcpy(call->packet + HEADER + 2, digest, DIGEST);
}

static void make_access_request(struct call *call, enum kind kind, uint8_t id)
{
    static const uint8_t zero[DIGEST];
    begin_packet(call, ACCESS_REQUEST, id);
    for (size_t i = 0; i < 2; i++) {
        uint64_t word = random_word();
        memcpy(call->packet + 4 + 8 * i, &word, sizeof word);
    }
    if (opt.message_authenticator)
        put(call, MESSAGE_AUTHENTICATOR, zero, DIGEST);
    put_text(call, USER_NAME, user_name(call));
    put_password(call, password_of(call));
    put_node(call);
    if (kind == AUTHZ) {
        put_numbers(call);
        if (opt.quota_max)
            put_cisco(call, CISCO_AVPAIR, "h323-ivr-out=PortaBilling_Authorize:base=session-time;max=%u;min=%u",
                      opt.quota_max, opt.quota_min);
    }
    put_length(call);
    if (opt.message_authenticator)
        sign_access_request(call);
}

static void put_stop(struct call *call, uint32_t seconds)
{
    /* The call is taken to have ended now, so that its times lie in the past whatever the pace of the load. */
    time_t disconnected = time(NULL);
    put_number(call, ACCT_TERMINATE_CAUSE, 1);
    put_time(call, H323_SETUP_TIME, "h323-setup-time", disconnected - (time_t)seconds);
    put_time(call, H323_CONNECT_TIME, "h323-connect-time", disconnected - (time_t)seconds);
    put_time(call, H323_DISCONNECT_TIME, "h323-disconnect-time", disconnected);
    put_cisco(call, H323_DISCONNECT_CAUSE, "h323-disconnect-cause=10");
}

static void make_accounting_request(struct call *call, const struct step *step, uint8_t id)
{
    char session[32];
    snprintf(session, sizeof session, "%08X%08X", opt.run, call->number);
    begin_packet(call, ACCOUNTING_REQUEST, id);
    put_text(call, USER_NAME, user_name(call));
    put_node(call);
    put_numbers(call);
    put_number(call, ACCT_STATUS_TYPE, STATUS_TYPES[step->kind]);
    put_text(call, ACCT_SESSION_ID, session);
    put_number(call, ACCT_SESSION_TIME, step->seconds);
    put_number(call, ACCT_DELAY_TIME, 0);
    put_number(call, SERVICE_TYPE, 1); /* Login-User */
    put_cisco(call, H323_CALL_ORIGIN, "h323-call-origin=originate");
    put_cisco(call, H323_CALL_TYPE, "h323-call-type=VoIP");
    put_cisco(call, H323_REMOTE_ADDRESS, "h323-remote-address=%s", opt.remote);
    if (step->kind == STOP)
        put_stop(call, step->seconds);
    put_length(call);
    md5(call->packet + 4, call->packet, call->length, opt.secret, strlen(opt.secret)); /* RFC 2866, section 3 */
}

static const struct step *step_of(const struct call *call)
{
    return &opt.plan->step[call->step];
}

/* ---- queues ----------------------------------------------------------------------------------------------------- */

static void push_ready(struct call *call)
{
    run.ready[(run.ready_head + run.ready_count++) % opt.window] = call;
}

static struct call *pop_ready(void)
{
    struct call *call = run.ready[run.ready_head];
    run.ready_head = (run.ready_head + 1) % opt.window;
    run.ready_count--;
    return call;
}

/* A call keeps its socket as it would its gateway, which is how one process of several on one port gets all of it. */
static struct source *source_of(struct port *port, const struct call *call)
{
    return &port->sources[(call - run.calls) % port->sockets];
}

static struct slot *take_slot(struct source *source)
{
    struct slot *slot = source->free[source->free_head];
    source->free_head = (source->free_head + 1) % IDS;
    source->free_count--;
    return slot;
}

static void free_slot(struct source *source, struct slot *slot)
{
    slot->call = NULL;
    source->free[(source->free_head + source->free_count++) % IDS] = slot;
}

/* Every try lasts equally long, so a list in order of sending is a list by deadline. */
static void wait_for(struct call *call, double at)
{
    call->deadline = at + opt.retransmit;
    call->previous = run.under_way.previous;
    call->next = &run.under_way;
    call->previous->next = call;
    run.under_way.previous = call;
}

static void stop_waiting(struct call *call)
{
    call->previous->next = call->next;
    call->next->previous = call->previous;
}

static void begin_call(struct call *call)
{
    call->step = 0;
    call->number = run.calls_begun++;
    call->user = opt.first + (uint32_t)((opt.pick_random ? random_word() >> 16 : call->number) % opt.users);
}

/* ---- sending and receiving -------------------------------------------------------------------------------------- */

static struct port *port_of(enum kind kind)
{
    return kind == AUTH || kind == AUTHZ ? &run.auth : &run.acct;
}

static void transmit(struct call *call)
{
    /* A connected socket tells of an earlier "port unreachable" once, instead of sending: then it is asked again. */
    for (int attempt = 0; attempt < 2; attempt++)
        if (send(call->slot->fd, call->packet, call->length, 0) >= 0 || errno != ECONNREFUSED)
            break;
    call->tries++;
}

static void send_request(struct call *call, double due, double at)
{
    const struct step *step = step_of(call);
    struct port *port = port_of(step->kind);
    call->slot = take_slot(source_of(port, call));
    call->slot->call = call;
    if (port == &run.auth)
        make_access_request(call, step->kind, call->slot->id);
    else
        make_accounting_request(call, step, call->slot->id);
    call->due = due;
    call->tries = 0;
    transmit(call);
    wait_for(call, at);
    run.outstanding++;
    run.tally[step->kind].sent++;
}

/*
 * One line of the ledger, fields separated by tabs: user, h323-conf-id, request (auth, authz, start, interim, stop), seconds
 * reported, answer (accept, reject, response; none: nobody knows whether it took effect), h323-return-code,
 * h323-credit-time ("-": not given), tries.
 */
static void ledger_line(const struct call *call, const struct answer *answer)
{
    if (run.ledger)
        fprintf(run.ledger, "%s\t%s\t%s\t%u\t%s\t%s\t%s\t%d\n", user_name(call), conf_id(call),
                KIND_NAMES[step_of(call)->kind], step_of(call)->seconds, answer->word, answer->return_code,
                answer->credit_time, call->tries);
}

/* The request under way is over, answered or not; the call goes on, or gives its place to a new one. */
static void request_over(struct call *call, bool goes_on)
{
    stop_waiting(call);
    run.outstanding--;
    free_slot(source_of(port_of(step_of(call)->kind), call), call->slot);
    call->slot = NULL;
    call->step++;
    if (!goes_on || call->step == opt.plan->steps)
        begin_call(call);
    push_ready(call);
}

static void copy_value(char out[16], const uint8_t *value, size_t length)
{
    const uint8_t *equals = memchr(value, '=', length); /* "h323-return-code=0", or the bare value */
    size_t skipped = equals ? (size_t)(equals - value) + 1 : 0;
    snprintf(out, 16, "%.*s", (int)(length - skipped), (const char *)value + skipped);
}

static void read_answer(struct answer *answer, const uint8_t *packet, size_t length)
{
    *answer = (struct answer){"other", "-", "-"};
    if (packet[0] == ACCESS_ACCEPT || packet[0] == ACCESS_REJECT)
        answer->word = packet[0] == ACCESS_ACCEPT ? "accept" : "reject";
    else if (packet[0] == ACCOUNTING_RESPONSE)
        answer->word = "response";
    for (size_t at = HEADER; at + 2 <= length; at += packet[at + 1]) {
        if (packet[at + 1] < 2 || at + packet[at + 1] > length)
            return; /* nothing after it can be told apart */
        const uint8_t *attribute = packet + at;
        if (attribute[0] != VENDOR_SPECIFIC || attribute[1] < 9 || attribute[5] != CISCO)
            continue;
        if (attribute[6] == H323_RETURN_CODE)
            copy_value(answer->return_code, attribute + 8, attribute[1] - 8u);
        else if (attribute[6] == H323_CREDIT_TIME)
            copy_value(answer->credit_time, attribute + 8, attribute[1] - 8u);
    }
}

/* RFC 2865, section 3: Response Authenticator = MD5(code, identifier, length, Request Authenticator, attributes, secret). */
static bool authentic(uint8_t *packet, size_t length, const struct call *call)
{
    uint8_t given[DIGEST], wanted[DIGEST];
    memcpy(given, packet + 4, DIGEST);
    memcpy(packet + 4, call->packet + 4, DIGEST);
    md5(wanted, packet, length, opt.secret, strlen(opt.secret));
    return memcmp(given, wanted, DIGEST) == 0;
}

static void answered(struct call *call, const struct answer *answer, double at)
{
    struct tally *tally = &run.tally[step_of(call)->kind];
    bool rejected = strcmp(answer->word, "reject") == 0;
    tally->answered++;
    tally->rejected += rejected;
    if (step_of(call)->kind == AUTHZ && !rejected && answer->credit_time[0] == '-')
        tally->without_credit_time++;
    if (!run.draining) {
        run.replies++;
        record(&tally->latency, at - call->due);
        record(&run.latency, at - call->due);
    }
    ledger_line(call, answer);
    request_over(call, !rejected);
}

static void receive_from(struct slot *slots, int fd)
{
    uint8_t packet[4096];
    ssize_t received;
    while ((received = recv(fd, packet, sizeof packet, MSG_DONTWAIT)) >= 0) {
        size_t length = received >= HEADER ? (size_t)packet[2] << 8 | packet[3] : 0;
        struct call *call = length && packet[1] < IDS ? slots[packet[1]].call : NULL;
        if (length < HEADER || length > (size_t)received || !call || !authentic(packet, length, call)) {
            run.unmatched++;
            continue;
        }
        struct answer answer;
        read_answer(&answer, packet, length);
        answered(call, &answer, now());
    }
}

static void receive_all(void)
{
    struct port *const ports[] = {&run.auth, &run.acct};
    for (size_t p = 0; p < 2; p++)
        for (int i = 0; i < ports[p]->sockets; i++)
            if (ports[p]->poll[i].revents)
                receive_from(ports[p]->sources[i].slots, ports[p]->poll[i].fd);
}

static void retransmit_late(double at)
{
    static const struct answer none = {"none", "-", "-"};
    while (run.under_way.next != &run.under_way && run.under_way.next->deadline <= at) {
        struct call *call = run.under_way.next;
        if (call->tries < opt.tries) {
            stop_waiting(call);
            transmit(call);
            wait_for(call, at);
            run.retransmitted++;
            continue;
        }
        run.tally[step_of(call)->kind].timed_out++;
        ledger_line(call, &none);
        request_over(call, false);
    }
}

/* ---- the schedule ----------------------------------------------------------------------------------------------- */

static double next_due(void)
{
    return run.begin + (double)run.scheduled / opt.rate;
}

/* After the measured seconds only calls that are open go on, and only with --finish. */
static void drain_ready(double at)
{
    for (int left = run.ready_count; left > 0; left--) {
        struct call *call = pop_ready();
        if (opt.finish && call->step > 0)
            send_request(call, at, at);
    }
}

static void send_ready(double at)
{
    if (run.draining) {
        drain_ready(at);
        return;
    }
    while (run.ready_count > 0) {
        double due = opt.rate > 0 ? next_due() : at;
        if (due > at)
            break;
        send_request(pop_ready(), due, at);
        run.scheduled++;
    }
}

static double next_event(void)
{
    double event = run.draining ? run.give_up : run.end;
    if (run.under_way.next != &run.under_way)
        event = fmin(event, run.under_way.next->deadline);
    if (!run.draining && opt.rate > 0 && run.ready_count > 0)
        event = fmin(event, next_due());
    return event;
}

static void sleep_until_event(void)
{
    double pause = fmax(next_event() - now(), 0);
    struct timespec timeout = {(time_t)pause, (long)(fmod(pause, 1) * 1e9)};
    if (ppoll(run.poll, (nfds_t)run.poll_count, &timeout, NULL) < 0 && errno != EINTR)
        fail("ppoll: %s", strerror(errno));
}

/* The measured seconds are over: what is under way still gets all its tries. */
static void begin_drain(double at)
{
    run.draining = true;
    run.end = fmin(run.end, at);
    run.give_up = at + opt.retransmit * opt.tries * (opt.finish ? opt.plan->steps : 1) + 1;
}

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void run_load(void)
{
    run.begin = now();
    run.end = run.begin + opt.seconds;
    for (;;) {
        double at = now();
        if (!run.draining && (at >= run.end || interrupted))
            begin_drain(at);
        send_ready(at);
        if (run.draining && (run.outstanding == 0 || at >= run.give_up))
            return;
        sleep_until_event();
        receive_all();
        retransmit_late(now());
    }
}

/* ---- set-up ----------------------------------------------------------------------------------------------------- */

static int open_socket(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 1 << 21;
    if (inet_pton(AF_INET, opt.host, &address.sin_addr) != 1)
        fail("--host %s: an IPv4 address is wanted", opt.host);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("socket to %s:%d: %s", opt.host, port, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

static void open_port(struct port *port, int number)
{
    /* Twice the identifiers that can be under way, so that a freed one rests before it is used again. */
    port->sockets = (2 * opt.window + IDS - 1) / IDS;
    if (port->sockets < opt.sockets)
        port->sockets = opt.sockets;
    port->poll = run.poll + run.poll_count;
    for (int i = 0; i < port->sockets; i++) {
        int fd = open_socket(number);
        run.poll[run.poll_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        for (int id = 0; id < IDS; id++) {
            struct source *source = &port->sources[i];
            source->slots[id] = (struct slot){.fd = fd, .id = (uint8_t)id};
            free_slot(source, &source->slots[id]);
        }
    }
}

static void set_up(void)
{
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    digest_context = EVP_MD_CTX_new();
    if (!digest_context || !EVP_DigestInit_ex(digest_context, EVP_md5(), NULL))
        fail("this OpenSSL has no MD5, which RADIUS needs");
    /* Authenticators are unique over time too (RFC 2865, section 3): what comes from the port of an earlier run must not pass for a repetition of it. */
    random_state = 88172645463325252ull ^ ((opt.seed ? opt.seed : opt.run) * 0x9E3779B97F4A7C15ull);
    if (random_state == 0)
        random_state = 1;
    run.under_way.next = run.under_way.previous = &run.under_way;
    run.calls = calloc((size_t)opt.window, sizeof *run.calls);
    run.ready = calloc((size_t)opt.window, sizeof *run.ready);
    if (!run.calls || !run.ready)
        fail("no memory for %d calls", opt.window);
    for (int i = 0; i < opt.window; i++) {
        begin_call(&run.calls[i]);
        push_ready(&run.calls[i]);
    }
    open_port(&run.auth, opt.auth_port);
    open_port(&run.acct, opt.acct_port);
    if (opt.ledger && !(run.ledger = fopen(opt.ledger, "w")))
        fail("--ledger %s: %s", opt.ledger, strerror(errno));
}

static void parse_called(char *list)
{
    opt.called_count = 0;
    for (char *number = strtok(list, ","); number && opt.called_count < MAX_CALLED; number = strtok(NULL, ","))
        opt.called[opt.called_count++] = number;
    if (opt.called_count == 0)
        fail("--called: at least one number is wanted");
}

static const struct plan *find_plan(const char *name)
{
    for (size_t i = 0; i < sizeof PLANS / sizeof *PLANS; i++)
        if (strcmp(PLANS[i].name, name) == 0)
            return &PLANS[i];
    fail("unknown mode %s: auth, authz, acct, mix or call", name);
    return NULL;
}

enum {
    HOST = 1, AUTH_PORT, ACCT_PORT, SECRET, USERS, FIRST, USER_PREFIX, PASSWORD_PREFIX, ACCOUNT, PASSWORD, RANDOM,
    CALLED, QUOTA, NAS_IP, NAS_ID, SOCKETS, REMOTE, SIGN, WINDOW, RATE, SECONDS, FINISH, RETRANSMIT, TRIES, SEED, RUN, LEDGER, JSON,
};

static const struct option LONG_OPTIONS[] = {
    {"host", 1, 0, HOST}, {"auth-port", 1, 0, AUTH_PORT}, {"acct-port", 1, 0, ACCT_PORT}, {"secret", 1, 0, SECRET},
    {"users", 1, 0, USERS}, {"first", 1, 0, FIRST}, {"user-prefix", 1, 0, USER_PREFIX},
    {"password-prefix", 1, 0, PASSWORD_PREFIX}, {"account", 1, 0, ACCOUNT}, {"password", 1, 0, PASSWORD},
    {"random", 0, 0, RANDOM}, {"called", 1, 0, CALLED}, {"quota", 1, 0, QUOTA}, {"nas-ip", 1, 0, NAS_IP},
    {"nas-id", 1, 0, NAS_ID}, {"sockets", 1, 0, SOCKETS}, {"remote", 1, 0, REMOTE}, {"message-authenticator", 0, 0, SIGN},
    {"window", 1, 0, WINDOW}, {"rate", 1, 0, RATE}, {"seconds", 1, 0, SECONDS}, {"finish", 0, 0, FINISH}, {"retransmit", 1, 0, RETRANSMIT}, {"tries", 1, 0, TRIES},
    {"seed", 1, 0, SEED}, {"run", 1, 0, RUN}, {"ledger", 1, 0, LEDGER}, {"json", 0, 0, JSON}, {0, 0, 0, 0},
};

static void set_option(int option, char *value)
{
    switch (option) {
    case HOST: opt.host = value; break;
    case AUTH_PORT: opt.auth_port = atoi(value); break;
    case ACCT_PORT: opt.acct_port = atoi(value); break;
    case SECRET: opt.secret = value; break;
    case USERS: opt.users = (uint32_t)strtoul(value, NULL, 10); break;
    case FIRST: opt.first = (uint32_t)strtoul(value, NULL, 10); break;
    case USER_PREFIX: opt.user_prefix = value; break;
    case PASSWORD_PREFIX: opt.password_prefix = value; break;
    case ACCOUNT: opt.account = value; break;
    case PASSWORD: opt.password = value; break;
    case RANDOM: opt.pick_random = true; break;
    case CALLED: parse_called(value); break;
    case QUOTA:
        if (sscanf(value, "%u:%u", &opt.quota_max, &opt.quota_min) != 2)
            fail("--quota %s: MAX:MIN seconds are wanted", value);
        break;
    case NAS_IP:
        if (inet_pton(AF_INET, value, &opt.nas_ip) != 1)
            fail("--nas-ip %s: an IPv4 address is wanted", value);
        break;
    case NAS_ID: opt.nas_id = value; break;
    case SOCKETS: opt.sockets = atoi(value); break;
    case REMOTE: opt.remote = value; break;
    case SIGN: opt.message_authenticator = true; break;
    case WINDOW: opt.window = atoi(value); break;
    case RATE: opt.rate = atof(value); break;
    case SECONDS: opt.seconds = atof(value); break;
    case FINISH: opt.finish = true; break;
    case RETRANSMIT: opt.retransmit = atof(value) / 1000; break;
    case TRIES: opt.tries = atoi(value); break;
    case SEED: opt.seed = strtoull(value, NULL, 10); break;
    case RUN: opt.run = (uint32_t)strtoul(value, NULL, 10); break;
    case LEDGER: opt.ledger = value; break;
    case JSON: opt.json = true; break;
    default: exit(2); /* getopt has said why */
    }
}

static void parse_options(int count, char **words)
{
    int option;
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    opt.run = (uint32_t)(time.tv_sec * 1000 + time.tv_nsec / 1000000); /* repeats after 49 days */
    opt.nas_ip.s_addr = htonl(INADDR_LOOPBACK);
    while ((option = getopt_long(count, words, "", LONG_OPTIONS, NULL)) != -1)
        set_option(option, optarg);
    if (optind + 1 != count)
        fail("one mode is wanted: auth, authz, acct, mix or call");
    opt.plan = find_plan(words[optind]);
    if (opt.account && !opt.password)
        fail("--account needs --password");
    if (opt.window < 1 || opt.window > MAX_SOCKETS * IDS / 2)
        fail("--window: 1 to %d", MAX_SOCKETS * IDS / 2);
    if (opt.sockets < 1 || opt.sockets > MAX_SOCKETS)
        fail("--sockets: 1 to %d", MAX_SOCKETS);
    if (opt.users < 1 || opt.tries < 1 || opt.retransmit <= 0 || opt.seconds <= 0)
        fail("--users, --tries, --retransmit and --seconds are above zero");
}

/* ---- report ----------------------------------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void add_up(struct tally *sum)
{
    for (int kind = 0; kind < KINDS; kind++) {
        sum->sent += run.tally[kind].sent;
        sum->answered += run.tally[kind].answered;
        sum->rejected += run.tally[kind].rejected;
        sum->timed_out += run.tally[kind].timed_out;
        sum->without_credit_time += run.tally[kind].without_credit_time;
    }
    sum->latency = run.latency;
}

static void print_tally(const struct tally *tally)
{
    printf("\"sent\": %lu, \"answered\": %lu, \"rejected\": %lu, \"timed_out\": %lu, \"without_credit_time\": %lu, "
           "\"p50_us\": %lu, \"p99_us\": %lu, \"max_us\": %lu",
           tally->sent, tally->answered, tally->rejected, tally->timed_out, tally->without_credit_time,
           percentile(&tally->latency, 0.50), percentile(&tally->latency, 0.99), tally->latency.max);
}

static void report_json(const struct tally *sum, double rate, double cpu)
{
    printf("{\"mode\": \"%s\", \"window\": %d, \"rate\": %.1f, \"seconds\": %.3f, \"run\": %u, \"replies\": %lu, "
           "\"replies_per_second\": %.1f, \"retransmitted\": %lu, \"unmatched\": %lu, \"cpu_percent\": %.1f, ",
           opt.plan->name, opt.window, opt.rate, run.end - run.begin, opt.run, run.replies, rate,
           run.retransmitted, run.unmatched, cpu);
    print_tally(sum);
    printf(", \"kinds\": {");
    const char *separator = "";
    for (int kind = 0; kind < KINDS; kind++) {
        if (run.tally[kind].sent == 0)
            continue;
        printf("%s\"%s\": {", separator, KIND_NAMES[kind]);
        print_tally(&run.tally[kind]);
        printf("}");
        separator = ", ";
    }
    printf("}}\n");
}

static void report_text(const struct tally *sum, double rate, double cpu)
{
    printf("%s W=%d rate=%.0f: %.0f replies/s, sent %lu, rejected %lu, timed out %lu, retransmitted %lu, unmatched %lu; "
           "p50 %lu us, p99 %lu us, max %lu us; own cpu %.0f %%\n",
           opt.plan->name, opt.window, opt.rate, rate, sum->sent, sum->rejected, sum->timed_out, run.retransmitted,
           run.unmatched,
           percentile(&sum->latency, 0.50), percentile(&sum->latency, 0.99), sum->latency.max, cpu);
}

/* Requests that are still under way when even the drain is over: their effect is unknown. */
static void close_ledger(void)
{
    static const struct answer none = {"none", "-", "-"};
    for (struct call *call = run.under_way.next; call != &run.under_way; call = call->next) {
        run.tally[step_of(call)->kind].timed_out++;
        ledger_line(call, &none);
    }
    if (run.ledger && fclose(run.ledger) != 0)
        fail("--ledger %s: %s", opt.ledger, strerror(errno));
}

int main(int count, char **words)
{
    parse_options(count, words);
    set_up();
    run_load();
    close_ledger();
    static struct tally sum;
    add_up(&sum);
    double rate = (double)run.replies / fmax(run.end - run.begin, 1e-3);
    double cpu = 100 * cpu_seconds() / (now() - run.begin);
    if (opt.json)
        report_json(&sum, rate, cpu);
    else
        report_text(&sum, rate, cpu);
    return 0;
}

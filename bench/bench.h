/*
 * bench.h - the parts of `escertke bench`. Everything is measured in CPU time of the thread that does the work, in rounds that
 * alternate between what is compared, in one process; the medians of the rounds are what counts.
 */
#ifndef ESCERTKE_BENCH_BENCH_H
#define ESCERTKE_BENCH_BENCH_H

#include <escertke/escertke.h>

#include <sched.h>

/* ---- meter.c: allocations and time --------------------------------------------------------------------------- */

/** Count the allocations of this library and of OpenSSL from now on. Before anything else has used OpenSSL. @return false: too
 * late */
bool meter_install(void);
/** From now on allocations cost what they cost; the counts stand still. No other thread may be running. */
void meter_stop_counting(void);
/** Allocations so far. */
uint64_t meter_allocs(void);
/** Octets of the heap in use by everybody, as the allocator knows it; 0 where it does not. */
size_t meter_heap(void);
/** CPU time of this thread, microseconds. */
double meter_cpu_us(void);
/** CPU time of this process, all threads, microseconds. */
double meter_process_us(void);
/** Wall clock, microseconds. */
double meter_wall_us(void);
/** Median of @p count figures; sorts them. */
double meter_median(double *figures, size_t count);

/* ---- people.c: a small PKI in memory ------------------------------------------------------------------------- */

struct person {
    char id[64];       /* Absolute AE-ID */
    char *chain, *key; /* PEM */
};

struct people {
    char *trust; /* PEM */
    struct person *all;
    size_t count;
};

/**
 * A root and @p count AE certificates, //m2m.example.org/in1/Cb0, Cb1..., issued by it or by an issuing CA that they show.
 * @return OK, NOMEM, BACKEND
 */
ESCERTKE_CHECKED escertke_err people_make(size_t count, bool issuing_ca, struct people *out, escertke_detail *d);
void people_free(struct people *p);
/** A credential for one of them, with X.509 or with the same key as a raw public key. @return as credential_new */
ESCERTKE_CHECKED escertke_err people_credential(const struct people *p, size_t index, const escertke_tls_ops *tls, bool raw,
                                                size_t path_cache, void **credential, escertke_detail *d);

/* ---- what is compared ------------------------------------------------------------------------------------------ */

/** Costs of one handshake, averaged over a round. */
struct cost {
    double server_us, client_us;
    double server_allocs, client_allocs;
    size_t sizes[4]; /* M1...M4, octets */
};

/** floor.c: keygen, ECDH, sign and two verifications on libcrypto: what no end-point can do without. Microseconds. @return false:
 * failed */
bool floor_round(unsigned count, double *us);

/** bare.c: a loop around libssl with the tuned settings and nothing of ours: memory BIOs, export, free. */
struct bare;
struct bare *bare_new(const struct people *p);
bool bare_round(struct bare *b, unsigned count, struct cost *out);
/** As ours_pending. */
bool bare_pending(struct bare *b, unsigned count, double *octets);
void bare_free(struct bare *b);

/** handshake.c: our two end-points, whole: terminator with its tables and a memory store, initiators with their own. */
struct ours;
struct ours_config {
    const escertke_tls_ops *tls;
    bool raw;          /* raw public keys on both sides */
    size_t clients;    /* people[1]...; 0 = 1 */
    size_t path_cache; /* of the terminator's credential, octets */
};
struct ours *ours_new(const struct people *p, const struct ours_config *cfg);
/** Handshakes with one client after the other; of one round after ours_forget, the first @p clients are with clients never seen.
 */
bool ours_round(struct ours *o, unsigned count, struct cost *out);
/** The terminator again as it was at the start, and with nothing in its cache. */
bool ours_forget(struct ours *o);
/** Octets held by each of @p count pending handshakes on the heap, whoever allocated them, as the allocator has rounded them. Raw
 * keys: 200 at most. */
bool ours_pending(struct ours *o, unsigned count, double *octets);
/** Cipher suite of the last handshake. */
const char *ours_suite(const struct ours *o);
void ours_free(struct ours *o);

/** repeat.c: a terminator with a cache of verified paths, and clients that come twice. */
struct repeat_round {
    double first_us, again_us; /* server side, per handshake */
    double verify_us;          /* one signature, verified by the same library */
};
/** One signature verified by ecdsa_verify, microseconds. @return false: failed */
bool verification_round(const escertke_tls_ops *tls, double *us);
/** One round: @p o forgets, all @p clients come, all come again. */
bool repeat_round(struct ours *o, const escertke_tls_ops *tls, unsigned clients, struct repeat_round *out);

/** refuse.c: an end-point that refuses, and what a handshake costs it. */
enum {
    REFUSAL_LIMITED, /* M1 of an originator that has no token left */
    REFUSAL_NOT_JSON,
    REFUSAL_NO_SECI,
    REFUSAL_NOT_BASE64,
    REFUSAL_NO_TLS,     /* octets that are no message of TLS */
    REFUSAL_CUT_HELLO,  /* M1 with half a ClientHello: TLS refuses it */
    REFUSAL_NO_FROM,    /* a From that is no identifier */
    REFUSAL_NO_PENDING, /* M3 of a run that is over */
    REFUSALS
};
struct refuse;
struct refuse_cost {
    double handshake_us, refusal_us[REFUSALS]; /* CPU of the answering side, each */
};
struct refuse *refuse_new(const struct people *p, escertke_detail *d);
const char *refusal_name(size_t which);
/** Each kind @p count times, and as many handshakes, one after the other. */
bool refuse_round(struct refuse *r, unsigned count, struct refuse_cost *out);
/** CPU of the HTTP server for each of @p count requests that are refused. */
ESCERTKE_CHECKED escertke_err refuse_http(struct refuse *r, size_t which, size_t count, double *us, escertke_detail *d);
void refuse_free(struct refuse *r);

/* ---- load.c: the cheapest possible client --------------------------------------------------------------------------- */

struct load_message {
    escertke_buf request;  /* whole, as it goes over the connection */
    escertke_buf response; /* the body that came */
    int status;            /* of HTTP */
    size_t number_at;      /* where two digits of the request are to be the connection's number; 0 = nowhere */
};

/** What a protocol makes of octets that came. */
struct load_found {
    size_t used; /* of the first thing that is whole; 0 = there is more to come */
    bool response;
    size_t body, body_len; /* of a response: where it lies */
    int status;
    uint8_t reply[8]; /* to be said to it at once */
    size_t reply_len;
};

struct load_protocol {
    /** What is said first on a connection; NULL = nothing. @return its octets */
    size_t (*greet)(unsigned number, char *out, size_t cap);
    /** Octets of the answer to that; 0 = it is not whole. A NUL stands behind @p in. */
    size_t (*greeted)(const char *in, size_t len);
    void (*find)(const char *in, size_t len, struct load_found *out);
};

struct load;
/** Open connections to 127.0.0.1:port, at most 100 if requests have a number_at. To be closed in any case. */
ESCERTKE_CHECKED escertke_err load_open(const struct load_protocol *protocol, uint16_t port, unsigned connections,
                                        struct load **out, escertke_detail *d);
/** Send all requests, one under way on each connection; one thread, no parsing beyond need. */
ESCERTKE_CHECKED escertke_err load_run(struct load *l, struct load_message *messages, size_t count);
/** NULL allowed. */
void load_close(struct load *l);

/* ---- cores.c: whose core is whose -------------------------------------------------------------------------------------- */

struct cores {
    cpu_set_t all, server, others;
};
enum cores_part { CORES_ALL, CORES_SERVER, CORES_OTHERS };
/** Give the server as many as it wants, but leave one to the others. @return what it gets; 0: there is only one, which all share
 */
unsigned cores_split(unsigned wanted, struct cores *out);
/** The calling thread, and whatever it starts from now on. */
void cores_enter(const struct cores *c, enum cores_part part);

/* ---- broker.c: a mosquitto of the bench's own ------------------------------------------------------------------------ */

struct broker;
/** To be stopped in any case. @return OK, NOT_FOUND (no such program), IO, NOMEM */
ESCERTKE_CHECKED escertke_err bench_broker_start(struct broker **out, escertke_detail *d);
void bench_broker_stop(struct broker *b);
unsigned bench_broker_port(const struct broker *b);
/** CPU time it has used, microseconds. NULL: 0 */
double bench_broker_us(const struct broker *b);

/* ---- way.c: the bindings as a client sees them ------------------------------------------------------------------------- */

enum way { WAY_HTTP, WAY_WS, WAY_MQTT, WAYS };

struct way_ops {
    const char *name; /* for people */
    const char *url;  /* where a server listens; NULL: at a broker */
    bool own_loops;   /* the server's event loops run the handler; else workers do, beside one thread that reads and writes */
    struct load_protocol protocol;
    /** The request that brings a message of @p from to @p to. */
    escertke_err (*write)(const char *to, const char *from, size_t number, escertke_span message, struct load_message *out);
    /** Find the message in a response. @return OK, RSC (it is a refusal), and what reading it says */
    escertke_err (*read)(const struct load_message *m, escertke_seci *out, escertke_detail *d);
};
extern const struct way_ops way_ops[WAYS];
/** Load over HTTP alone. */
#define LOAD_HTTP (&way_ops[WAY_HTTP].protocol)
/** Why it cannot be measured here, in words; NULL = it can. */
const char *way_missing(enum way way);

/* ---- through.c: a terminator behind a server, under load ---------------------------------------------------------------- */

struct through_result {
    double per_second;
    double server_us, load_us, broker_us;          /* CPU per handshake */
    double server_cores, load_cores, broker_cores; /* how the machine was split meanwhile */
    size_t handshakes;
    unsigned own_cores; /* that the server's threads had for themselves; 0 = none */
};

struct through_config {
    enum way way;
    unsigned threads; /* that run the terminating end-point */
    bool apart;       /* the server's threads on cores of their own, load and broker on the others */
    size_t handshakes;
};

/** One run: all M1 from different originators, then all M3. The M3 are made in between and not counted. */
ESCERTKE_CHECKED escertke_err through_run(const struct people *p, const struct through_config *cfg, struct through_result *out,
                                          escertke_detail *d);

/* ---- tap.c: a port that counts ------------------------------------------------------------------------------------------ */

struct tap_counts {
    uint64_t up, down; /* octets in TCP or UDP, from the client and to it */
    uint64_t pieces;   /* datagrams; of TCP what was read at once */
};
struct tap;
/** Pass on what comes to *port of 127.0.0.1, to the port @p to. To be closed in any case. @return OK, IO, NOMEM */
ESCERTKE_CHECKED escertke_err tap_open(bool datagrams, uint16_t to, struct tap **out, uint16_t *port, escertke_detail *d);
void tap_read(struct tap *t, struct tap_counts *out);
/** Wait until nothing comes any more. */
void tap_wait(struct tap *t);
/** NULL allowed. */
void tap_close(struct tap *t);

/* ---- wire.c: what a run needs on the wire --------------------------------------------------------------------------------- */

enum { WIRE_BINDINGS = 4 };
struct wire_binding {
    const char *name, *scheme, *path;
    bool datagrams, connects, broker; /* connects: with octets of its own */
};
extern const struct wire_binding wire_bindings[WIRE_BINDINGS];

struct wire_config {
    const struct people *people; /* the first one waits for the second one */
    const escertke_tls_ops *tls;
    bool raw;
    size_t binding;
    escertke_format format;
};
struct wire_result {
    struct tap_counts first; /* the run that connects, too */
    struct tap_counts again; /* one more over the same connection: the middle one of three */
};
/** Runs over a binding, counted on the initiating end-point's way. */
ESCERTKE_CHECKED escertke_err wire_run(const struct wire_config *cfg, struct wire_result *out, escertke_detail *d);
/** Why that binding cannot be measured here; NULL = it can. */
const char *wire_missing(size_t binding);

/* ---- flood.c: forged M1 and genuine runs at the same time ---------------------------------------------------------- */

struct flood_result {
    size_t forged, taken_on, refused; /* M1 of as many originators; answered with M2, and with 5000 */
    size_t genuine, completed;        /* runs */
    unsigned messages, runs;          /* that the genuine ones needed, repetitions included; two and one each if all goes well */
    size_t evicted;
    size_t pending_bound, pending_bytes; /* memory for pending handshakes: what is set, and the most that was counted */
    size_t bound, peak; /* of the heap beyond what it was at the start: what follows from the options, and the most seen */
    double seconds;     /* the flood */
};
/** @p forged M1 from as many originators through the HTTP server, and @p genuine runs spread over that time. @return OK also if
 * not all complete */
ESCERTKE_CHECKED escertke_err flood_run(const struct people *p, size_t forged, size_t genuine, struct flood_result *out,
                                        escertke_detail *d);

#endif

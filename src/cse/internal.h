/*
 * internal.h - what the files of the CSE share. Everything here is called with the lock of the CSE held, unless said otherwise.
 *
 * A request is one struct esc_call that goes through the steps of the general receiver procedure. A step returns 0 to go on,
 * or the Response Status Code that ends the procedure; esc_cse_refuse() notes the reason.
 */
#ifndef ESCERTKE_CSE_INTERNAL_H
#define ESCERTKE_CSE_INTERNAL_H

#include <jansson.h>
#include <pthread.h>

#include "cse/cse.h"

/* Resource types (TS-0004 6.3.4.2.1). */
enum {
    ESC_TY_ACP = 1,
    ESC_TY_AE = 2,
    ESC_TY_CNT = 3,
    ESC_TY_CIN = 4,
    ESC_TY_CB = 5,
    ESC_TY_PCH = 15,
    ESC_TY_CSR = 16,
    ESC_TY_SUB = 23
};

/* accessControlOperations (R-RG-11). */
enum { ESC_ACOP_CREATE = 1, ESC_ACOP_RETRIEVE = 2, ESC_ACOP_UPDATE = 4, ESC_ACOP_DELETE = 8, ESC_ACOP_NOTIFY = 16 };

enum {
    ESC_CHILDREN_MAX = 32,               /* children of one <AE> */
    ESC_ACP_PER_CREATOR_MAX = 64,        /* <accessControlPolicy> of one creator directly below <CSEBase> */
    ESC_RESOURCE_BYTES_MAX = 8192,       /* attributes of one resource, serialized */
    ESC_DUPLICATES_MAX = 4,              /* identical ESCertKE requests at once, laps of a looping request */
    ESC_GID_MAX = 128,                   /* remembered group request identifiers */
    ESC_HELD_PER_CHANNEL_MAX = 16,       /* requests that wait at one <pollingChannel> */
    ESC_INSTANCE_BYTES_MAX = 120 * 1024, /* of a <contentInstance>: a line of the state file holds it */
    ESC_SUBSCRIPTIONS_MAX = 8            /* of one <container> */
};

/* ---- resources --------------------------------------------------------------------------------------------- */

struct esc_resource {
    int ty;
    char *ri, *rn;
    char *creator;            /* Absolute ID */
    int64_t ct, lt, et;       /* seconds since 1970; et 0 = never expires */
    json_t *attrs;            /* what the schema of the type lists, in the form it was accepted */
    size_t size;              /* octets of attrs, serialized */
    bool mirror;              /* <remoteCSE> that stands for this CSE's own registrar */
    size_t instances, octets; /* <container>: of its <contentInstance>s (cni, cbs) */
    int64_t st;               /* <container>: stateTag */

    struct esc_resource *parent, *first, *last, *next, *prev; /* tree; the youngest sibling first */
    struct esc_resource *same_ri, *same_name;                 /* chains of the index */
    struct esc_resource *next_remote;                         /* list of all <remoteCSE> */
};

/** Two hash tables over all resources: by ri, and by (parent, rn). */
struct esc_index {
    struct esc_resource **by_ri, **by_name;
    size_t mask;
    uint64_t seed;
};

/** Value of an attribute: the check, and what it expects in words. */
struct esc_kind {
    bool (*ok)(const json_t *value);
    const char *expected;
};

enum esc_presence { ESC_NO, ESC_OPTIONAL, ESC_MUST };

struct esc_attr {
    const char *name;
    const struct esc_kind *kind; /* NULL: an attribute of the standard that is not implemented here (5001) */
    enum esc_presence create, update;
};

struct esc_call;
struct esc_draft;

struct esc_type {
    int ty;
    const char *root; /* "m2m:ae" */
    const char *stem; /* beginning of a generated ri */
    const struct esc_attr *attrs;
    size_t attr_count;
    /** Who this would be: fills ri, creator and what the CSE itself assigns. Returns 0 or an RSC. */
    int (*prepare)(struct esc_call *c, struct esc_draft *draft);
};

/** A resource that is not there yet. */
struct esc_draft {
    const struct esc_type *type;
    char ri[ESCERTKE_ID_MAX + 1], creator[ESCERTKE_ID_MAX + 1];
    json_t *attrs; /* owned; without rn */
};

/* How this CSE differs from the standard on purpose: see behaviour.c. */
struct esc_behaviour {
    const char *name;
    const struct esc_kind *esi; /* what the attribute may be */
    bool only_sgn;              /* a NOTIFY carries m2m:sgn or is refused, in transit too */
    int base_rsc;               /* what a NOTIFY to <CSEBase> gets; 0 = it is processed */
    bool no_esprim_codes;       /* those become 5103 */
    bool first_poa_only;        /* no further pointOfAccess is tried */
    bool no_xml, no_cbor;       /* a content in these cannot be read */
    bool no_channel;            /* <pollingChannel> is no type that is known */
    bool no_answers;            /* whatever the receiver of a NOTIFY answers becomes 2000 without content */
};

/* ---- requests ---------------------------------------------------------------------------------------------- */

enum esc_origin {
    ESC_ORIGIN_NEW,       /* Create <AE> without an identifier yet: no fr, "C" or "S" */
    ESC_ORIGIN_AE,        /* bare AE-ID-Stem: registered here, or about to be */
    ESC_ORIGIN_CSE,       /* another CSE */
    ESC_ORIGIN_REMOTE_AE, /* an AE behind another CSE */
};

struct esc_originator {
    enum esc_origin kind;
    escertke_id id;           /* Absolute; text "" with ESC_ORIGIN_NEW */
    struct esc_resource *own; /* its <AE> or <remoteCSE> here; NULL = none; only while the lock is held */
};

/** One request that goes out: copies, because the lock is not held meanwhile. */
struct esc_hop {
    char *url[ESC_CSE_POA_MAX];
    size_t count;
    char receiver[ESCERTKE_ID_MAX + 1]; /* Absolute; "" = not known */
    bool to_ae;
    char channel[ESCERTKE_ID_MAX + 1]; /* ri of the <pollingChannel> where the receiver fetches it; "" = it is sent to url */
    escertke_primitive req;
};

/* What is left to do without the lock. */
enum esc_next {
    ESC_NEXT_ANSWER,
    ESC_NEXT_HOP,     /* send hop.req and wait for its answer */
    ESC_NEXT_CHANNEL, /* wait until hop.req was polled and answered */
    ESC_NEXT_POLL,    /* wait for a request at hop.channel */
    ESC_NEXT_VERIFY,  /* ask with hop.req whether a subscription is wanted, then go on with the request */
    ESC_NEXT_SELF,
};

/* Virtual resources (R-ID-12): an operation on them is one on something else. */
enum esc_virtual {
    ESC_VIRTUAL_NONE,
    ESC_VIRTUAL_PCU, /* of a <pollingChannel>, which is then the target */
    ESC_VIRTUAL_LA,  /* of a <container>: the target is its youngest <contentInstance> */
    ESC_VIRTUAL_OL,  /* its oldest */
};

/* A request that waits at a <pollingChannel>, and a poll that waits for one: on the stack of the thread that waits. */
struct esc_held {
    struct esc_held *next;
    const struct esc_hop *hop;
    size_t size;
    bool taken, over;       /* given to a poll; answered */
    escertke_primitive rsp; /* what the poller answered */
};

struct esc_poller {
    struct esc_poller *next;
    const char *channel;
    bool replaced; /* by a newer poll of the same channel */
};

struct esc_call {
    struct esc_cse *cse;
    const escertke_primitive *req;
    escertke_now now;
    int64_t deadline_ms; /* rqet (or rset, if earlier) in ms since 1970; 0 = none */
    struct esc_originator orig;
    escertke_address to;
    struct esc_resource *target;
    enum esc_virtual part;         /* of the target */
    json_t *in;                    /* parsed content, owned; NULL = none */
    json_t *out;                   /* content of the answer, owned; NULL = none */
    bool changed;                  /* a resource was: the state file is due */
    char sub[ESCERTKE_ID_MAX + 1]; /* ri of the <subscription> about to be made; \"\" = not verified yet */
    enum esc_next next;
    struct esc_hop hop;
    struct esc_call *older, *newer; /* list of pending requests */
    bool pending;
    char why[256];
};

struct esc_cse {
    pthread_mutex_t lock;      /* everything below but the configuration */
    pthread_cond_t turn;       /* something happened that a waiting request may want to know; monotonic clock */
    pthread_mutex_t file_lock; /* one writer of the state file; taken before lock */
    struct esc_cse_config cfg; /* strings owned; limits filled in */
    const struct esc_behaviour *behaviour;
    escertke_id id; /* own Absolute CSE-ID */
    escertke_id_context ctx;
    json_t *esi; /* NULL = none */
    struct esc_resource *base, *remotes;
    struct esc_index index;
    size_t ae, acp, remote, containers, instances, subscriptions, bytes;
    int64_t next_expiry; /* seconds since 1970; INT64_MAX = nothing expires */
    struct esc_call *calls;
    size_t pending;
    struct esc_held *held; /* the oldest first */
    struct esc_poller *pollers;
    size_t held_count, held_bytes, poll_count;
    struct esc_lane *lanes; /* notifications that wait to be sent, by subscription */
    size_t note_count, note_bytes;
    pthread_cond_t mail; /* there is one more; monotonic clock */
    bool stopping;
    struct esc_cse_registration registration;
    char *poa[ESC_CSE_POA_MAX];
    size_t poa_count;
    struct {
        char *key;
        uint64_t until_ms;
    } gid[ESC_GID_MAX];
    size_t gid_next;
    uint64_t changes, saved; /* saved under file_lock */
    struct {
        escertke_buf pending; /* records that are not in the file yet, and on: under lock */
        bool on;              /* false: the next change writes the whole state file, which has everything */
        uint64_t size, limit; /* of the file; under file_lock */
    } journal;
    char left_out[256]; /* of the journal at the start, in words */
    uint64_t requests, delivered, refused, own_requests;
};

/* cse.c */
int esc_cse_refuse(struct esc_call *c, int rsc, const char *fmt, ...) ESCERTKE_PRINTF(3, 4);
escertke_err esc_cse_random(struct esc_cse *cse, void *out, size_t len);
int64_t esc_cse_now_ms(escertke_now now);

/* originator.c: who asks (R-PR-21 rows 3 to 8) */
int esc_originator_find(struct esc_call *c);
bool esc_originator_is(const struct esc_originator *o, const char *absolute_id);
escertke_span esc_id_cse(const escertke_id *id); /* "//sp/cse" of any identifier */

/* check.c: Recv-1.0 and Recv-2.0 */
int esc_check_request(struct esc_call *c);
int esc_check_hosted(struct esc_call *c);

/* pending.c: requests that are being handled; repeated group requests */
int esc_pending_add(struct esc_call *c);
void esc_pending_remove(struct esc_call *c);
int esc_group_check(struct esc_call *c);
void esc_group_clear(struct esc_cse *cse);

/* resource.c: the tree and its index */
escertke_err esc_index_new(struct esc_cse *cse);
void esc_index_free(struct esc_cse *cse);
struct esc_resource *esc_resource_new(int ty, const char *ri, const char *rn, const char *creator, json_t *attrs); /* takes it */
void esc_resource_free(struct esc_resource *r);
void esc_tree_add(struct esc_cse *cse, struct esc_resource *parent, struct esc_resource *r);
void esc_tree_remove(struct esc_cse *cse, struct esc_resource *r); /* with all below it */
struct esc_resource *esc_tree_by_ri(const struct esc_cse *cse, escertke_span ri);
struct esc_resource *esc_tree_by_name(const struct esc_cse *cse, const struct esc_resource *parent, escertke_span rn);
struct esc_resource *esc_tree_find(const struct esc_cse *cse, escertke_span path);
struct esc_resource *esc_tree_find_address(const struct esc_cse *cse, const char *address); /* NULL: not an address of this CSE */
bool esc_address_is_local(const struct esc_cse *cse, const escertke_address *a);
bool esc_tree_expire(struct esc_cse *cse, escertke_now now); /* true: something was removed */
void esc_tree_set_expiry(struct esc_cse *cse, struct esc_resource *r, int64_t et);
void esc_resource_replace(struct esc_cse *cse, struct esc_resource *r, json_t *attrs); /* takes it */

/* kind.c: values of attributes */
extern const struct esc_kind esc_kind_string, esc_kind_name, esc_kind_bool, esc_kind_app_id, esc_kind_time, esc_kind_labels,
    esc_kind_poa, esc_kind_srv, esc_kind_csz, esc_kind_esi, esc_kind_addresses, esc_kind_regs, esc_kind_cse_type,
    esc_kind_address, esc_kind_cse_id, esc_kind_cse_ids, esc_kind_privileges, esc_kind_self_privileges, esc_kind_count,
    esc_kind_content, esc_kind_content_info, esc_kind_creator, esc_kind_event_criteria, esc_kind_notification_type,
    esc_kind_target, esc_kind_targets;
bool esc_url_valid(const char *url);
bool esc_text_valid(const json_t *value, size_t max);
bool esc_list_valid(const json_t *value, size_t max, bool (*ok)(const json_t *item));

/* schema.c: which attributes a type has */
const struct esc_type *esc_type_of(int ty);
const struct esc_attr *esc_attr_find(const struct esc_type *type, const char *name);
int esc_schema_create(struct esc_call *c, const struct esc_type *type, const json_t *attrs);
int esc_schema_update(struct esc_call *c, const struct esc_type *type, const json_t *attrs);
bool esc_schema_stored(const struct esc_cse *cse, const struct esc_type *type, const json_t *attrs);
int64_t esc_attrs_expiry(const json_t *attrs);
size_t esc_attrs_size(const json_t *attrs);
size_t esc_type_bytes_max(int ty);
bool esc_type_fits(int parent, int ty); /* may it be a child? */

/* ae.c, acp.c, remote.c: what is special about a type */
int esc_ae_prepare(struct esc_call *c, struct esc_draft *draft);
int esc_acp_prepare(struct esc_call *c, struct esc_draft *draft);
int esc_remote_prepare(struct esc_call *c, struct esc_draft *draft);
bool esc_remote_matches(const struct esc_cse *cse, const struct esc_resource *csr, escertke_span cse_id, bool below);
struct esc_resource *esc_remote_find(const struct esc_cse *cse, escertke_span cse_id); /* by csi, else by dcse */
bool esc_acp_permits(const struct esc_cse *cse, const json_t *privileges, const struct esc_originator *o, unsigned op);
bool esc_acp_valid(const json_t *privileges, bool self);
escertke_err esc_generate_ri(struct esc_cse *cse, const char *stem, char out[ESCERTKE_ID_MAX + 1]);

/* access.c: Recv-6.3 */
int esc_access_check(struct esc_call *c, unsigned op);
bool esc_access_permits(const struct esc_call *c, unsigned op); /* without words */
int esc_access_set_acpi(struct esc_call *c, json_t *attrs);

/* represent.c: resources as content */
json_t *esc_represent(const struct esc_call *c, const struct esc_resource *r);
int esc_represent_partial(struct esc_call *c, const struct esc_resource *r);
bool esc_wants_part(const struct esc_call *c);

/* operation.c: Recv-6.5 */
int esc_operation_create(struct esc_call *c);
int esc_operation_retrieve(struct esc_call *c);
int esc_operation_update(struct esc_call *c);
int esc_operation_delete(struct esc_call *c);

/* notify.c, transit.c: requests that leave again */
int esc_operation_notify(struct esc_call *c);
int esc_transit(struct esc_call *c);

/* behaviour.c */
const struct esc_behaviour *esc_behaviour_find(const char *name);
int esc_behaviour_check_request(struct esc_call *c);
int esc_behaviour_check_notify(struct esc_call *c);
void esc_behaviour_change_answer(const struct esc_call *c, escertke_primitive *rsp);

/* virtual.c: pcu, la, ol */
int esc_virtual_find(struct esc_call *c);
int esc_virtual_check(struct esc_call *c);

/* channel.c: <pollingChannel> */
const struct esc_resource *esc_channel_of(const struct esc_resource *entity); /* NULL = none */
int esc_channel_prepare(struct esc_call *c, struct esc_draft *draft);
void esc_channel_route(struct esc_call *c, const struct esc_resource *entity);
int esc_channel_reply(struct esc_call *c);
int esc_channel_hold(struct esc_call *c, escertke_primitive *rsp); /* without the lock; 0 = rsp is complete */
int esc_channel_poll(struct esc_call *c);                          /* without the lock; fills out */

void esc_channel_pause(struct esc_cse *cse, pthread_cond_t *cond, uint64_t ms);

/* container.c: <container> and <contentInstance> */
int esc_container_prepare(struct esc_call *c, struct esc_draft *draft);
int esc_instance_prepare(struct esc_call *c, struct esc_draft *draft);
int esc_creator_set(struct esc_call *c, json_t *attrs); /* cr: null becomes who asks */
void esc_container_bound(const struct esc_cse *cse, json_t *attrs);
void esc_container_trim(struct esc_cse *cse, struct esc_resource *container);
struct esc_resource *esc_container_end(const struct esc_resource *container, bool oldest);
size_t esc_instance_octets(const struct esc_resource *instance);

/* subscribe.c: <subscription> */
int esc_subscription_prepare(struct esc_call *c, struct esc_draft *draft);
int esc_subscription_ask(struct esc_call *c,
                         const struct esc_draft *draft); /* 0: verified, or to be verified (ESC_NEXT_VERIFY) */
int esc_subscription_verify(struct esc_call *c);         /* without the lock; 0 = the subscriber wants it */
void esc_subscription_created(struct esc_call *c, const struct esc_resource *instance);
void esc_subscription_removed(struct esc_cse *cse, const struct esc_resource *sub);

/* outbox.c: requests of the CSE itself, and those that wait to be sent */
escertke_err esc_own_request(struct esc_cse *cse, const struct esc_resource *ae, const char *url, json_t *content,
                             struct esc_hop *hop);                               /* takes content */
void esc_outbox_add(struct esc_cse *cse, const char *lane, struct esc_hop *hop); /* takes what hop holds */
void esc_outbox_clear(struct esc_cse *cse);

/* hop.c: prepare under the lock, run without it */
escertke_err esc_hop_add_urls(const struct esc_cse *cse, const struct esc_resource *entity, struct esc_hop *hop);
escertke_format esc_hop_format(const struct esc_resource *entity, escertke_format format);
bool esc_hop_is_own_url(const struct esc_cse *cse, const char *url);
bool esc_hop_release_1(const struct esc_resource *entity);
int esc_hop_prepare(struct esc_call *c, const struct esc_resource *entity, bool to_ae, bool absolute_fr);
int esc_hop_run(struct esc_call *c, escertke_primitive *rsp); /* without the lock; 0 = rsp is complete */
int esc_hop_relay(struct esc_call *c, escertke_primitive *rsp);
void esc_hop_clear(struct esc_hop *hop);

/* registrar.c: the CSE where this one registers */
escertke_format esc_registrar_format(const struct esc_cse *cse); /* of requests to it */
escertke_err esc_registrar_send(struct esc_cse *cse, escertke_primitive *req, escertke_primitive *rsp,
                                escertke_detail *d); /* without the lock */
escertke_err esc_registrar_refused(const escertke_primitive *rsp, const char *what, escertke_detail *d);
struct esc_resource *esc_registrar_mirror(const struct esc_cse *cse);                       /* NULL = none */
escertke_err esc_registrar_read(struct esc_cse *cse, escertke_now now, escertke_detail *d); /* without the lock */

/* state.c */
escertke_err esc_state_load(struct esc_cse *cse, escertke_now now, escertke_detail *d);
escertke_err esc_state_save(struct esc_cse *cse, escertke_detail *d); /* without the lock */

/* journal.c: note that a resource is new or was changed, or goes with all below it */
void esc_journal_put(struct esc_cse *cse, const struct esc_resource *r);
void esc_journal_remove(struct esc_cse *cse, const struct esc_resource *r);

#endif

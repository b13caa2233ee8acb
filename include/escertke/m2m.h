/*
 * escertke/m2m.h - oneM2M identifiers, primitives, securityInfo, e2eSecInfo, status codes.
 * Values that travel keep the standard's short names: op, to, fr, rqi, rvi, pc, sit, eckm, esi, esf...
 */
#ifndef ESCERTKE_M2M_H
#define ESCERTKE_M2M_H

#include <escertke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- identifiers (TS-0001 7.2, TS-0004 6.2.3) -------------------------------------------------------------- */

typedef enum escertke_id_kind {
    ESCERTKE_ID_CSE_OR_AE_S = 1, /* //sp/Sxyz: a CSE-ID or an S-type AE-ID; configuration or the certificate decides (R-ID-31) */
    ESCERTKE_ID_CSE,             /* //sp/cse */
    ESCERTKE_ID_AE_C,            /* //sp/cse/Cstem */
} escertke_id_kind;

/** An Absolute identifier, validated. Compare with strcmp on text. */
typedef struct escertke_id {
    char text[ESCERTKE_ID_MAX + 1]; /* "//sp/cse[/Cstem]" */
    escertke_id_kind kind;
    uint16_t sp_len;  /* length of "//sp" */
    uint16_t cse_len; /* length of "/cse" behind it */
} escertke_id;

/** What completes a relative From: the receiver's own SP-ID and CSE-ID (its registrar's if it is an AE). Borrowed strings. */
typedef struct escertke_id_context {
    const char *sp_id;  /* "//m2m.example.org" */
    const char *cse_id; /* "/in1"; NULL or "" = unknown: a bare C-stem is refused */
} escertke_id_context;

/** Parse an Absolute CSE-ID or AE-ID. @return OK, ID. @spec TS-0004 6.2.3; A-69 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_id_parse(escertke_span text, escertke_id *out);
/**
 * Bring a From in any of its forms (bare stem, SP-relative, Absolute) to the Absolute form with the receiver's context.
 * @return OK, ID (malformed, or the context lacks what is needed). @spec R-ID-30; A-14
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_id_normalise(escertke_span from, const escertke_id_context *ctx,
                                                                 escertke_id *out);
/**
 * Public domain name of a CSE-ID: "in1.m2m.example.org" for an IN-CSE; below IN-CSE "/in1": "mn1.in1.m2m.example.org".
 * @param in_cse_id  CSE-ID of the IN-CSE with its "/", NULL or "" when @p id names the IN-CSE itself
 * @param out        at least ESCERTKE_ID_MAX + 1 characters, lower case
 * @return OK, ID (an AE-ID, or the parts make no domain name). @spec TS-0001 6.5.1.1; R-ID-50, A-20
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_id_domain_name(const escertke_id *id, const char *in_cse_id, char *out);

typedef enum escertke_scope {
    ESCERTKE_SCOPE_CSE = 1, /* CSE-relative: in1base/meterAE, -/x, S5f0e */
    ESCERTKE_SCOPE_SP,      /* SP-relative: /in1/... */
    ESCERTKE_SCOPE_ABSOLUTE /* //sp/in1/... */
} escertke_scope;

/** A resource address (To) in its parts; spans borrow from the text parsed. Empty span = that part is absent. */
typedef struct escertke_address {
    escertke_scope scope;
    escertke_span sp;   /* "//sp", Absolute only */
    escertke_span cse;  /* "/in1" (with the slash), SP-relative and Absolute */
    escertke_span path; /* rest without a leading "/" and without "#...": "-", "in1base/meterAE", "S5f0e"; empty: bare CSE-ID */
    escertke_span attr; /* behind "#": attribute short name, e.g. "esi" */
} escertke_address;

/**
 * Parse an address; one trailing "/" is tolerated, and "." as a whole first segment. "-", "." and a bare CSE-ID all name the
 * <CSEBase>; they are left as they came.
 * @return OK, ID (bad character, empty segment, ".." or too long). @spec TS-0004 6.2.4; R-ID-10, A-46
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_address_parse(escertke_span text, escertke_address *out);

/* ---- status codes (TS-0004 6.6.3) -------------------------------------------------------------------------- */

enum {
    ESCERTKE_RSC_ACCEPTED = 1000,
    ESCERTKE_RSC_OK = 2000,
    ESCERTKE_RSC_CREATED = 2001,
    ESCERTKE_RSC_DELETED = 2002,
    ESCERTKE_RSC_UPDATED = 2004,
    ESCERTKE_RSC_BAD_REQUEST = 4000,
    ESCERTKE_RSC_RELEASE_VERSION_NOT_SUPPORTED = 4001,
    ESCERTKE_RSC_NOT_FOUND = 4004,
    ESCERTKE_RSC_OPERATION_NOT_ALLOWED = 4005,
    ESCERTKE_RSC_REQUEST_TIMEOUT = 4008,
    ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE = 4015,
    ESCERTKE_RSC_CONTENTS_UNACCEPTABLE = 4102,
    ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE = 4103,
    ESCERTKE_RSC_GROUP_REQUEST_IDENTIFIER_EXISTS = 4104,
    ESCERTKE_RSC_CONFLICT = 4105,
    ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED = 4106,
    ESCERTKE_RSC_SECURITY_ASSOCIATION_REQUIRED = 4107,
    ESCERTKE_RSC_INVALID_CHILD_RESOURCE_TYPE = 4108,
    ESCERTKE_RSC_ORIGINATOR_HAS_ALREADY_REGISTERED = 4117,
    ESCERTKE_RSC_INTERNAL_SERVER_ERROR = 5000,
    ESCERTKE_RSC_NOT_IMPLEMENTED = 5001,
    ESCERTKE_RSC_TARGET_NOT_REACHABLE = 5103,
    ESCERTKE_RSC_ALREADY_EXISTS = 5106,
    ESCERTKE_RSC_REMOTE_ENTITY_NOT_REACHABLE = 5107,
    ESCERTKE_RSC_NOT_ACCEPTABLE = 5207
};

/** Name as in TS-0004 6.6.3, e.g. "ORIGINATOR_NOT_AUTHENTICATED"; for an unknown code the name of its class. Static storage. */
ESCERTKE_API const char *escertke_rsc_name(int rsc);
/** HTTP status of a Response Status Code (TS-0009 Table 6.3.2-1); unknown codes by class. */
ESCERTKE_API int escertke_rsc_http(int rsc);
/** CoAP code as class * 100 + detail, e.g. 403 (TS-0008 Table 6.2.4-1); 2000 gives 204 (A-41). */
ESCERTKE_API int escertke_rsc_coap(int rsc);

/* ---- primitives (TS-0004 6.4) ------------------------------------------------------------------------------ */

typedef enum escertke_op {
    ESCERTKE_OP_NONE = 0, /* a response */
    ESCERTKE_OP_CREATE = 1,
    ESCERTKE_OP_RETRIEVE = 2,
    ESCERTKE_OP_UPDATE = 3,
    ESCERTKE_OP_DELETE = 4,
    ESCERTKE_OP_NOTIFY = 5
} escertke_op;

/** Longest name of who brought a request, characters. */
#define ESCERTKE_SOURCE_MAX 47

/** Serializations. JSON is always there; a build may leave out XML and CBOR. */
typedef enum escertke_format { ESCERTKE_FORMAT_JSON = 1, ESCERTKE_FORMAT_XML, ESCERTKE_FORMAT_CBOR } escertke_format;

/** "json", "xml", "cbor": as in csz, in topics of MQTT, in subprotocols of WebSocket; "?" for another number. Static storage. */
ESCERTKE_API const char *escertke_format_name(escertke_format format);
/** "application/json" and so on: the media type for any content (R-DT-50); "" for another number. Static storage. */
ESCERTKE_API const char *escertke_format_media(escertke_format format);
/** Does this build read and write it? */
ESCERTKE_API bool escertke_format_available(escertke_format format);
/**
 * Find the format that a text names: "xml", "application/xml", "application/vnd.onem2m-prsp+xml", in any case (TS-0004 6.7).
 * Parameters of a media type are to be cut off before. @return false: none, or a type for something else; @p out is untouched
 */
ESCERTKE_API bool escertke_format_find(escertke_span text, escertke_format *out);

/**
 * Say a content, one object with one member, in another serialization; appended to @p out. XML has no types: what a member is
 * follows from its name where the standard gives it a type, any other atom comes out of XML as a text.
 * @return OK, JSON, XML, CBOR (not to be read, or not to be said in @p to), TOO_LARGE, UNSUPPORTED (not in this build), NOMEM;
 *         on error @p out is as it was
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_content_convert(escertke_format from, escertke_span content,
                                                                    escertke_format to, escertke_buf *out, escertke_detail *d);

/**
 * A request (op != 0) or response (rsc != 0) primitive. Strings are owned, NUL-terminated, NULL = absent.
 * The content stays serialized (one object with one member, e.g. {"m2m:seci":{...}}) until somebody needs it.
 */
typedef struct escertke_primitive {
    escertke_op op;
    int rsc;
    int ty;  /* resource type; 0 = absent */
    int rt;  /* responseType value rtv; 0 = absent */
    int rcn; /* result content; -1 = absent */
    char *to, *fr, *rqi, *rvi, *ot, *rqet, *rset, *oet, *gid, *vsi;
    char *atrl;             /* partial retrieve: attribute short names joined by "+" (R-BH-3, A-53); NULL = all */
    bool other_params;      /* a parameter was present that this library does not interpret (fc, drt, tkns...) */
    escertke_format format; /* of the content */
    escertke_format accept; /* of a request: what its response is to be in; 0 = the same as its content (R-PR-6) */
    escertke_buf content;   /* len 0 = no content */
    /**
     * Who brought a request: the peer of the hop, as the binding knows it. Never sent, and proves nothing; "" = not known. The
     * HTTP server says the IP address without port; of an IPv6 address the first 64 bits ("2001:db8:0:1::/64"), since the rest is
     * the peer's to choose.
     */
    char source[ESCERTKE_SOURCE_MAX + 1];
} escertke_primitive;

/** Empty primitive: no parameter, format JSON, content limit ESCERTKE_PRIMITIVE_MAX. */
ESCERTKE_API void escertke_primitive_init(escertke_primitive *p);
/** Release everything; the primitive is empty afterwards. */
ESCERTKE_API void escertke_primitive_clear(escertke_primitive *p);
/**
 * Set an owned string member, releasing what it held: escertke_primitive_set(&p->to, span). A span without ptr makes it absent.
 * Refuses control characters, NUL, bytes that are not UTF-8 and more than 4096 bytes. @return OK, PRIMITIVE, NOMEM
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_primitive_set(char **member, escertke_span value);
/** Deep copy of @p from into the empty @p to, which is empty again after a failure. @return OK, NOMEM */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_primitive_copy(const escertke_primitive *from, escertke_primitive *to);
/**
 * Parse a whole primitive (MQTT, WebSocket, polling): op marks a request, rsc a response (R-DT-32); in XML the root says so too.
 * Content is re-serialized compactly in the same format; {"m2m:atrl":[...]} of a Retrieve becomes atrl. Every known parameter is
 * checked for its type, unknown members are ignored.
 * rqi must be there, to in a request, fr in a request other than Create; whether pc may be missing is the receiver's question.
 * @param out  initialised by the call; to be cleared by the caller in any case: after a failure it may still hold rqi, and
 *             nothing else, so that an error response can repeat it
 * @return OK, JSON, XML, CBOR, PRIMITIVE, TOO_LARGE, UNSUPPORTED (not in this build), NOMEM; detail (NULL allowed) says which
 * member.
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_primitive_parse(escertke_format format, escertke_span text,
                                                                    escertke_primitive *out, escertke_detail *d);
/**
 * Append a whole primitive in any format, whatever its content is in, members in the order of TS-0004 Tables 6.4.1-1 and 6.4.2-1,
 * compact. What other_params stands for is not kept and so not written.
 * @return OK, PRIMITIVE (neither or both of op and rsc, a mandatory member missing, content not of its format or not to be said
 *         in this one), TOO_LARGE, UNSUPPORTED, NOMEM; on error @p out is as it was
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_primitive_write(escertke_format format, const escertke_primitive *p,
                                                                    escertke_buf *out);
/** The same in JSON. */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_primitive_parse_json(escertke_span text, escertke_primitive *out,
                                                                         escertke_detail *d);
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_primitive_write_json(const escertke_primitive *p, escertke_buf *out);

/** Milliseconds since 1970 of a oneM2M timestamp "YYYYMMDDThhmmss[,f{1,6}]". @return OK, PRIMITIVE. @spec R-DT-2 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_timestamp_parse(escertke_span text, int64_t *unix_ms);
/** absRelTimestamp: an absolute timestamp, or a signed number of milliseconds after @p now_unix_ms. @return OK, PRIMITIVE */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_abs_rel_parse(escertke_span text, int64_t now_unix_ms, int64_t *unix_ms);
/** Write "YYYYMMDDThhmmss" and a NUL (16 characters) for seconds since 1970. Years 1970 to 9999. */
ESCERTKE_API void escertke_timestamp_format(int64_t unix_s, char out[16]);

/* ---- m2m:securityInfo (TS-0004 6.3.5.48) ------------------------------------------------------------------- */

typedef enum escertke_sit {
    ESCERTKE_SIT_DAS_REQUEST = 1,
    ESCERTKE_SIT_DAS_RESPONSE = 2,
    ESCERTKE_SIT_RAND_REQUEST = 3,
    ESCERTKE_SIT_RAND_RESPONSE = 4,
    ESCERTKE_SIT_ESPRIM_OBJECT = 5,
    ESCERTKE_SIT_ESCERTKE = 6,
    ESCERTKE_SIT_DAR_MAP_REQUEST = 7,
    ESCERTKE_SIT_DAR_MAP_RESPONSE = 8
} escertke_sit;

/** A receiverESPrimRandObject (TS-0004 6.3.5.51). */
typedef struct escertke_rand_object {
    char esri[128], esrv[128], esrx[40]; /* NCName, NCName, timestamp (a relative number is kept as its decimal text) */
    uint8_t esks[8], espa[8];            /* algorithm identifiers; counts below */
    uint8_t esks_count, espa_count;
} escertke_rand_object;

/** A parsed m2m:seci. Which member counts is decided by sit. */
typedef struct escertke_seci {
    escertke_sit sit;
    escertke_buf eckm;        /* sit 6: the ESCertKE message, base64 removed */
    escertke_buf object;      /* sit 1, 2, 7, 8: the child as compact JSON object; sit 5: the compact JWE text */
    escertke_rand_object ero; /* sit 4 */
} escertke_seci;

ESCERTKE_API void escertke_seci_init(escertke_seci *s);
ESCERTKE_API void escertke_seci_clear(escertke_seci *s);
/**
 * Parse a content that must be {"m2m:seci":{...}}. Bounds: ESCERTKE_PRIMITIVE_MAX bytes, 16 levels, no duplicate members,
 * valid UTF-8, no NUL. With sit 6: eckm required, not empty, decoded size within ESCERTKE_MESSAGE_MAX, no other child of the
 * type. Unknown members are ignored.
 * @param out  initialised by the call, empty after a failure; clear it when done
 * @return OK, or ESCERTKE_ERR_
 *         JSON, XML, CBOR  not of this format, duplicate names, deeper than 16, NUL, bad UTF-8
 *         SECINFO    another root element, sit missing or outside 1...8, child missing or of the wrong type, children of
 *                    another sit
 *         BASE64     eckm is not base64
 *         TOO_LARGE  content or eckm past the limit
 *         UNSUPPORTED  a format that this build does not have
 *         NOMEM
 * @spec TS-0004 6.3.5.48; R-DT-10, R-DT-11, R-PR-4, R-IO-5
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_seci_parse(escertke_format format, escertke_span content, escertke_seci *out,
                                                               escertke_detail *d);
/** Append {"m2m:seci":{...}}. @return OK, SECINFO (sit and members do not fit), TOO_LARGE, NOMEM, UNSUPPORTED (format) */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_seci_write(escertke_format format, const escertke_seci *s, escertke_buf *out);
/** Append {"m2m:seci":{"sit":6,"eckm":"..."}} for one message; the short way. @return OK, TOO_LARGE, NOMEM, UNSUPPORTED */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_seci_write_eckm(escertke_format format, escertke_span message,
                                                                    escertke_buf *out);

/** Append {"m2m:dbg":"text"}; text is cut at 512 bytes and made printable. @return OK, TOO_LARGE, NOMEM, UNSUPPORTED */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_dbg_write(escertke_format format, const char *text, escertke_buf *out);
/** If the content is m2m:dbg, copy its text (printable, cut to cap - 1) and return true. */
ESCERTKE_API bool escertke_dbg_read(escertke_format format, escertke_span content, char *out, size_t cap);

/* ---- m2m:e2eSecInfo (TS-0004 6.3.5.52) ---------------------------------------------------------------------- */

/** Security usage identifier that shows ESCertKE for ESPrim (A-33). */
#define ESCERTKE_SUID_ESCERTKE 43

typedef struct escertke_esi {
    uint8_t esf[32]; /* SUIDs */
    size_t esf_count;
    bool has_esro;
    escertke_rand_object esro;
} escertke_esi;

/**
 * Parse an e2eSecInfo object (the value of "esi"), e.g. {"esf":[43]}. Certificates in it are hints and are checked for form only.
 * A SUID that stands twice counts once.
 * @return OK, JSON, SECINFO (esf missing or empty, SUID not in the table, wrong types), TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_esi_parse_json(escertke_span text, escertke_esi *out, escertke_detail *d);
/** Append the object. @return OK, SECINFO (no SUID, or one not in the table; esro not valid), TOO_LARGE, NOMEM */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_esi_write_json(const escertke_esi *esi, escertke_buf *out);
/** Does esf contain this SUID? */
ESCERTKE_API bool escertke_esi_has(const escertke_esi *esi, int suid);
/**
 * Find esi in the content of a Retrieve response: {"m2m:ae":{"esi":{...}}}, also m2m:cb, m2m:csr and announced variants.
 * @return OK, NOT_FOUND (resource without esi), JSON, XML, CBOR, SECINFO (another resource, or esi not valid), TOO_LARGE,
 *         UNSUPPORTED (format), NOMEM. @spec R-RG-40
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_esi_find(escertke_format format, escertke_span content, escertke_esi *out,
                                                             escertke_detail *d);

#ifdef __cplusplus
}
#endif
#endif

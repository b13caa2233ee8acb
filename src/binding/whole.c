#include "binding/whole.h"

#include "base/fail.h"

#define RELEASE "3" /* what this implementation conforms to (R-DT-1) */

#define WORKERS_DEFAULT 4u
#define WORKERS_MAX 256u
#define CONNECT_TIMEOUT_MS 5000u
#define TIMEOUT_MS 30000u
#define KEEPALIVE_S 30u

void esc_whole_defaults(unsigned *workers, uint32_t *connect_timeout_ms, uint32_t *timeout_ms, uint16_t *keepalive_s)
{
    if (!*workers)
        *workers = WORKERS_DEFAULT;
    if (*workers > WORKERS_MAX)
        *workers = WORKERS_MAX;
    if (!*connect_timeout_ms)
        *connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (!*timeout_ms)
        *timeout_ms = TIMEOUT_MS;
    if (!*keepalive_s)
        *keepalive_s = KEEPALIVE_S;
}

escertke_err esc_whole_deadline(uint32_t timeout_ms, const struct esc_patience *p, const escertke_primitive *req,
                                uint64_t *until_ms, escertke_detail *d)
{
    escertke_now now = escertke_system_clock(NULL);
    int64_t end_ms, now_ms = now.unix_s * 1000;

    *until_ms = now.mono_ms + (p && p->timeout_ms ? p->timeout_ms : timeout_ms);
    if ((p && p->timeout_ms) || !req->rqet ||
        escertke_abs_rel_parse(escertke_span_str(req->rqet), now_ms, &end_ms) != ESCERTKE_OK)
        return ESCERTKE_OK;
    if (end_ms <= now_ms)
        return esc_fail(d, ESCERTKE_ERR_DEADLINE, "TS-0004 7.3.2.6", "rqet %s has passed", req->rqet);
    if ((uint64_t)(end_ms - now_ms) < timeout_ms)
        *until_ms = now.mono_ms + (uint64_t)(end_ms - now_ms);
    return ESCERTKE_OK;
}

/* ---- responses ------------------------------------------------------------------------------------------------ */

static escertke_err write(escertke_format format, const char *rqi, const char *rvi, escertke_primitive *rsp, escertke_buf *out)
{
    escertke_err err = escertke_primitive_set(&rsp->rqi, escertke_span_str(rqi));

    if (err == ESCERTKE_OK && !rsp->rvi && rvi)
        err = escertke_primitive_set(&rsp->rvi, escertke_span_str(RELEASE));
    rsp->op = ESCERTKE_OP_NONE;
    return err == ESCERTKE_OK ? escertke_primitive_write(format, rsp, out) : err;
}

escertke_err esc_whole_answer(escertke_format format, const char *rqi, const char *rvi, escertke_primitive *rsp,
                              escertke_buf *out)
{
    if (write(format, rqi, rvi, rsp, out) == ESCERTKE_OK)
        return ESCERTKE_OK;
    escertke_primitive_clear(rsp);
    rsp->format = format;
    rsp->rsc = ESCERTKE_RSC_INTERNAL_SERVER_ERROR;
    escertke_buf_reset(out);
    return write(format, rqi, rvi, rsp, out);
}

void esc_whole_refuse(escertke_format format, int rsc, const char *reason, escertke_primitive *rsp)
{
    rsp->format = format;
    rsp->rsc = rsc;
    if (escertke_dbg_write(format, reason, &rsp->content) != ESCERTKE_OK)
        escertke_buf_reset(&rsp->content); /* without the words the code still says what is needed */
}

int esc_whole_rsc(escertke_err err)
{
    switch (err) {
    case ESCERTKE_ERR_NOMEM: return ESCERTKE_RSC_INTERNAL_SERVER_ERROR;
    case ESCERTKE_ERR_UNSUPPORTED: return ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE;
    default: return ESCERTKE_RSC_BAD_REQUEST;
    }
}

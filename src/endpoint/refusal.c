#include "endpoint/refusal.h"

#include <stdio.h>

static const struct {
    escertke_err err;
    int rsc;
    int alert; /* sent where the TLS engine has not chosen one; -1 = m2m:dbg instead */
} refusals[] = {
    { ESCERTKE_ERR_FORMAT, ESCERTKE_RSC_BAD_REQUEST, -1 },
    { ESCERTKE_ERR_TOO_LARGE, ESCERTKE_RSC_BAD_REQUEST, -1 },
    { ESCERTKE_ERR_ID, ESCERTKE_RSC_BAD_REQUEST, -1 },
    { ESCERTKE_ERR_NO_PENDING, ESCERTKE_RSC_BAD_REQUEST, -1 },
    { ESCERTKE_ERR_DEADLINE, ESCERTKE_RSC_BAD_REQUEST, -1 },
    { ESCERTKE_ERR_UNSUPPORTED, ESCERTKE_RSC_NOT_IMPLEMENTED, -1 },
    { ESCERTKE_ERR_NEGOTIATION, ESCERTKE_RSC_CONTENTS_UNACCEPTABLE, 40 },
    { ESCERTKE_ERR_TLS, ESCERTKE_RSC_CONTENTS_UNACCEPTABLE, 10 },
    { ESCERTKE_ERR_CERT, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, 42 },
    { ESCERTKE_ERR_IDENTITY, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, 49 },
    { ESCERTKE_ERR_VALIDITY, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, 45 },
    { ESCERTKE_ERR_PROFILE, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, 43 },
    { ESCERTKE_ERR_REVOKED, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, 44 },
    { ESCERTKE_ERR_STATUS, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, 46 },
    { ESCERTKE_ERR_SIGNATURE, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, 51 },
    { ESCERTKE_ERR_NO_CERT, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, 40 },
    { ESCERTKE_ERR_PRIVILEGE, ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE, 49 },
};

void esc_refuse(escertke_err err, escertke_answer *answer)
{
    int alert = -1;

    answer->rsc = ESCERTKE_RSC_INTERNAL_SERVER_ERROR;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].err == err) {
            answer->rsc = refusals[i].rsc;
            alert = refusals[i].alert;
        }
    answer->detail.rsc = answer->rsc;
    escertke_buf_reset(&answer->message);
    if (alert >= 0) {
        if (answer->detail.alert < 0)
            answer->detail.alert = alert;
        const uint8_t record[] = { 21, 3, 3, 0, 2, 2, (uint8_t)answer->detail.alert };
        if (escertke_buf_append(&answer->message, record, sizeof record) == ESCERTKE_OK)
            return;
        answer->rsc = answer->detail.rsc = ESCERTKE_RSC_INTERNAL_SERVER_ERROR;
    }
    snprintf(answer->dbg, sizeof answer->dbg, "ESCertKE: %s",
             escertke_err_class(err) == ESCERTKE_CLASS_LOCAL || !answer->detail.reason[0] ? escertke_err_text(err)
                                                                                          : answer->detail.reason);
}

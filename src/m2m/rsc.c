#include <escertke/m2m.h>

struct rsc_row {
    int rsc;
    int http;
    int coap; /* class * 100 + detail */
    const char *name;
};

/*
 * TS-0004 6.6.3, TS-0009 Table 6.3.2-1, TS-0008 Table 6.2.4-1. TS-0008 leaves 1000 without a code and gives 1002 two:
 * both are 2.04 here, since nothing was created. 2000 is 2.04; 4128 stands in no table. 5204 is what a subscription
 * that nobody answers for gets (TS-0004 7.4.8.2.1).
 */
static const struct rsc_row rows[] = {
    { 1000, 202, 204, "ACCEPTED" },
    { 1001, 202, 201, "ACCEPTED for nonBlockingRequestSynch" },
    { 1002, 202, 204, "ACCEPTED for nonBlockingRequestAsynch" },
    { 2000, 200, 204, "OK" },
    { 2001, 201, 201, "CREATED" },
    { 2002, 200, 202, "DELETED" },
    { 2004, 200, 204, "UPDATED" },
    { 4000, 400, 400, "BAD_REQUEST" },
    { 4001, 501, 501, "RELEASE_VERSION_NOT_SUPPORTED" },
    { 4004, 404, 404, "NOT_FOUND" },
    { 4005, 405, 405, "OPERATION_NOT_ALLOWED" },
    { 4008, 504, 504, "REQUEST_TIMEOUT" },
    { 4015, 415, 415, "UNSUPPORTED_MEDIA_TYPE" },
    { 4101, 403, 403, "SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE" },
    { 4102, 400, 400, "CONTENTS_UNACCEPTABLE" },
    { 4103, 403, 403, "ORIGINATOR_HAS_NO_PRIVILEGE" },
    { 4104, 409, 400, "GROUP_REQUEST_IDENTIFIER_EXISTS" },
    { 4105, 409, 403, "CONFLICT" },
    { 4106, 403, 403, "ORIGINATOR_NOT_AUTHENTICATED" },
    { 4107, 403, 403, "SECURITY_ASSOCIATION_REQUIRED" },
    { 4108, 403, 403, "INVALID_CHILD_RESOURCE_TYPE" },
    { 4111, 403, 403, "ESPRIM_UNSUPPORTED_OPTION" },
    { 4112, 403, 403, "ESPRIM_UNKNOWN_KEY_ID" },
    { 4113, 403, 403, "ESPRIM_UNKNOWN_ORIG_RAND_ID" },
    { 4114, 403, 403, "ESPRIM_UNKNOWN_RECV_RAND_ID" },
    { 4115, 403, 403, "ESPRIM_BAD_MAC" },
    { 4116, 403, 403, "ESPRIM_IMPERSONATION_ERROR" },
    { 4117, 403, 403, "ORIGINATOR_HAS_ALREADY_REGISTERED" },
    { 4126, 403, 403, "APP_RULE_VALIDATION_FAILED" },
    { 4127, 403, 403, "OPERATION_DENIED_BY_REMOTE_ENTITY" },
    { 4128, 403, 403, "SERVICE_SUBSCRIPTION_NOT_ESTABLISHED" },
    { 5000, 500, 500, "INTERNAL_SERVER_ERROR" },
    { 5001, 501, 501, "NOT_IMPLEMENTED" },
    { 5103, 404, 404, "TARGET_NOT_REACHABLE" },
    { 5105, 403, 403, "RECEIVER_HAS_NO_PRIVILEGE" },
    { 5106, 409, 400, "ALREADY_EXISTS" },
    { 5107, 404, 404, "REMOTE_ENTITY_NOT_REACHABLE" },
    { 5204, 500, 500, "SUBSCRIPTION_VERIFICATION_INITIATION_FAILED" },
    { 5205, 403, 403, "SUBSCRIPTION_HOST_HAS_NO_PRIVILEGE" },
    { 5206, 501, 501, "NON_BLOCKING_SYNCH_REQUEST_NOT_SUPPORTED" },
    { 5207, 406, 406, "NOT_ACCEPTABLE" },
    { 5210, 500, 500, "ESPRIM_DECRYPTION_ERROR" },
    { 5211, 500, 500, "ESPRIM_ENCRYPTION_ERROR" },
    { 6003, 404, 404, "EXTERNAL_OBJECT_NOT_REACHABLE" },
};

/* TS-0004 6.6.2 (R-RSC-1): what a code means that no table lists. */
static const struct rsc_row classes[] = {
    { 1, 202, 204, "INFORMATIONAL" },  { 2, 200, 204, "SUCCESS" },       { 4, 400, 400, "ORIGINATOR_ERROR" },
    { 5, 500, 500, "RECEIVER_ERROR" }, { 6, 404, 404, "NETWORK_ERROR" },
};

static const struct rsc_row *row_of(int rsc)
{
    static const struct rsc_row unknown = { 0, 500, 500, "UNKNOWN" };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].rsc == rsc)
            return &rows[i];
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (rsc > 0 && classes[i].rsc == rsc / 1000)
            return &classes[i];
    return &unknown;
}

const char *escertke_rsc_name(int rsc)
{
    return row_of(rsc)->name;
}

int escertke_rsc_http(int rsc)
{
    return row_of(rsc)->http;
}

int escertke_rsc_coap(int rsc)
{
    return row_of(rsc)->coap;
}

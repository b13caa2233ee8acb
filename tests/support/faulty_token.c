#include "faulty_token.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>

#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>

__attribute__((visibility("default"))) struct faulty_control faulty_control;
__attribute__((visibility("default"))) ck_rv_t C_GetFunctionList(struct ck_function_list **list);

static struct ck_function_list *real, ours;

/* SoftHSM may have been begun by somebody else in this process; then it is theirs to end. */
static ck_rv_t initialize(void *args)
{
    ck_rv_t rv = real->C_Initialize(args);

    return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : rv;
}

static ck_rv_t finalize(void *reserved)
{
    (void)reserved;
    return CKR_OK;
}

static ck_rv_t get_info(struct ck_info *info)
{
    ck_rv_t rv = real->C_GetInfo(info);

    memset(info->library_description, ' ', sizeof info->library_description);
    memcpy(info->library_description, FAULTY_DESCRIPTION, sizeof FAULTY_DESCRIPTION - 1);
    return rv;
}

static ck_rv_t get_token_info(ck_slot_id_t slot, struct ck_token_info *info)
{
    ck_rv_t rv = real->C_GetTokenInfo(slot, info);

    if (faulty_control.final_try)
        info->flags |= CKF_USER_PIN_FINAL_TRY;
    return rv;
}

static ck_rv_t login(ck_session_handle_t session, ck_user_type_t user, unsigned char *pin, unsigned long len)
{
    atomic_fetch_add(user == CKU_CONTEXT_SPECIFIC ? &faulty_control.logins_each_time : &faulty_control.logins, 1);
    if (user == CKU_CONTEXT_SPECIFIC && faulty_control.pin_changed)
        return CKR_PIN_INCORRECT;
    return faulty_control.pin_locked ? CKR_PIN_LOCKED : real->C_Login(session, user, pin, len);
}

static ck_rv_t get_session_info(ck_session_handle_t session, struct ck_session_info *info)
{
    if (!faulty_control.session_gone)
        return real->C_GetSessionInfo(session, info);
    real->C_CloseSession(session);
    return CKR_SESSION_HANDLE_INVALID;
}

static ck_rv_t sign_init(ck_session_handle_t session, struct ck_mechanism *mechanism, ck_object_handle_t key)
{
    if (!faulty_control.session_gone && !faulty_control.session_going)
        return real->C_SignInit(session, mechanism, key);
    real->C_CloseSession(session);
    return CKR_SESSION_HANDLE_INVALID;
}

static ck_rv_t sign(ck_session_handle_t session, unsigned char *data, unsigned long len, unsigned char *signature,
                    unsigned long *signature_len)
{
    const struct timespec while_others_try = { 0, 200000 };

    if (!signature)
        return real->C_Sign(session, data, len, signature, signature_len);
    int now = atomic_fetch_add(&faulty_control.at_once, 1) + 1;
    if (now > faulty_control.most_at_once)
        faulty_control.most_at_once = now;
    nanosleep(&while_others_try, NULL);
    ck_rv_t rv = faulty_control.device_error ? CKR_DEVICE_ERROR : real->C_Sign(session, data, len, signature, signature_len);
    atomic_fetch_add(&faulty_control.signatures, rv == CKR_OK);
    atomic_fetch_sub(&faulty_control.at_once, 1);
    return rv;
}

static ck_rv_t get_function_list(struct ck_function_list **list)
{
    *list = &ours;
    return CKR_OK;
}

ck_rv_t C_GetFunctionList(struct ck_function_list **list)
{
    void *library = faulty_control.real ? dlopen(faulty_control.real, RTLD_NOW | RTLD_LOCAL) : NULL;
    ck_rv_t (*get)(struct ck_function_list **) = NULL;

    if (library)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (!get || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    ours = *real;
    ours.C_Initialize = initialize;
    ours.C_Finalize = finalize;
    ours.C_GetInfo = get_info;
    ours.C_GetFunctionList = get_function_list;
    ours.C_GetTokenInfo = get_token_info;
    ours.C_Login = login;
    ours.C_GetSessionInfo = get_session_info;
    ours.C_SignInit = sign_init;
    ours.C_Sign = sign;
    *list = &ours;
    return CKR_OK;
}

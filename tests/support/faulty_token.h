/* faulty_token.h - a PKCS#11 module for tests: SoftHSM's, which a test can make fail, and which counts. */
#ifndef TESTS_SUPPORT_FAULTY_TOKEN_H
#define TESTS_SUPPORT_FAULTY_TOKEN_H

#include <stdatomic.h>
#include <stdbool.h>

/** What its tokens say as library-description. */
#define FAULTY_DESCRIPTION "escertke-faulty"

/** dlsym("faulty_control") of the module. */
struct faulty_control {
    const char *real;             /* path of the module behind it; set before it is used */
    atomic_int logins;            /* C_Login of the user */
    atomic_int logins_each_time;  /* the same for one signature */
    atomic_int signatures;        /* made */
    atomic_int at_once, most_at_once; /* signatures under way: now, and most ever */
    atomic_bool final_try;        /* tokens say that one wrong PIN more locks them */
    atomic_bool pin_locked;       /* C_Login says so */
    atomic_bool pin_changed;      /* the PIN for one signature is wrong */
    atomic_bool session_gone;     /* no session is valid */
    atomic_bool session_going;    /* a session that was valid is so no more when it is to sign */
    atomic_bool device_error;     /* C_Sign fails */
};

#endif

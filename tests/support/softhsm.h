/* softhsm.h - PKCS#11 tokens of SoftHSM in a temporary folder, for one test program. A failure ends it with a message. */
#ifndef TESTS_SUPPORT_SOFTHSM_H
#define TESTS_SUPPORT_SOFTHSM_H

#include <stdbool.h>

#define SOFTHSM_PIN "4711-Geheim"

/** Is all there that the functions below use? If not, the test is to be skipped. */
bool softhsm_is_there(void);
/** Make the folder and the configuration, and have this process use it. Before PKCS#11 is used for the first time. */
void softhsm_begin(void);
void softhsm_end(void);
/** The folder; files may be put into it. */
const char *softhsm_folder(void);
/** Path of SoftHSM's module. */
const char *softhsm_module(void);
/** A new token with SOFTHSM_PIN. */
void softhsm_token(const char *label);
/** Put a key pair into a token. @param id  hexadecimal digits */
void softhsm_import(const char *token, const char *label, const char *id, const char *key_pem);
/** Put a private key into a token, without its public half; it wants the PIN at every signature. */
void softhsm_import_wary(const char *token, const char *label, const char *key_pem);
/** Take all tokens away, or put them back. */
void softhsm_hide(bool away);

#endif

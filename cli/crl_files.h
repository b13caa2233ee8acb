/* crl_files.h - CRLs from files (--crl). */
#ifndef ESCERTKE_CLI_CRL_FILES_H
#define ESCERTKE_CLI_CRL_FILES_H

#include <escertke/crl.h>
#include <escertke/tls.h>

#include "options.h"

struct crl_files {
    const struct text_list *paths; /* each: PEM with any number of CRLs, or one in DER */
    const char *trust, *chain;     /* PEM files of those who may have issued them; NULL = none */
    bool require;
};

/**
 * Load them all, or none.
 * @param out  NULL where nothing is configured (no file, and none required)
 * @return OK, IO, CONFIG (too many files), and as escertke_crls_new, but CREDENTIAL for UNSUPPORTED and SIGNATURE
 */
ESCERTKE_CHECKED escertke_err crl_files_load(const struct crl_files *f, const escertke_tls_ops *tls, int64_t unix_s,
                                             escertke_crls **out, escertke_detail *d);

#endif

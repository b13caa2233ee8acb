/* certificate_recipe.h - tests/data/certificates.txt: its lines, and the certificates that a line asks for. */
#ifndef TESTS_UNIT_CERTIFICATE_RECIPE_H
#define TESTS_UNIT_CERTIFICATE_RECIPE_H

#include <escertke/cert.h>

#include "pki.h"

#define RECIPE_NOW INT64_C(1800000000) /* 2027-01-15 08:00:00 UTC: no case depends on the day it runs */
#define RECIPE_CERTS 12

/** One line, its words in place; $NAMES are replaced. */
struct recipe_line {
    char *text;
    int number;
    const char *name, *chain, *expect, *peer, *judges, *error, *alert;
};

/** What a chain says. Certificate 0 is the leaf (or the raw key, as SubjectPublicKeyInfo). */
struct recipe {
    struct pki_cert cert[RECIPE_CERTS]; /* empty where the octets were changed into what libcrypto cannot read */
    uint8_t *der[RECIPE_CERTS];
    escertke_span span[RECIPE_CERTS];
    size_t count;
    size_t path[RECIPE_CERTS], path_count;   /* leaf to anchor */
    size_t send[RECIPE_CERTS], send_count;   /* what the peer sends, in this order */
    size_t trust[RECIPE_CERTS], trust_count; /* the verifier's anchors */
    enum pki_key leaf_key;
    bool raw;
};

/** The line being worked on, for messages. */
extern const struct recipe_line *recipe_reading;
/** Ends the process with a message that names the line, unless ok. */
void recipe_need(bool ok, const char *what, const char *word);
/** Without white space at its ends; cut in place. */
char *recipe_trim(char *s);

/** All lines of the file; ends the process with a message if one is not understood. @return how many */
size_t recipe_read_file(const char *path, struct recipe_line **lines);
void recipe_lines_free(struct recipe_line *lines, size_t count);

void recipe_make(const struct recipe_line *line, struct recipe *out);
void recipe_free(struct recipe *r);

/** "ae ID san=... pin=... strict"; pin=own:BITS is the identifier of the recipe's raw key. Borrows from @p text, which it cuts.
 */
void recipe_expect(const struct recipe_line *line, const struct recipe *r, char *text, escertke_expect *out);
/** SHA-256 of the raw key. */
void recipe_digest(const struct recipe *r, uint8_t out[32]);
/** PEM of the certificates at these places; malloc'ed. NULL if one of them is nothing that libcrypto can read. */
char *recipe_pem(const struct recipe *r, const size_t *places, size_t count);

#endif

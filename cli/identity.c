#include "identity.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "crl_files.h"
#include "files.h"
#include "out.h"
#include "token.h"

#define AT(member) offsetof(struct identity_settings, member)

/* Paths of somewhat less than 2,000 peers whose signatures need no second look. */
#define PATH_CACHE ((size_t)4 << 20)

static bool check_registrar(const char *value, char *why, size_t cap);
static bool check_store(const char *value, char *why, size_t cap);

const struct option_def identity_options[] = {
    NEEDED_TEXT_ROW("id", "ID", AT(id), identity_check_id,
                    "own Absolute AE-ID or CSE-ID: //SP/CSE/Cname, //SP/Sname or //SP/CSE"),
    TEXT_ROW("registrar", "CSE-ID", AT(registrar), check_registrar,
             "own registrar CSE, //SP/CSE or /CSE; needed for an S-type AE, which does not name it"),
    OPTION_END,
};

const struct option_def credential_options[] = {
    TEXT_ROW("cert", "FILE", AT(cert), NULL, "own certificate in PEM, leaf first, then intermediates"),
    FLAG_ROW("raw", AT(raw), "an own raw public key in place of --cert (RFC 7250); peers are told its ni:/// identifier"),
    TEXT_ROW("key", "KEY", AT(key), NULL,
             "its private key: a PEM file, not encrypted, or a key in a PKCS#11 token, 'pkcs11:token=...;object=...' (RFC 7512)"),
    TEXT_ROW("pin-file", "FILE", AT(pin_file), NULL, "file whose first line is the token's PIN"),
    TEXT_ROW("trust", "FILE", AT(trust), NULL, "trust anchors for the peer's chain, PEM; not needed where all keys are raw"),
    LIST_ROW("crl", "FILE", AT(crls), NULL,
             "certificate revocation lists, PEM or DER, one for each CA that is to be asked; a revoked peer is refused"),
    FLAG_ROW("require-crl", AT(require_crl), "refuse a certificate whose CA has no list among them"),
    LIST_ROW("peer", "RULE", AT(peers), peers_check_rule,
             "'ID[,flavour=ae|cse|node|device|raw][,san=VALUE][,pin=ni:///...]'; with any rule only these peers are accepted, "
             "without, every peer whose certificate says its ID"),
    TEXT_ROW("engine", "NAME", AT(engine), NULL,
             "TLS back end: openssl, gnutls or mbedtls; default openssl, and gnutls where a key is raw or in a token"),
    TEXT_ROW("store", "URI", AT(store), check_store,
             "key store, sqlite:PATH or memory:; default a SQLite file named after the ID in $XDG_STATE_HOME/escertke "
             "(~/.local/state/escertke)"),
    NUMBER_ROW("key-lifetime", "SECONDS", AT(key_lifetime_s), 1, ESCERTKE_KEY_LIFETIME_S,
               "longest life of a key, default 2592000 (30 days); never beyond the certificates'"),
    FLAG_ROW("strict-profile", AT(strict),
             "demand what is recommended too: digitalSignature on CAs, name constraints on the issuing CA"),
    FLAG_ROW("allow-without-ems", AT(allow_without_ems),
             "accept peers without extended master secret; for a laboratory only (RFC 7627 5.4)"),
    CONFIG_ROW("config", AT(config), "YAML file with the options of this command as keys, without \"--\"; the command line wins"),
    OPTION_END,
};

const struct option_def hop_options[] = {
    TEXT_ROW("serialization", "NAME", AT(hop.serialization), hop_check_serialization,
             "of own requests: json (default), xml or cbor; what comes in may be in any of them"),
    TEXT_ROW("tls-cert", "FILE", AT(hop.tls_cert), NULL,
             "own certificate for https, coaps and mqtts hops, PEM; nothing to do with the end-to-end one"),
    TEXT_ROW("tls-key", "FILE", AT(hop.tls_key), NULL, "its private key"),
    TEXT_ROW("tls-trust", "FILE", AT(hop.tls_trust), NULL,
             "anchors for the servers of https and coaps hops and the brokers of mqtts, default the system's"),
    TEXT_ROW("mqtt-user", "NAME", AT(hop.mqtt_user), NULL, "user name at the broker of mqtt and mqtts hops"),
    TEXT_ROW("mqtt-password-file", "FILE", AT(hop.mqtt_password_file), NULL, "file whose first line is the password for it"),
    TEXT_ROW("mqtt-client-id", "ID", AT(hop.mqtt_client_id), NULL,
             "Client Identifier at the broker, default A::/CSE/Cname or C::/CSE; two processes of one identity need two"),
    OPTION_END,
};

const struct option_def listener_options[] = {
    TEXT_ROW("tls-client-trust", "FILE", AT(hop.tls_client_trust), NULL,
             "https and coaps listeners demand a client certificate under these anchors"),
    OPTION_END,
};

const struct option_def output_options[] = {
    FLAG_ROW("json", AT(json), "events as JSON, one object per line"),
    FLAG_ROW("verbose", AT(verbose), "say on stderr what the library does"),
    OPTION_END,
};

/* Do all rules name raw keys? Then nobody's chain will ever be looked at. The rules were checked when they were read. */
static bool only_raw_peers(const struct identity_settings *s)
{
    for (size_t i = 0; i < s->peers.count; i++)
        if (!strstr(s->peers.items[i], ",flavour=raw"))
            return false;
    return s->peers.count > 0;
}

int identity_require(const struct identity_settings *s, const char *command)
{
    bool no_chains = s->raw && only_raw_peers(s);
    const char *missing = !s->cert && !s->raw ? "cert" : !s->key ? "key" : !s->trust && !no_chains ? "trust" : NULL;

    if (s->cert && s->raw)
        return out_usage(command, "--raw takes the place of --cert: expected one of them");
    if (s->pin_file && s->key && !token_is(s->key))
        return out_usage(command, "--pin-file goes with a key in a token (--key pkcs11:...) only");
    return missing ? out_usage(command, "--%s FILE is missing", missing) : OPTIONS_RUN;
}

bool identity_check_id(const char *value, char *why, size_t cap)
{
    escertke_id id;

    if (escertke_id_parse(escertke_span_str(value), &id) == ESCERTKE_OK)
        return true;
    snprintf(why, cap,
             "expected an Absolute AE-ID or CSE-ID, //SP/CSE/Cname, //SP/Sname or //SP/CSE, "
             "e.g. //m2m.example.org/in1/Cmeter (TS-0004 6.2.3)");
    return false;
}

/* "/cse" out of "/cse" or "//sp/cse"; false if it is neither. */
static bool registrar_cse(const char *value, char *cse, size_t cap)
{
    char text[ESCERTKE_ID_MAX + 1];
    escertke_id id;
    bool relative = strncmp(value, "//", 2) != 0;

    if (snprintf(text, sizeof text, "%s%s", relative ? "//sp" : "", value) >= (int)sizeof text ||
        escertke_id_parse(escertke_span_str(text), &id) != ESCERTKE_OK || id.kind == ESCERTKE_ID_AE_C)
        return false;
    snprintf(cse, cap, "%s", id.text + id.sp_len);
    return true;
}

static bool check_registrar(const char *value, char *why, size_t cap)
{
    char cse[ESCERTKE_ID_MAX + 1];

    if (registrar_cse(value, cse, sizeof cse))
        return true;
    snprintf(why, cap, "expected a CSE-ID, //SP/CSE or /CSE (TS-0004 6.2.3)");
    return false;
}

static bool check_store(const char *value, char *why, size_t cap)
{
    if (strcmp(value, "memory:") == 0 || (strncmp(value, "sqlite:", 7) == 0 && value[7]))
        return true;
    snprintf(why, cap, "expected sqlite:PATH or memory:");
    return false;
}

static void warn_if_open(const struct identity_settings *s)
{
    const char *path = s->key;

    if (token_is(path))
        token_warn(path, s->pin_file);
    else if (file_is_open_to_others(path))
        out_words("warning: the private key %s can be read by others; chmod 600 mends it", path);
}

escertke_err identity_load_credential(const struct identity_settings *s, const escertke_tls_ops *tls, void **credential,
                                      escertke_detail *d)
{
    bool token = token_is(s->key);
    const char *const paths[] = { s->cert, token ? NULL : s->key, s->trust }; /* NULL: there is none, and none is needed */
    char pin[TOKEN_PIN_CAP], key[PATH_MAX];
    escertke_buf files[3];
    escertke_err err = token_pin(token ? s->pin_file : NULL, pin, d);

    for (int i = 0; i < 3; i++)
        escertke_buf_init(&files[i], FILE_MAX);
    for (int i = 0; i < 3 && err == ESCERTKE_OK; i++)
        err = paths[i] ? file_read(paths[i], &files[i], d) : ESCERTKE_OK;
    if (err == ESCERTKE_OK) {
        escertke_credential_source src = { .raw = s->raw,
                                           .chain = escertke_buf_span(&files[0]),
                                           .key = escertke_buf_span(&files[1]),
                                           .key_uri = token ? s->key : NULL,
                                           .pin = pin[0] ? pin : NULL,
                                           .trust = escertke_buf_span(&files[2]),
                                           .unix_s = (int64_t)time(NULL),
                                           .strict = s->strict,
                                           .path_cache = PATH_CACHE };
        err = tls->credential_new(&src, credential, d);
        if (err != ESCERTKE_OK && d) { /* the library knows no files */
            size_t len = strlen(d->reason);
            token_show(s->key, key, sizeof key);
            snprintf(d->reason + len, sizeof d->reason - len, " (%s%s%s%s%s)", s->cert ? s->cert : "", s->cert ? ", " : "", key,
                     s->trust ? ", " : "", s->trust ? s->trust : "");
        }
    }
    for (int i = 0; i < 3; i++)
        escertke_buf_free(&files[i]);
    escertke_wipe(pin, sizeof pin);
    return err;
}

escertke_err identity_load_crls(const struct identity_settings *s, const escertke_tls_ops *tls, escertke_crls **crls,
                                escertke_detail *d)
{
    const struct crl_files files = { &s->crls, s->trust, s->cert, s->require_crl };

    return crl_files_load(&files, tls, (int64_t)time(NULL), crls, d);
}

/* An S-type ID may be a CSE's: the certificate says which (R-ID-31). */
static bool certificate_is_ae(const struct identity *i)
{
    escertke_cert cert;
    escertke_expect expect = { .flavour = ESCERTKE_FLAVOUR_AE, .id = i->id.text };

    return escertke_cert_parse(i->endpoint.tls->credential_cert(i->credential), &cert, NULL) == ESCERTKE_OK &&
           escertke_cert_match_identity(&cert, &expect, NULL) == ESCERTKE_OK;
}

/*
 * Peers refuse a certificate that does not say the ID unless they have a rule for it: better said here first.
 * A CSE's domain name may be any that its peers are configured for (R-ID-52).
 */
static void warn_if_other_identity(const struct identity *i)
{
    escertke_cert cert;
    escertke_expect expect = { .flavour = ESCERTKE_FLAVOUR_AE, .id = i->id.text };
    char who[256];

    if (i->is_cse || escertke_cert_parse(i->endpoint.tls->credential_cert(i->credential), &cert, NULL) != ESCERTKE_OK ||
        escertke_cert_match_identity(&cert, &expect, NULL) == ESCERTKE_OK)
        return;
    escertke_cert_describe(&cert, who, sizeof who);
    out_words("warning: the certificate (%s) does not say %s; a peer accepts it only with a rule for it (TS-0003 8.1.2.5)", who,
              i->id.text);
}

static escertke_err set_context(const struct identity_settings *s, struct identity *i, escertke_detail *d)
{
    char registrar[ESCERTKE_ID_MAX + 1] = "";

    snprintf(i->sp_id, sizeof i->sp_id, "%.*s", (int)i->id.sp_len, i->id.text);
    i->is_cse =
        i->id.kind == ESCERTKE_ID_CSE || (i->id.kind == ESCERTKE_ID_CSE_OR_AE_S && !s->registrar && !certificate_is_ae(i));
    if (i->id.kind != ESCERTKE_ID_CSE_OR_AE_S || i->is_cse)
        snprintf(i->cse_id, sizeof i->cse_id, "%.*s", (int)i->id.cse_len, i->id.text + i->id.sp_len);
    if (!i->is_cse)
        i->stem = strrchr(i->id.text, '/') + 1;
    if (s->registrar)
        registrar_cse(s->registrar, registrar, sizeof registrar);
    else if (!i->is_cse)
        snprintf(registrar, sizeof registrar, "%s", i->cse_id);
    if (registrar[0])
        snprintf(i->registrar_id, sizeof i->registrar_id, "%s%s", i->sp_id, registrar);
    if (!s->registrar || i->is_cse)
        return ESCERTKE_OK;
    if (i->cse_id[0] && strcmp(registrar, i->cse_id) != 0)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0001 7.2", "--registrar says %s, but --id %s says %s", registrar, i->id.text,
                        i->cse_id);
    snprintf(i->cse_id, sizeof i->cse_id, "%s", registrar);
    return ESCERTKE_OK;
}

/* "//m2m.example.org/in1/Cmeter" -> STATE/escertke/m2m.example.org+in1+Cmeter.db; no ID contains a "+". */
static escertke_err default_store(const struct identity *i, char *uri, size_t cap, escertke_detail *d)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char folder[PATH_MAX], name[ESCERTKE_ID_MAX + 1];

    if (state && state[0] == '/')
        snprintf(folder, sizeof folder, "%s/escertke", state);
    else if (home && home[0] == '/')
        snprintf(folder, sizeof folder, "%s/.local/state/escertke", home);
    else
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "no --store, and neither XDG_STATE_HOME nor HOME says where to keep keys");
    snprintf(name, sizeof name, "%s", i->id.text + 2);
    for (char *at = name; (at = strchr(at, '/')) != NULL;)
        *at = '+';
    if (snprintf(uri, cap, "sqlite:%s/%s.db", folder, name) >= (int)cap)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "the path of the default key store is too long; give --store");
    return file_make_folder(folder, d);
}

escertke_err identity_open_store(const struct identity_settings *s, struct identity *i, escertke_detail *d)
{
    char uri[PATH_MAX + 16];
    escertke_err err;

    if (s->store)
        return escertke_store_open(s->store, &i->store, d);
    if ((err = default_store(i, uri, sizeof uri, d)) != ESCERTKE_OK)
        return err;
    return escertke_store_open(uri, &i->store, d);
}

static void fill_endpoint(const struct identity_settings *s, struct identity *i)
{
    escertke_identity *e = &i->endpoint;

    e->credential = i->credential;
    e->raw = s->raw;
    e->crls = i->crls;
    e->id = i->id.text;
    e->ctx = (escertke_id_context){ i->sp_id, i->cse_id };
    e->peers = i->peers.items;
    e->peer_count = i->peers.count;
    e->store = &i->store;
    e->usage = ESCERTKE_USAGE_ESPRIM;
    e->key_lifetime_s = s->key_lifetime_s;
    e->strict = s->strict;
    e->allow_without_ems = s->allow_without_ems;
    if (s->verbose)
        e->log.fn = out_log;
}

/* The engine asked for, or the one that can do what is configured (R-TL-4). */
static escertke_err choose_engine(const struct identity_settings *s, struct identity *i, escertke_detail *d)
{
    bool raw = s->raw, token = token_is(s->key);

    for (size_t k = 0; k < i->peers.count; k++)
        raw = raw || i->peers.items[k].flavour == ESCERTKE_FLAVOUR_RAW;
    const escertke_tls_ops *first = escertke_tls_by_name("openssl");
    bool second = token || (raw && (!first || !first->raw_keys));
    const char *engine = s->engine ? s->engine : second ? "gnutls" : "openssl";
    const escertke_tls_ops *tls = escertke_tls_by_name(engine);
    if (!tls)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "this build has no TLS back end \"%s\"", engine);
    if (raw && !tls->raw_keys)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "R-TL-4", "the TLS back end \"%s\" has no raw public keys; --engine gnutls has",
                        engine);
    if (token && !tls->token_keys)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "RFC 7512",
                        "the TLS back end \"%s\" has no private keys in a token; --engine gnutls has", engine);
    i->endpoint.tls = tls;
    return ESCERTKE_OK;
}

escertke_err identity_read(const struct identity_settings *s, struct identity *i, escertke_detail *d)
{
    escertke_err err;

    memset(i, 0, sizeof *i);
    if (escertke_id_parse(escertke_span_str(s->id), &i->id) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0004 6.2.3", "not an Absolute AE-ID or CSE-ID: %s", s->id);
    if ((err = token_check(s->key, s->pin_file, d)) != ESCERTKE_OK ||
        (err = peers_parse(&s->peers, &i->peers, d)) != ESCERTKE_OK || (err = choose_engine(s, i, d)) != ESCERTKE_OK ||
        (err = identity_load_credential(s, i->endpoint.tls, &i->credential, d)) != ESCERTKE_OK ||
        (err = identity_load_crls(s, i->endpoint.tls, &i->crls, d)) != ESCERTKE_OK || (err = set_context(s, i, d)) != ESCERTKE_OK)
        return err;
    warn_if_open(s);
    warn_if_other_identity(i);
    fill_endpoint(s, i);
    return ESCERTKE_OK;
}

escertke_err identity_open(const struct identity_settings *s, struct identity *i, escertke_detail *d)
{
    escertke_err err = identity_read(s, i, d);
    return err == ESCERTKE_OK ? identity_open_store(s, i, d) : err;
}

void identity_close(struct identity *i)
{
    if (i->endpoint.tls)
        i->endpoint.tls->credential_free(i->credential);
    escertke_crls_free(i->crls);
    escertke_store_close(&i->store);
    peers_free(&i->peers);
    memset(i, 0, sizeof *i);
}

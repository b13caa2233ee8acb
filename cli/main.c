/* main.c - the escertke command: a table of commands, nothing else. */
#include <escertke/base.h>

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "out.h"

static const struct command {
    const char *name, *sub; /* "pki" "init"; sub NULL: a command of one word */
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    { "pki", "init", cmd_pki_init, "make a root and an issuing CA for one service provider domain" },
    { "pki", "issue", cmd_pki_issue, "issue a certificate to an AE, CSE, node or device" },
    { "pki", "csr", cmd_pki_csr, "make a certificate request" },
    { "pki", "revoke", cmd_pki_revoke, "revoke a certificate" },
    { "pki", "crl", cmd_pki_crl, "make the CRLs of a PKI" },
    { "pki", "rawkey", cmd_pki_rawkey, "make a raw key pair and say its identifier" },
    { "pki", "check", cmd_pki_check, "check a certificate against the oneM2M profile" },
    { "inspect", NULL, cmd_inspect, "explain a certificate, key, identifier, CRL, message or primitive" },
    { "keys", "list", cmd_keys_list, "list the keys of a store" },
    { "keys", "show", cmd_keys_show, "show one entry, without its key" },
    { "keys", "export", cmd_keys_export, "write one key as 64 hex digits to a pipe or a private file" },
    { "keys", "delete", cmd_keys_delete, "delete one key" },
    { "keys", "prune", cmd_keys_prune, "delete the keys that have expired" },
    { "serve", NULL, cmd_serve, "be a terminating end-point" },
    { "establish", NULL, cmd_establish, "establish a key with a terminating end-point" },
    { "relay", NULL, cmd_relay, "be a small CSE: registrar, access control, transit" },
    { "doctor", NULL, cmd_doctor, "find out which ways lead through somebody's CSE" },
    { "demo", NULL, cmd_demo, "everything above on loopback, in one go" },
    { "bench", NULL, cmd_bench, "measure ESCertKE on this machine" },
    { NULL, NULL, NULL, NULL },
};

static void print_help(const char *only)
{
    printf("escertke %s - oneM2M End-to-End Security Certificate-based Key Establishment\n\n"
           "usage: escertke COMMAND [ARGUMENTS]\n\ncommands:\n",
           escertke_version());
    for (const struct command *c = commands; c->name; c++) {
        char name[32];
        if (only && strcmp(c->name, only) != 0)
            continue;
        snprintf(name, sizeof name, "%s%s%s", c->name, c->sub ? " " : "", c->sub ? c->sub : "");
        printf("  %-16s%s\n", name, c->help);
    }
    printf("\n'escertke COMMAND --help' tells more about one command. Exit codes: 0 done, 1 local failure, 2 usage,\n"
           "3 peer or protocol refused, 4 authentication failed, 5 unreachable or timed out.\n");
}

static const char *command_name(const void *ctx, size_t index)
{
    (void)ctx;
    return commands[index].name;
}

/* Sub-commands of one command; others give a word that is never near. */
static const char *sub_name(const void *ctx, size_t index)
{
    const struct command *c = &commands[index];
    return !c->name ? NULL : strcmp(c->name, ctx) == 0 && c->sub ? c->sub : "";
}

static bool is_known(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return true;
    return false;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int refuse(const char *what, const char *word, const char *near, const char *see)
{
    if (near)
        return out_usage(see, "unknown %s \"%s\"; did you mean \"%s\"?", what, word, near);
    return out_usage(see, "unknown %s \"%s\"", what, word);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2)
        return out_usage("", "a command is missing");
    if (strcmp(argv[1], "--version") == 0)
        return printf("escertke %s\n", escertke_version()), EXIT_DONE;
    if (is_help(argv[1]))
        return print_help(NULL), EXIT_DONE;
    if (!is_known(argv[1]))
        return refuse("command", argv[1], nearest_word(argv[1], command_name, NULL), "");
    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(c->name, argv[1]) != 0)
            continue;
        if (!c->sub)
            return c->run(argc - 1, argv + 1);
        if (argc > 2 && strcmp(c->sub, argv[2]) == 0)
            return c->run(argc - 2, argv + 2);
    }
    if (argc < 3)
        return out_usage(argv[1], "%s: what to do is missing", argv[1]);
    if (is_help(argv[2]))
        return print_help(argv[1]), EXIT_DONE;
    return refuse(argv[1], argv[2], nearest_word(argv[2], sub_name, argv[1]), argv[1]);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    signal(SIGXFSZ, SIG_IGN); /* a write past ulimit -f fails like one to a full disk, and is said in words */
    return out_finish(dispatch(argc, argv));
}

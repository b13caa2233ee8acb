#include "softhsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const modules[] = { "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                                       "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so" };
static char folder[64];

static void run(const char *command)
{
    if (system(command) == 0)
        return;
    fprintf(stderr, "softhsm: this failed: %s\n", command);
    abort();
}

const char *softhsm_module(void)
{
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (access(modules[i], R_OK) == 0)
            return modules[i];
    return NULL;
}

bool softhsm_is_there(void)
{
    return softhsm_module() && system("command -v softhsm2-util >/dev/null && command -v p11tool >/dev/null") == 0;
}

static void write_file(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
}

void softhsm_begin(void)
{
    char text[256];

    strcpy(folder, "/tmp/escertke-token-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(text, sizeof text, "mkdir %s/tokens", folder);
    run(text);
    snprintf(text, sizeof text, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", folder);
    write_file("softhsm2.conf", text);
    snprintf(text, sizeof text, "%s/softhsm2.conf", folder);
    setenv("SOFTHSM2_CONF", text, 1);
}

void softhsm_end(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    run(command);
}

const char *softhsm_folder(void)
{
    return folder;
}

void softhsm_token(const char *label)
{
    char command[256];

    snprintf(command, sizeof command, "softhsm2-util --init-token --free --label %s --pin %s --so-pin 12345678 >/dev/null", label,
             SOFTHSM_PIN);
    run(command);
}

void softhsm_import(const char *token, const char *label, const char *id, const char *key_pem)
{
    char command[384];

    write_file("import.key", key_pem);
    snprintf(command, sizeof command, "softhsm2-util --import %s/import.key --token %s --label %s --id %s --pin %s >/dev/null", folder,
             token, label, id, SOFTHSM_PIN);
    run(command);
}

void softhsm_import_wary(const char *token, const char *label, const char *key_pem)
{
    char command[512];

    write_file("import.key", key_pem);
    snprintf(command, sizeof command,
             "GNUTLS_PIN=%s p11tool --batch --provider %s --login --write --load-privkey %s/import.key --label %s "
             "--mark-always-authenticate pkcs11:token=%s >/dev/null 2>&1",
             SOFTHSM_PIN, softhsm_module(), folder, label, token);
    run(command);
}

void softhsm_hide(bool away)
{
    char command[384];

    snprintf(command, sizeof command, away ? "mv %s/tokens %s/away && mkdir %s/tokens" : "rmdir %s/tokens && mv %s/away %s/tokens",
             folder, folder, folder);
    run(command);
}

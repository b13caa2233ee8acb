/*
 * The PKI's record of what its CAs have issued and revoked, as a crash or an editor may have left it: it is read or refused with
 * the line, and what was added then is there after the next reading.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mutate.h"
#include "pki_db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], path[80];

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void clean_up(void)
{
    unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "%s/escertke-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/issued", folder);
    atexit(clean_up);
}

static void write_file(const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    must(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
    close(fd);
}

/* Every entry is one of a CA, and is found by its number. */
static void look(const struct pki_db *db)
{
    const char *key, *serial;
    json_t *entry;

    json_object_foreach(db->certs, key, entry)
    {
        size_t owners = 0;
        for (int ca = 0; ca < PKI_CAS; ca++)
            if (pki_db_key(key, (enum pki_ca)ca, &serial)) {
                must(pki_db_find(db, (enum pki_ca)ca, serial) == entry);
                owners++;
            }
        must(owners == 1 && strlen(key) <= 8 + PKI_SERIAL_MAX && json_is_object(entry));
        (void)pki_db_is_revoked(entry);
        (void)pki_db_time(entry, "expires");
    }
}

static void add_and_read(struct pki_db *db)
{
    static const char serial[] = "FEDCBA9876543210";
    json_t *was = pki_db_find(db, PKI_ISSUING, serial);
    struct pki_db again;
    json_int_t number;

    if (db->crls[PKI_ROOT].number == INT64_MAX || was)
        return;
    must(pki_db_next_crl(db, PKI_ROOT, 1800000000, &number, NULL) == ESCERTKE_OK && number == db->crls[PKI_ROOT].number + 1);
    json_t *entry = json_pack("{s:i, s:s}", "expires", 1900000000, "name", "x");
    must(entry && pki_db_add_revoked(db, PKI_ISSUING, serial, "superseded", entry, NULL) == ESCERTKE_OK);
    json_decref(entry);
    pki_db_close(db);
    must(pki_db_open(folder, &again, NULL) == ESCERTKE_OK && again.crls[PKI_ROOT].number == number);
    must(pki_db_is_revoked(pki_db_find(&again, PKI_ISSUING, serial)));
    pki_db_close(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pki_db db;
    escertke_detail d;

    make_folder();
    write_file(data, size);
    escertke_detail_init(&d);
    escertke_err err = pki_db_open(folder, &db, &d);
    if (err == ESCERTKE_OK) {
        look(&db);
        add_and_read(&db);
    } else {
        must(err == ESCERTKE_ERR_STORE && d.err == err && d.reason[0]);
    }
    pki_db_close(&db);
    return 0;
}

static const char *const names[] = { "event",
                                     "issued",
                                     "revoked",
                                     "released",
                                     "crl",
                                     "at",
                                     "ca",
                                     "root",
                                     "nodes",
                                     "expires",
                                     "name",
                                     "serial",
                                     "reason",
                                     "number",
                                     "3F00A1",
                                     "1",
                                     "keyCompromise",
                                     "certificateHold",
                                     "FEDCBA9876543210",
                                     NULL };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_json_input(data, size, max_size, seed, names);
}

/*
 * mutate.h - changes to an input that know what it is made of. libFuzzer takes them by LLVMFuzzerCustomMutator; a target may also
 * apply them to messages that are made anew in each run.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** libFuzzer's own changes of octets; replay.c has some of its own where there is no libFuzzer. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/** What a target defines to be given structured changes; see libFuzzer. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t max_size,
                                 unsigned int seed);

/** Numbers that follow from a seed. */
struct mutate_random {
    uint64_t state;
};

struct mutate_random mutate_random(unsigned int seed);
/** 0...below - 1; 0 where below is 0. */
size_t mutate_below(struct mutate_random *r, size_t below);

/** A text that is being changed. Changes that would make it longer than it may be are left out. */
#define MUTATE_MAX 32768u
struct mutate_text {
    uint8_t octets[MUTATE_MAX];
    size_t len;
};

/** False if it does not fit. */
bool mutate_set(struct mutate_text *t, const void *octets, size_t len);
/** Put @p len octets, which may be of the text itself, in the place of those from @p from to @p to. False if it does not fit. */
bool mutate_replace(struct mutate_text *t, size_t from, size_t to, const void *octets, size_t len);

/* ---- flights (mutate_tls.c) ---------------------------------------------------------------------------------- */

/** What, which part, where (two octets), with what. */
#define MUTATE_TLS_EDIT 5u

/**
 * One change to a flight: its parts are records, handshake messages, and every vector in these as far as they are not encrypted.
 * A part is left out, repeated, put elsewhere, cut, grown, and all lengths around it are made to fit; or a length is wrong, a
 * type another, a record broken in two or joined with the next. Nothing is changed where the flight has no such part.
 */
void mutate_tls(struct mutate_text *flight, const uint8_t edit[MUTATE_TLS_EDIT]);
/** The same, one to three times, as an LLVMFuzzerCustomMutator of a flight. */
size_t mutate_tls_input(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* ---- JSON (mutate_json.c) ------------------------------------------------------------------------------------ */

/**
 * An LLVMFuzzerCustomMutator of a JSON text, token by token: members and elements left out, repeated, exchanged, of another type,
 * numbers at limits, escapes, names of oneM2M, depth. @p names: words that mean something to the reader, the last NULL.
 */
size_t mutate_json_input(uint8_t *data, size_t size, size_t max_size, unsigned int seed, const char *const *names);
/** An LLVMFuzzerCustomCrossOver: a value of the one in the place of a value of the other. */
size_t mutate_json_cross(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t max_size,
                         unsigned int seed);

/* ---- scripts (mutate_script.c) --------------------------------------------------------------------------------- */

/**
 * An LLVMFuzzerCustomMutator of a script: @p head octets, then steps of @p step octets each. Steps are left out, repeated,
 * exchanged, put in, changed.
 */
size_t mutate_script_input(uint8_t *data, size_t size, size_t max_size, unsigned int seed, size_t head, size_t step);

#endif

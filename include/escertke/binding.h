/*
 * escertke/binding.h - what all bindings share: the handler of requests, and the system's clocks. The bindings are the only part
 * of the library with sockets, threads and clocks, but for escertke_store_sqlite.
 */
#ifndef ESCERTKE_BINDING_H
#define ESCERTKE_BINDING_H

#include <escertke/base.h>
#include <escertke/m2m.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Fill rsp (initialised, empty) for req. Called from several threads at once. now is the time of arrival. */
typedef void (*escertke_handler_fn)(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp);

/** The system's clocks, as escertke_clock_fn. */
ESCERTKE_API escertke_now escertke_system_clock(void *unused);

#ifdef __cplusplus
}
#endif
#endif

/* escertke/escertke.h - everything of the library in one include. Conventions: see escertke/base.h. */
#ifndef ESCERTKE_H
#define ESCERTKE_H
#include <escertke/attempt.h>
#include <escertke/base.h>
#include <escertke/binding.h>
#include <escertke/carrier.h>
#include <escertke/cert.h>
#include <escertke/coap.h>
#include <escertke/crl.h>
#include <escertke/endpoint.h>
#include <escertke/handshake.h>
#include <escertke/http.h>
#include <escertke/keys.h>
#include <escertke/m2m.h>
#include <escertke/mailbox.h>
#include <escertke/mqtt.h>
#include <escertke/polling.h>
#include <escertke/ws.h>
#include <escertke/tls.h>
#endif

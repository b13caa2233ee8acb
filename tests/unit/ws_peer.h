/*
 * ws_peer.h - the other side of a connection of WebSocket, written out octet by octet: it can be wrong in every way in which a peer can
 * be wrong. Blocking, with a time limit; not for use outside the tests.
 */
#ifndef WS_PEER_H
#define WS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First octets of frames: FIN and the opcode. */
enum { WS_MORE = 0, WS_CONTINUES = 0x00, WS_FIN = 0x80, WS_TEXT = 0x01, WS_BINARY = 0x02, WS_CLOSE = 0x08, WS_PING = 0x09, WS_PONG = 0x0A };

struct ws_frame {
    uint8_t first;
    bool masked;
    size_t len;
    uint8_t data[300000]; /* NUL added */
};

/** What ws_peer_end() says when no close frame came. */
enum { WS_ENDED = 0, WS_STILL_OPEN = -1 };

/** A connection of TCP to 127.0.0.1. @return the socket */
int ws_peer_connect(unsigned port);
/** Write all of it, as far as the other side takes it. @return it took all */
bool ws_peer_say(int fd, const void *data, size_t len);
/** Send a handshake's text and read the answer's head. @return its status; 0 = the connection ended */
int ws_peer_ask(int fd, const char *head, char *answer, size_t cap);
/** The handshake of a client that is in order: sockets on which frames can be sent. Ends the test where it is refused. */
int ws_peer_open(unsigned port, const char *path, const char *subprotocol);

/** A socket that listens on 127.0.0.1. */
int ws_peer_listen(unsigned *port);
/** Accept one connection. */
int ws_peer_accept(int listener);
/** Read a client's handshake. @return its text */
void ws_peer_heard(int fd, char *head, size_t cap);
/** A server's answer to a handshake, with this subprotocol; NULL = none is chosen. */
void ws_peer_welcome(int fd, const char *head, const char *subprotocol);

/** One frame; a client's are masked. @return the other side took it */
bool ws_peer_frame(int fd, int first, const void *data, size_t len, bool masked);
/** The next frame. @return false: the connection ended */
bool ws_peer_next(int fd, struct ws_frame *f);
/** Read until the connection ends. @return code of the close frame, WS_ENDED without one, WS_STILL_OPEN past the limit */
int ws_peer_end(int fd, unsigned ms);
void ws_peer_close(int fd);

#endif

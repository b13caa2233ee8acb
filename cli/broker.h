/* broker.h - a broker of MQTT, mosquitto, of the demo's or the bench's own: where it is, and how it is to run on loopback. */
#ifndef ESCERTKE_CLI_BROKER_H
#define ESCERTKE_CLI_BROKER_H

#include <stdbool.h>
#include <stddef.h>

enum { BROKER_PATH_MAX = 512, BROKER_SETTINGS_MAX = 512 };

/** For people who have none. */
#define BROKER_MISSING "no mosquitto in PATH, /usr/sbin or /usr/local/sbin (on Debian: apt-get install mosquitto)"

/** The program, in PATH or where Debian has it. @return false: there is none */
bool broker_find(char path[BROKER_PATH_MAX]);
/** A port of 127.0.0.1 that nobody has at the moment; 0: none. */
unsigned broker_free_port(void);
/** Write the text of its configuration: that port of loopback alone, open to all, nothing kept on disk. */
void broker_settings(unsigned port, char out[BROKER_SETTINGS_MAX]);
/** Does somebody listen there? */
bool broker_is_up(unsigned port);

#endif

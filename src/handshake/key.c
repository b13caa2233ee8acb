#include <escertke/handshake.h>

#include <string.h>

void escertke_key_split(const uint8_t exported[ESCERTKE_KEY_ID_LEN + ESCERTKE_KEY_LEN], escertke_key *out)
{
    memcpy(out->id, exported, ESCERTKE_KEY_ID_LEN);
    memcpy(out->key, exported + ESCERTKE_KEY_ID_LEN, ESCERTKE_KEY_LEN);
}

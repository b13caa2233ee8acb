/* demo_pki.c - the demo's certificates: one PKI for the service provider, and what a thief could bring along. */
#include "demo.h"

#define ISSUE(pki, id, out)                                                                                                      \
    {                                                                                                                            \
        "escertke", "pki", "issue", pki, "--ae-id", id, "--out", out, NULL                                                       \
    }

static const char *const commands[][9] = {
    { "escertke", "pki", "init", "pki", "--sp", DEMO_SP, NULL },
    ISSUE("pki", DEMO_METER, "meter"),
    ISSUE("pki", DEMO_PANEL, "panel"),
    ISSUE("pki", DEMO_KIOSK, "kiosk"),
    ISSUE("pki", DEMO_THIEF, "thief"), /* of the right CA, for another AE */
    { "escertke", "pki", "init", "forged-pki", "--sp", DEMO_SP, NULL },
    ISSUE("forged-pki", DEMO_PANEL, "forged"), /* for the right AE, of another CA with the same name */
};

enum demo_result demo_make_pki(struct demo *d)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!demo_run(d, commands[i][2][1] == 'n' ? "pki init" : "pki issue", commands[i]))
            return DEMO_FAILED;
    return demo_say(d, "a root, an issuing CA, certificates for %s, %s and %s; two wrong ones for later", DEMO_METER, DEMO_PANEL,
                    DEMO_KIOSK);
}

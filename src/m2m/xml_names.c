/* The types of the standard's short names (TS-0004 8.2, 6.3.5, 6.4; R section 3, R 8), in the order in which they are written. */
#include "m2m/xml.h"

#include <string.h>

#define ANY(name, parent)                                                                                                        \
    {                                                                                                                            \
        name, parent, ESC_XML_ANY, ESC_XML_ONE                                                                                   \
    }
#define TEXT(name, parent)                                                                                                       \
    {                                                                                                                            \
        name, parent, ESC_XML_TEXT, ESC_XML_ONE                                                                                  \
    }
#define TOKEN(name, parent)                                                                                                      \
    {                                                                                                                            \
        name, parent, ESC_XML_TOKEN, ESC_XML_ONE                                                                                 \
    }
#define TOKENS(name, parent)                                                                                                     \
    {                                                                                                                            \
        name, parent, ESC_XML_TOKEN, ESC_XML_LIST                                                                                \
    }
#define NUMBER(name, parent)                                                                                                     \
    {                                                                                                                            \
        name, parent, ESC_XML_NUMBER, ESC_XML_ONE                                                                                \
    }
#define NUMBERS(name, parent)                                                                                                    \
    {                                                                                                                            \
        name, parent, ESC_XML_NUMBER, ESC_XML_LIST                                                                               \
    }
#define BOOLEAN(name, parent)                                                                                                    \
    {                                                                                                                            \
        name, parent, ESC_XML_BOOLEAN, ESC_XML_ONE                                                                               \
    }
#define OBJECT(name, parent)                                                                                                     \
    {                                                                                                                            \
        name, parent, ESC_XML_OBJECT, ESC_XML_ONE                                                                                \
    }
#define OBJECTS(name, parent)                                                                                                    \
    {                                                                                                                            \
        name, parent, ESC_XML_OBJECT, ESC_XML_MANY                                                                               \
    }

#define RQP "m2m:rqp"
#define RSP "m2m:rsp"

/* clang-format off: one line for what belongs together */
static const struct esc_xml_name names[] = {
    /* requestPrimitive, Table 6.4.1-1 */
    NUMBER("op", RQP),
    TOKEN("to", RQP),
    TOKEN("fr", RQP),
    TOKEN("rqi", RQP),
    NUMBER("ty", RQP),
    OBJECT("pc", RQP),
    TOKENS("rids", RQP),
    TOKEN("ot", RQP),
    TOKEN("rqet", RQP),
    TOKEN("rset", RQP),
    TOKEN("oet", RQP),
    OBJECT("rt", RQP),
    TOKEN("rp", RQP),
    NUMBER("rcn", RQP),
    NUMBER("ec", RQP),
    BOOLEAN("da", RQP),
    TOKEN("gid", RQP),
    OBJECT("fc", RQP),
    NUMBER("drt", RQP),
    TOKENS("tkns", RQP),
    TOKENS("tids", RQP),
    TOKENS("ltids", RQP),
    BOOLEAN("tqi", RQP),
    TOKENS("grtm", RQP),
    BOOLEAN("asi", RQP),
    TOKENS("aus", RQP),
    BOOLEAN("auri", RQP),
    BOOLEAN("sqi", RQP),
    TOKEN("rvi", RQP),
    TEXT("vsi", RQP),
    NUMBER("rtv", "rt"),
    TOKENS("nu", "rt"),
    /* responsePrimitive, Table 6.4.2-1 */
    NUMBER("rsc", RSP),
    TOKEN("rqi", RSP),
    OBJECT("pc", RSP),
    TOKEN("to", RSP),
    TOKEN("fr", RSP),
    TOKEN("ot", RSP),
    TOKEN("rset", RSP),
    NUMBER("ec", RSP),
    NUMBER("cnst", RSP),
    NUMBER("cnot", RSP),
    OBJECT("ati", RSP),
    OBJECT("tqf", RSP),
    BOOLEAN("asri", RSP),
    TOKEN("rvi", RSP),
    TEXT("vsi", RSP),
    /* filterCriteria */
    TOKEN("crb", NULL),
    TOKEN("cra", NULL),
    TOKEN("ms", NULL),
    TOKEN("us", NULL),
    NUMBER("sts", NULL),
    NUMBER("stb", NULL),
    TOKEN("exb", NULL),
    TOKEN("exa", NULL),
    NUMBERS("ty", "fc"),
    NUMBER("sza", NULL),
    NUMBER("szb", NULL),
    TOKENS("cty", "fc"),
    OBJECTS("atr", "fc"),
    NUMBER("fu", NULL),
    NUMBER("lim", NULL),
    NUMBER("fo", NULL),
    NUMBER("lvl", NULL),
    NUMBER("ofst", NULL),
    TOKEN("arp", NULL),
    TOKEN("nm", "atr"),
    ANY("val", "atr"),
    /* contents with a type of their own; all others are objects, or what is in them says so */
    TEXT("m2m:dbg", NULL),
    TOKEN("m2m:uri", NULL),
    TOKENS("m2m:uril", NULL),
    TOKENS("m2m:atrl", NULL),
    OBJECTS("m2m:sgn", "m2m:agn"),
    OBJECTS("m2m:rsp", "m2m:agr"),
    OBJECT("m2m:rqp", NULL),
    OBJECT("m2m:rsp", NULL),
    OBJECT("m2m:seci", NULL),
    /* securityInfo, e2eSecInfo, rand objects */
    NUMBER("sit", NULL),
    OBJECT("dreq", NULL),
    OBJECT("dres", NULL),
    OBJECT("ero", NULL),
    TOKEN("epo", NULL),
    TOKEN("eckm", NULL),
    OBJECT("darq", NULL),
    OBJECT("dars", NULL),
    NUMBERS("esf", NULL),
    TOKENS("escert", NULL),
    OBJECT("esro", NULL),
    TOKEN("esri", NULL),
    TOKEN("esrv", NULL),
    TOKEN("esrx", NULL),
    NUMBER("esk", NULL),
    NUMBERS("esks", NULL),
    NUMBERS("espa", NULL),
    /* notification */
    OBJECT("nev", NULL),
    OBJECT("rep", NULL),
    OBJECT("om", NULL),
    NUMBER("op", "om"),
    TOKEN("or", "om"),
    NUMBER("net", "nev"),
    BOOLEAN("vrq", NULL),
    BOOLEAN("sud", NULL),
    TOKEN("sur", NULL),
    /* of all resources */
    TOKEN("rn", NULL),
    NUMBER("ty", NULL),
    TOKEN("ri", NULL),
    TOKEN("pi", NULL),
    TOKEN("ct", NULL),
    TOKEN("lt", NULL),
    TOKENS("lbl", NULL),
    TOKENS("acpi", NULL),
    TOKEN("et", NULL),
    TOKENS("daci", NULL),
    TOKENS("at", NULL),
    TOKENS("aa", NULL),
    NUMBER("st", NULL),
    TOKEN("cr", NULL),
    /* accessControlPolicy */
    OBJECT("pv", NULL),
    OBJECT("pvs", NULL),
    OBJECTS("acr", NULL),
    TOKENS("acor", NULL),
    NUMBER("acop", NULL),
    OBJECTS("acco", NULL),
    OBJECTS("acod", NULL),
    BOOLEAN("acaf", NULL),
    /* CSEBase, remoteCSE, AE */
    NUMBER("cst", NULL),
    ANY("apn", NULL),
    TOKEN("api", NULL),
    TOKEN("aei", NULL),
    TOKENS("poa", NULL),
    TOKEN("or", NULL),
    TOKEN("cb", NULL),
    TOKEN("csi", NULL),
    NUMBERS("srt", NULL),
    BOOLEAN("rr", NULL),
    TOKEN("nl", NULL),
    TOKENS("csz", NULL),
    TOKENS("dcse", NULL),
    OBJECT("esi", NULL),
    TOKENS("srv", NULL),
    NUMBER("regs", NULL),
    /* container, contentInstance, subscription */
    NUMBER("mni", NULL),
    NUMBER("mbs", NULL),
    NUMBER("mia", NULL),
    NUMBER("cni", NULL),
    NUMBER("cbs", NULL),
    TOKEN("li", NULL),
    BOOLEAN("disr", NULL),
    TOKEN("cnf", NULL),
    NUMBER("cs", NULL),
    ANY("con", NULL),
    OBJECT("enc", NULL),
    { "net", "enc", ESC_XML_NUMBER, ESC_XML_MANY },
    NUMBER("exc", NULL),
    TOKENS("nu", NULL),
    TOKEN("gpi", NULL),
    TOKEN("nfu", NULL),
    OBJECT("bn", NULL),
    NUMBER("num", "bn"),
    TOKEN("dur", "bn"),
    NUMBER("psn", NULL),
    NUMBER("pn", NULL),
    NUMBER("nsp", NULL),
    BOOLEAN("ln", NULL),
    NUMBER("nct", NULL),
    NUMBER("nec", NULL),
    TOKEN("su", NULL),
};
/* clang-format on */

enum { NAMES = sizeof names / sizeof *names };

const struct esc_xml_name *esc_xml_name_find(const char *parent, const char *name, size_t *rank)
{
    static const struct esc_xml_name unknown = { NULL, NULL, ESC_XML_ANY, ESC_XML_ONE };
    size_t i = 0;

    while (i < NAMES && (names[i].name[0] != name[0] || strcmp(names[i].name, name) != 0 ||
                         (names[i].parent && strcmp(names[i].parent, parent) != 0)))
        i++;
    if (rank)
        *rank = i;
    return i < NAMES ? &names[i] : &unknown;
}

bool esc_xml_is_root(const char *name)
{
    return strchr(name, ':') != NULL;
}

bool esc_xml_may_be_empty(const struct esc_xml_name *row, const char *parent, const char *name)
{
    if (row->type == ESC_XML_TEXT)
        return true;
    return row->type == ESC_XML_TOKEN && (esc_xml_is_root(name) || !strcmp(parent, RQP) || !strcmp(parent, RSP));
}

bool esc_xml_is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

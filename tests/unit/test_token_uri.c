/* "pkcs11:" URIs: their parts, what is refused and that no refusal shows a PIN; and PIN files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tls/token_uri.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static const struct {
    const char *text, *name, *pin, *pin_file, *module;
} good[] = {
    { "pkcs11:object=a", "pkcs11:object=a", NULL, NULL, NULL },
    { "PkCs11:token=t;id=%00%ff", "pkcs11:token=t;id=%00%ff", NULL, NULL, NULL },
    { "pkcs11:object=a;type=private;", "pkcs11:object=a;type=private;", NULL, NULL, NULL },
    { "pkcs11:object=a%20b;serial=1;model=m;manufacturer=x;slot-id=3;library-version=1.0", "pkcs11:object=a%20b;serial=1;model=m;manufacturer=x;slot-id=3;library-version=1.0", NULL, NULL, NULL },
    { "pkcs11:object=a?", "pkcs11:object=a", NULL, NULL, NULL },
    { "pkcs11:object=a?pin-value=1%3f2%263", "pkcs11:object=a", "1?2&3", NULL, NULL },
    { "pkcs11:object=a?pin-value=1;2=3", "pkcs11:object=a", "1;2=3", NULL, NULL },
    { "pkcs11:object=a?pin-source=/etc/pin", "pkcs11:object=a", NULL, "/etc/pin", NULL },
    { "pkcs11:object=a?pin-source=file:/etc/a%20pin", "pkcs11:object=a", NULL, "/etc/a pin", NULL },
    { "pkcs11:object=a?pin-source=FILE:///etc/pin", "pkcs11:object=a", NULL, "/etc/pin", NULL },
    { "pkcs11:object=a?module-path=/m.so&pin-value=1", "pkcs11:object=a", "1", NULL, "/m.so" },
};

static void parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct esc_token_uri uri;
        escertke_detail d;
        escertke_detail_init(&d);
        if (esc_token_uri_parse(good[i].text, &uri, &d) != ESCERTKE_OK)
            fail_msg("%s: %s", good[i].text, d.reason);
        if (!same(uri.name, good[i].name) || !same(uri.pin, good[i].pin) || !same(uri.pin_file, good[i].pin_file) ||
            !same(uri.module, good[i].module))
            fail_msg("%s: %s %s %s %s", good[i].text, uri.name, uri.pin, uri.pin_file, uri.module);
        esc_token_uri_free(&uri);
    }
}

#define SECRET "s3cret"

static const struct {
    const char *text, *reason;
} bad[] = {
    { "", "does not begin with \"pkcs11:\"" },
    { "pkcs11", "does not begin with \"pkcs11:\"" },
    { "pkcs12:object=a?pin-value=" SECRET, "does not begin with \"pkcs11:\"" },
    { "pkcs11:", "names a token but no key" },
    { "pkcs11:token=a;object=", "names a token but no key" },
    { "pkcs11:object=a;object=b", "\"object\" stands in it twice" },
    { "pkcs11:object=a;objet=b", "unknown attribute \"objet\"" },
    { "pkcs11:object=a;" SECRET, "unknown attribute \"\"" },
    { "pkcs11:object=a;;id=1", "unknown attribute \"\"" },
    { "pkcs11:object=a;pin-value=" SECRET, "expected behind a \"?\"" },
    { "pkcs11:object=a;pinfile=" SECRET, "expected behind a \"?\"" },
    { "pkcs11:object=a;type=cert", "type=private is expected" },
    { "pkcs11:object=%4", "\"object\" is badly encoded" },
    { "pkcs11:object=%", "\"object\" is badly encoded" },
    { "pkcs11:object=%gg", "\"object\" is badly encoded" },
    { "pkcs11:object=a%00b", "\"object\" is badly encoded" },
    { "pkcs11:object=a b", "a blank or a character beyond ASCII" },
    { "pkcs11:object=\xc3\xa4?pin-value=" SECRET, "a blank or a character beyond ASCII" },
    { "pkcs11:object=a?pin-value=", "pin-value is empty" },
    { "pkcs11:object=a?pin-value=" SECRET "%0", "pin-value is badly encoded" },
    { "pkcs11:object=a?pin-value=" SECRET "%00", "pin-value is badly encoded" },
    { "pkcs11:object=a?pin-value=" SECRET "&pin-value=" SECRET, "pin-value is in it twice" },
    { "pkcs11:object=a?pin-value=" SECRET "&pin-source=/a", "both pin-value and pin-source" },
    { "pkcs11:object=a?pin=" SECRET, "only pin-value, pin-source and module-path are expected" },
    { "pkcs11:object=a?" SECRET, "only pin-value, pin-source and module-path are expected" },
    { "pkcs11:object=a?pin-source=|cat%20/pin", "an absolute path of a file is expected as pin-source" },
    { "pkcs11:object=a?pin-source=file:pin", "an absolute path of a file is expected as pin-source" },
    { "pkcs11:object=a?module-path=m.so", "an absolute path of a file is expected as module-path" },
    { "pkcs11:object=a?module-name=m", "only pin-value, pin-source and module-path are expected" },
};

static void expect_refusal(const char *text, const char *reason)
{
    struct esc_token_uri uri;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = esc_token_uri_parse(text, &uri, &d);
    esc_token_uri_free(&uri);
    if (err != ESCERTKE_ERR_CREDENTIAL || !strstr(d.reason, reason) || strstr(d.reason, SECRET))
        fail_msg("%s: %s, \"%s\"", text, escertke_err_name(err), d.reason);
}

static void refusals(void **state)
{
    char text[4096];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_refusal(bad[i].text, bad[i].reason);
    memset(text, 'a', sizeof text);
    memcpy(text, "pkcs11:object=", 14);
    text[2049] = '\0';
    expect_refusal(text, "longer than 2048 characters");
    memcpy(text, "pkcs11:id=1?pin-value=", 22);
    text[22 + 256] = '\0';
    expect_refusal(text, "the PIN is longer than 255 octets");
}

static void is_one(void **state)
{
    (void)state;
    assert_true(esc_token_uri_is("pkcs11:") && esc_token_uri_is("PKCS11:object=a"));
    assert_false(esc_token_uri_is("pkcs11") || esc_token_uri_is("./pkcs11:x") || esc_token_uri_is("") || esc_token_uri_is(NULL));
}

#define TOKEN "pkcs11:model=SoftHSM%20v2;manufacturer=M;serial=12;token=a%20b"

static void tokens(void **state)
{
    const struct {
        const char *uri, *narrow; /* NULL: another token */
    } cases[] = {
        { "pkcs11:object=k", TOKEN ";object=k" },
        { "pkcs11:token=a%20b;object=k;id=%01", TOKEN ";object=k;id=%01" },
        { "pkcs11:object=k;serial=12;%61=1", TOKEN ";object=k;%61=1" },
        { "pkcs11:token=%61%20b;type=private;object=k", TOKEN ";type=private;object=k" },
        { "pkcs11:token=a;object=k", NULL },
        { "pkcs11:token=a%20bc;object=k", NULL },
        { "pkcs11:token=a%20b;serial=13;object=k", NULL },
        { "pkcs11:model=softhsm%20v2;object=k", NULL },
    };
    char value[8];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (esc_token_uri_fits(cases[i].uri, TOKEN) != (cases[i].narrow != NULL))
            fail_msg("%s: %s", cases[i].uri, cases[i].narrow ? "does not fit" : "fits");
        char *narrow = cases[i].narrow ? esc_token_uri_narrow(cases[i].uri, TOKEN) : NULL;
        if (narrow && strcmp(narrow, cases[i].narrow) != 0)
            fail_msg("%s: %s", cases[i].uri, narrow);
        esc_release(narrow);
    }
    assert_false(esc_token_uri_fits("pkcs11:token=a", "pkcs11:model=m")); /* a token that says no label */
    assert_true(esc_token_uri_get("pkcs11:object=a%2fbcdefgh?token=x", "object", value, sizeof value));
    assert_string_equal(value, "a/bcdef"); /* cut */
    assert_false(esc_token_uri_get("pkcs11:object=a?token=x", "token", value, sizeof value));
}

static void pin_files(void **state)
{
    char full[ESC_TOKEN_PIN_MAX + 1], over[ESC_TOKEN_PIN_MAX + 2];
    memset(full, '7', sizeof full);
    full[ESC_TOKEN_PIN_MAX] = '\0';
    memset(over, '7', sizeof over);
    over[ESC_TOKEN_PIN_MAX + 1] = '\0';
    const struct {
        const char *name, *text;
        size_t len; /* 0: a C string */
        const char *pin, *reason;
    } cases[] = {
        { "a line", "1234\n", 0, "1234", NULL },
        { "no line end", "1234", 0, "1234", NULL },
        { "line end of another system", "1234\r\n", 0, "1234", NULL },
        { "more lines", "1234\n5678\n", 0, "1234", NULL },
        { "blanks belong to it", " 12 34 \n", 0, " 12 34 ", NULL },
        { "the longest", full, 0, full, NULL },
        { "too long", over, 0, NULL, "longer than 255 octets" },
        { "empty", "", 0, NULL, "it is empty" },
        { "empty first line", "\n1234\n", 0, NULL, "it is empty" },
        { "NUL", "12\0" "34\n", 6, NULL, "a NUL in it" },
    };
    char path[] = "/tmp/escertke-pin-XXXXXX", pin[ESC_TOKEN_PIN_MAX + 1];
    escertke_detail d;

    (void)state;
    int fd = mkstemp(path);
    assert_int_not_equal(fd, -1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = cases[i].len ? cases[i].len : strlen(cases[i].text);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, cases[i].text, len, 0), len);
        escertke_detail_init(&d);
        escertke_err err = esc_token_read_pin(path, pin, &d);
        if (err != (cases[i].pin ? ESCERTKE_OK : ESCERTKE_ERR_CREDENTIAL) || (cases[i].pin && strcmp(pin, cases[i].pin) != 0) ||
            (cases[i].reason && (!strstr(d.reason, cases[i].reason) || !strstr(d.reason, path))))
            fail_msg("%s: %s, \"%s\"", cases[i].name, escertke_err_name(err), d.reason);
        for (size_t k = 0; !cases[i].pin && k < sizeof pin; k++)
            assert_int_equal(pin[k], 0); /* what was read is wiped */
    }
    close(fd);
    unlink(path);
    escertke_detail_init(&d);
    assert_int_equal(esc_token_read_pin(path, pin, &d), ESCERTKE_ERR_CREDENTIAL);
    assert_non_null(strstr(d.reason, "cannot be opened"));
    escertke_detail_init(&d);
    assert_int_equal(esc_token_read_pin("/tmp", pin, &d), ESCERTKE_ERR_CREDENTIAL); /* a folder */
    assert_non_null(strstr(d.reason, "cannot be read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(parts), cmocka_unit_test(refusals), cmocka_unit_test(is_one),
                                        cmocka_unit_test(tokens), cmocka_unit_test(pin_files) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

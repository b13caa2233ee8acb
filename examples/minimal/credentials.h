/*
 * credentials.h - what a device would have been provisioned with. Everybody knows these keys: they are for this example alone.
 * Made by: escertke pki init pki --sp m2m.example.org
 *          escertke pki issue pki --ae-id //m2m.example.org/in1/Cmeter --out meter        and the same for Cpanel
 */
#ifndef EXAMPLES_MINIMAL_CREDENTIALS_H
#define EXAMPLES_MINIMAL_CREDENTIALS_H

/* A time at which they are valid: a handshake judges by its caller's clock, so the example never expires. */
#define CREDENTIALS_TIME 1796083200 /* 2026-12-01 00:00:00 UTC */

#define METER_ID "//m2m.example.org/in1/Cmeter"
#define PANEL_ID "//m2m.example.org/in1/Cpanel"

static const char root_crt[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBszCCAVmgAwIBAgIQT6lTce0sOWswLfEQGumkPjAKBggqhkjOPQQDAjApMScw\n"
                               "JQYDVQQDDB5vbmVNMk0gcm9vdCBvZiBtMm0uZXhhbXBsZS5vcmcwHhcNMjYxMTI0\n"
                               "MDU0NzEyWhcNNDYxMTI0MDU1MjEyWjApMScwJQYDVQQDDB5vbmVNMk0gcm9vdCBv\n"
                               "ZiBtMm0uZXhhbXBsZS5vcmcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ5Skrx\n"
                               "BMXyPpn0J4XVG9vN1xo4gj4wdURe/PTQfgS1T1vKdAcTTnW1pb6YQI/WrFolH+JX\n"
                               "M2djaeTRq6S9CO0+o2MwYTAdBgNVHQ4EFgQUQepVF2+ZhUD4ouRwdfCnf/P4mXQw\n"
                               "HwYDVR0jBBgwFoAUQepVF2+ZhUD4ouRwdfCnf/P4mXQwDwYDVR0TAQH/BAUwAwEB\n"
                               "/zAOBgNVHQ8BAf8EBAMCAYYwCgYIKoZIzj0EAwIDSAAwRQIhAMv+CuV0dJtEtn2W\n"
                               "BRaLqsjJuzpnhk/y4am/AAIAwe6bAiBp4TWHVZy45GpKdtg+r6L1Kn2R8+I39QMs\n"
                               "RGX+EZ4ocg==\n"
                               "-----END CERTIFICATE-----\n";

static const char meter_crt[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIByDCCAW2gAwIBAgIQRRexFU+UvgNqe2ELLW6MMTAKBggqhkjOPQQDAjAnMSUw\n"
                                "IwYDVQQDDBxvbmVNMk0gQ0Egb2YgbTJtLmV4YW1wbGUub3JnMB4XDTI2MTEyNDA1\n"
                                "NDcxMloXDTI3MTEyNDA1NTIxMlowJzElMCMGA1UEAwwcLy9tMm0uZXhhbXBsZS5v\n"
                                "cmcvaW4xL0NtZXRlcjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHYMHI8mul8h\n"
                                "XQWX8wSv+0dgA51CX5z88JtLrr3SGeOqrM0aCKmvziCF5Waenxl+TGJhNKHZl+c6\n"
                                "LFSD24iJKimjezB5MB0GA1UdDgQWBBSCslE5jZ4u9o0/kPdcnDzD9LKLpDAfBgNV\n"
                                "HSMEGDAWgBS7uUp/PR9HlqkGbt+xeg2/yoXpkDAOBgNVHQ8BAf8EBAMCB4AwJwYD\n"
                                "VR0RBCAwHoYcLy9tMm0uZXhhbXBsZS5vcmcvaW4xL0NtZXRlcjAKBggqhkjOPQQD\n"
                                "AgNJADBGAiEA1Co/JCJ4Tnkk9MXpzw+aitIdVyHzDNOl4Z97geF5s74CIQDA3NKF\n"
                                "bOWFAW5tb1jPP/Q8Ld9d/fKl+xwvfUtIE5gOgQ==\n"
                                "-----END CERTIFICATE-----\n"
                                "-----BEGIN CERTIFICATE-----\n"
                                "MIICADCCAaagAwIBAgIQV3Lwsnj3wudaQj/V6AbYsTAKBggqhkjOPQQDAjApMScw\n"
                                "JQYDVQQDDB5vbmVNMk0gcm9vdCBvZiBtMm0uZXhhbXBsZS5vcmcwHhcNMjYxMTI0\n"
                                "MDU0NzEyWhcNMzYxMTIzMDU1MjEyWjAnMSUwIwYDVQQDDBxvbmVNMk0gQ0Egb2Yg\n"
                                "bTJtLmV4YW1wbGUub3JnMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEA42aLPc1\n"
                                "pL3DS1s73dox57kSmlx1Nr3gWZYdLEXffXhIQlxi2D1iAWKLMOsBHlfN1dNK4WYB\n"
                                "qnTAjMs9NVJByaOBsTCBrjAdBgNVHQ4EFgQUu7lKfz0fR5apBm7fsXoNv8qF6ZAw\n"
                                "HwYDVR0jBBgwFoAUQepVF2+ZhUD4ouRwdfCnf/P4mXQwEgYDVR0TAQH/BAgwBgEB\n"
                                "/wIBADAOBgNVHQ8BAf8EBAMCAYYwSAYDVR0eAQH/BD4wPKA6MBGGD20ybS5leGFt\n"
                                "cGxlLm9yZzAShhAubTJtLmV4YW1wbGUub3JnMBGCD20ybS5leGFtcGxlLm9yZzAK\n"
                                "BggqhkjOPQQDAgNIADBFAiBbXHR21fSDelKEgXQzHB5XZmdn5T+ZSM3efq5d4pww\n"
                                "FAIhANhJjN6yzqvHlAr51m01cK8zR1X6frbLxmiNek0LRMP8\n"
                                "-----END CERTIFICATE-----\n";

static const char meter_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglVRie2Qc9VUmtQGi\n"
                                "XrnTOTWH/IuaPZhnWM36L2yedVmhRANCAAR2DByPJrpfIV0Fl/MEr/tHYAOdQl+c\n"
                                "/PCbS6690hnjqqzNGgipr84gheVmnp8ZfkxiYTSh2ZfnOixUg9uIiSop\n"
                                "-----END PRIVATE KEY-----\n";

static const char panel_crt[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBxjCCAW2gAwIBAgIQVGqX5fNvzYefFYQo04WC8DAKBggqhkjOPQQDAjAnMSUw\n"
                                "IwYDVQQDDBxvbmVNMk0gQ0Egb2YgbTJtLmV4YW1wbGUub3JnMB4XDTI2MTEyNDA1\n"
                                "NDcxMloXDTI3MTEyNDA1NTIxMlowJzElMCMGA1UEAwwcLy9tMm0uZXhhbXBsZS5v\n"
                                "cmcvaW4xL0NwYW5lbDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABK2SR0wpDiPN\n"
                                "7R9U3UBoQCapvq94QZlXsUESA8NIuEHDYScPvWo2aVIKC0yCJ83FGkdglzec/1HN\n"
                                "wvjjs1CPrNKjezB5MB0GA1UdDgQWBBTrgR+lh4RY2emPucfPi0y3trIAzDAfBgNV\n"
                                "HSMEGDAWgBS7uUp/PR9HlqkGbt+xeg2/yoXpkDAOBgNVHQ8BAf8EBAMCB4AwJwYD\n"
                                "VR0RBCAwHoYcLy9tMm0uZXhhbXBsZS5vcmcvaW4xL0NwYW5lbDAKBggqhkjOPQQD\n"
                                "AgNHADBEAiATL01+QQY3vkc+G/pLxU57gvTfa6SuX7HYOVA4EXmgzQIgLZA++QNt\n"
                                "Ucu+gfGViIFtXcDM6dwVcurfqIU7jvw9qTw=\n"
                                "-----END CERTIFICATE-----\n"
                                "-----BEGIN CERTIFICATE-----\n"
                                "MIICADCCAaagAwIBAgIQV3Lwsnj3wudaQj/V6AbYsTAKBggqhkjOPQQDAjApMScw\n"
                                "JQYDVQQDDB5vbmVNMk0gcm9vdCBvZiBtMm0uZXhhbXBsZS5vcmcwHhcNMjYxMTI0\n"
                                "MDU0NzEyWhcNMzYxMTIzMDU1MjEyWjAnMSUwIwYDVQQDDBxvbmVNMk0gQ0Egb2Yg\n"
                                "bTJtLmV4YW1wbGUub3JnMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEA42aLPc1\n"
                                "pL3DS1s73dox57kSmlx1Nr3gWZYdLEXffXhIQlxi2D1iAWKLMOsBHlfN1dNK4WYB\n"
                                "qnTAjMs9NVJByaOBsTCBrjAdBgNVHQ4EFgQUu7lKfz0fR5apBm7fsXoNv8qF6ZAw\n"
                                "HwYDVR0jBBgwFoAUQepVF2+ZhUD4ouRwdfCnf/P4mXQwEgYDVR0TAQH/BAgwBgEB\n"
                                "/wIBADAOBgNVHQ8BAf8EBAMCAYYwSAYDVR0eAQH/BD4wPKA6MBGGD20ybS5leGFt\n"
                                "cGxlLm9yZzAShhAubTJtLmV4YW1wbGUub3JnMBGCD20ybS5leGFtcGxlLm9yZzAK\n"
                                "BggqhkjOPQQDAgNIADBFAiBbXHR21fSDelKEgXQzHB5XZmdn5T+ZSM3efq5d4pww\n"
                                "FAIhANhJjN6yzqvHlAr51m01cK8zR1X6frbLxmiNek0LRMP8\n"
                                "-----END CERTIFICATE-----\n";

static const char panel_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgf1iY6BhLoZm2MIgW\n"
                                "JSFXXTx0W7XSGiKyJN0yfdtY02ihRANCAAStkkdMKQ4jze0fVN1AaEAmqb6veEGZ\n"
                                "V7FBEgPDSLhBw2EnD71qNmlSCgtMgifNxRpHYJc3nP9RzcL447NQj6zS\n"
                                "-----END PRIVATE KEY-----\n";

#endif

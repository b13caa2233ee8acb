/* status.h - serve --status: the metrics of a running serve as a table. */
#ifndef ESCERTKE_CLI_STATUS_H
#define ESCERTKE_CLI_STATUS_H

#include <escertke/base.h>
#include <jansson.h>

/** Run `serve --status URL [--json]`. @return exit code */
int cmd_serve_status(int argc, char **argv);

/** PORT (on 127.0.0.1) or a URL. option_check. */
bool status_check_url(const char *value, char *why, size_t cap);

/** One line of Prometheus' text format, "name{label="value"} number", one label at most. */
struct status_row {
    char name[80], label[80]; /* the label's value; "" = none */
    double value;
};

/** @return false: a comment, an empty line, or nothing that `serve` writes */
bool status_parse_row(const char *line, size_t len, struct status_row *out);
/** What a person reads: "refused (CERT)", "1.5 MiB". */
void status_show_row(const struct status_row *row, char *name, size_t name_cap, char *value, size_t value_cap);

#endif

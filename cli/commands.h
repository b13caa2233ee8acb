/* commands.h - one function per command; argv[0] is the command's own word. Each returns the exit code (out.h). */
#ifndef ESCERTKE_CLI_COMMANDS_H
#define ESCERTKE_CLI_COMMANDS_H

int cmd_pki_init(int argc, char **argv);
int cmd_pki_issue(int argc, char **argv);
int cmd_pki_check(int argc, char **argv);
int cmd_pki_csr(int argc, char **argv);
int cmd_pki_revoke(int argc, char **argv);
int cmd_pki_crl(int argc, char **argv);
int cmd_pki_rawkey(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_keys_list(int argc, char **argv);
int cmd_keys_show(int argc, char **argv);
int cmd_keys_export(int argc, char **argv);
int cmd_keys_delete(int argc, char **argv);
int cmd_keys_prune(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_establish(int argc, char **argv);
int cmd_relay(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_bench(int argc, char **argv);

#endif

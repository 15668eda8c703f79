// SPDX-License-Identifier: LGPL-3.0-only
/* What may go into the environment of a program that runs with other rights than who asked. */
#include "environment.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glob(7) patterns. What PATH, HOME and USER are is said by us. */
static const char *const harmful[] = {
    /* the dynamic linker and libc */
    "LD_*",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    "GETCONF_DIR",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "MALLOC_*",
    "MEMUSAGE*",
    "NIS_PATH",
    "NLSPATH",
    "RES_*",
    "RESOLV_*",
    "SEGFAULT_*",
    "TZ",
    "TZDIR",
    "LIBC_*",
    "_RLD*",
    "DYLD_*",
    "ASAN_*",
    "LSAN_*",
    "UBSAN_*",
    "TSAN_*",
    "MSAN_*",
    /* shells */
    "BASH*",
    "ENV",
    "IFS",
    "SHELL",
    "SHELLOPTS",
    "PS[0-9]",
    "PROMPT_COMMAND",
    "CDPATH",
    "FPATH",
    "GLOBIGNORE",
    "KSH_*",
    "ZDOTDIR",
    "POSIXLY_CORRECT",
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "PWD",
    "OLDPWD",
    /* interpreters and what they load */
    "PERL*",
    "PYTHON*",
    "RUBY*",
    "GEM_*",
    "NODE_*",
    "JAVA_*",
    "_JAVA_*",
    "CLASSPATH",
    "LUA_*",
    "TCL*",
    "GUILE_*",
    "AWK*",
    "PHP*",
    "R_HOME",
    "R_LIBS*",
    "R_PROFILE*",
    "R_ENVIRON*",
    /* programs that run others */
    "EDITOR",
    "VISUAL",
    "PAGER",
    "BROWSER",
    "LESS*",
    "MANPAGER",
    "MANOPT",
    "GIT_*",
    "SSH_*",
    "MAKE*",
    "TERM*",
    "TMPDIR",
    "TMP",
    "TEMP",
    "XDG_*",
    "DBUS_*",
    "SUDO_*",
    "SYSTEMD_*",
    "KRB5*",
    "SSL_*",
    "OPENSSL_*",
    "CURL_*",
    "*_PROXY",
    "*_proxy",
    /* where flux commands find what they run */
    "FLUX_*PATH*",
    "FLUX_IMP_*",
    "FLUX_*_INITRC*",
    "FLUX_OWNER_USERID",
    "FLUX_CONF_DIR",
    "FLUX_*RC[13]*",
};

bool environment_is_name(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > ENVIRONMENT_NAME_MAX || (name[0] >= '0' && name[0] <= '9'))
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

bool environment_is_harmless(const char *name)
{
    if (!environment_is_name(name))
        return false;
    for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++)
        if (fnmatch(harmful[i], name, 0) == 0)
            return false;
    return true;
}

/* Any of the encodings of RFC 19: what may be in them, not their grammar. */
bool environment_is_job_id(const char *value)
{
    size_t n = strlen(value);

    if (n == 0 || n > 64)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = value[i];
        if (c < 0x80 &&
            !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", c))
            return false;
    }
    return true;
}

bool environment_is_userid(const char *value)
{
    size_t n = strlen(value);

    return n > 0 && n <= 10 && strspn(value, "0123456789") == n;
}

void environment_done(struct environment *env)
{
    for (size_t i = 0; i < env->n; i++)
        free(env->vars[i]);
    memset(env, 0, sizeof(*env));
}

int environment_set(struct environment *env, const char *name, const char *value)
{
    size_t len = strlen(name), i;
    char *var;

    if (!environment_is_name(name))
        return -EINVAL;
    if (strlen(value) > ENVIRONMENT_VALUE_MAX)
        return -E2BIG;
    for (i = 0; i < env->n; i++)
        if (strncmp(env->vars[i], name, len) == 0 && env->vars[i][len] == '=')
            break;
    if (i == ENVIRONMENT_VARS_MAX)
        return -E2BIG;
    if (asprintf(&var, "%s=%s", name, value) < 0)
        return -ENOMEM;
    free(env->vars[i]); /* NULL after the last */
    env->vars[i] = var;
    env->n += i == env->n;
    return 0;
}

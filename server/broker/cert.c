// SPDX-License-Identifier: LGPL-3.0-only
/* Certificates. A secret key is never logged, and is wiped when its certificate is done with. */
#include "cert.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <flux/buf.h>

#define CERT_FILE_MAX 65536

int cert_generate(struct cert *c, struct flux_error *err)
{
    memset(c, 0, sizeof(*c));
    if (zmq_curve_keypair(c->public_key, c->secret_key) < 0)
        return flux_error_set(err, -ENOTSUP, "cannot make CURVE keys: %s", zmq_strerror(errno));
    return 0;
}

void cert_done(struct cert *c)
{
    explicit_bzero(c->secret_key, sizeof(c->secret_key));
    free(c->name);
    c->name = NULL;
}

bool cert_key_valid(const char *key)
{
    uint8_t raw[32];

    return strlen(key) == CERT_KEY_SIZE - 1 && zmq_z85_decode(raw, key) != NULL;
}

static int check_mode(int fd, const char *path, off_t *size, struct flux_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return flux_error_sys(err, -errno, "certificate %s", path);
    if (!S_ISREG(st.st_mode))
        return flux_error_set(err, -EINVAL, "certificate %s is not a regular file", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return flux_error_set(
            err, -EPERM, "certificate %s belongs to user %u, it must belong to user %u or root",
            path, st.st_uid, geteuid());
    if (st.st_mode & 077)
        return flux_error_set(err, -EPERM,
                              "certificate %s can be read by others (mode %04o): chmod 0600 it",
                              path, st.st_mode & 07777);
    if (st.st_size > CERT_FILE_MAX)
        return flux_error_set(err, -EFBIG, "certificate %s is too large", path);
    *size = st.st_size;
    return 0;
}

/* One line of ZPL: indentation makes sections, NAME = "VALUE" sets. Returns the name and value, cut
 * out of `line`; value is NULL for a section; name is NULL for blank lines and comments. */
static void zpl_line(char *line, char **name, char **value)
{
    char *p = line + strspn(line, " \t"), *eq;
    size_t n;

    *name = *value = NULL;
    p[strcspn(p, "\r\n")] = '\0';
    if (!*p || *p == '#')
        return;
    *name = p;
    eq = strchr(p, '=');
    if (!eq) {
        p[strcspn(p, " \t#")] = '\0';
        return;
    }
    *value = eq + 1 + strspn(eq + 1, " \t");
    *eq = '\0';
    p[strcspn(p, " \t")] = '\0';
    if (**value == '"' || **value == '\'') {
        char quote = **value;
        char *end = strchr(++*value, quote);
        if (end)
            *end = '\0';
    } else {
        n = strcspn(*value, " \t#");
        (*value)[n] = '\0';
    }
}

static void take_value(struct cert *c, const char *section, const char *name, const char *value)
{
    if (!strcmp(section, "curve") && !strcmp(name, "public-key"))
        snprintf(c->public_key, sizeof(c->public_key), "%s", value);
    else if (!strcmp(section, "curve") && !strcmp(name, "secret-key"))
        snprintf(c->secret_key, sizeof(c->secret_key), "%s", value);
    else if (!strcmp(section, "metadata") && !strcmp(name, "name") && !c->name)
        c->name = flux_strdup(value);
}

static void parse(struct cert *c, char *text)
{
    char section[32] = "", *save = NULL, *name, *value;

    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        zpl_line(line, &name, &value);
        if (name && !value)
            snprintf(section, sizeof(section), "%.31s", name);
        else if (name)
            take_value(c, section, name, value);
    }
}

int cert_load(struct cert *c, const char *path, struct flux_error *err)
{
    FLUX_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char text[CERT_FILE_MAX + 1];
    off_t size = 0;
    ssize_t n;
    int r;

    memset(c, 0, sizeof(*c));
    if (fd < 0 && errno == ENOENT)
        return flux_error_set(err, -ENOENT,
                              "there is no certificate %s: make one with flux keygen, and copy it "
                              "to all nodes",
                              path);
    if (fd < 0 && errno == EACCES)
        return flux_error_set(err, -EACCES, "certificate %s cannot be read by user %u", path,
                              geteuid());
    if (fd < 0)
        return flux_error_sys(err, -errno, "certificate %s", path);
    if ((r = check_mode(fd, path, &size, err)) < 0)
        return r;
    n = read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return flux_error_sys(err, -errno, "certificate %s", path);
    text[n] = '\0';
    parse(c, text);
    explicit_bzero(text, n);
    if (!cert_key_valid(c->public_key) || !cert_key_valid(c->secret_key)) {
        cert_done(c);
        return flux_error_set(
            err, -EINVAL,
            "%s is not a certificate with a public and a secret CURVE key: make one "
            "with flux keygen",
            path);
    }
    return 0;
}

static int format_cert(const struct cert *c, const char *const *metadata, struct flux_buf *b)
{
    flux_buf_puts(
        b, "#   ZeroMQ CURVE certificate. Keep it secret: who has it can join the instance.\n");
    flux_buf_puts(b, "\nmetadata\n");
    for (; metadata && metadata[0]; metadata += 2) {
        if (strpbrk(metadata[0], " \t\n\r=#\"'") || strpbrk(metadata[1], "\n\r\""))
            return -EINVAL;
        flux_buf_printf(b, "    %s = \"%s\"\n", metadata[0], metadata[1]);
    }
    flux_buf_printf(b, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", c->public_key,
                    c->secret_key);
    return b->failed;
}

int cert_save(const struct cert *c, const char *path, const char *const *metadata,
              struct flux_error *err)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(CERT_FILE_MAX);
    int fd, r = 0;

    if (format_cert(c, metadata, &b) < 0)
        return flux_error_set(err, -EINVAL,
                              "certificate: bad metadata (quotes, newlines, blanks in a "
                              "name) or too much of it");
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return flux_error_set(err, -EEXIST, "%s is there already: remove it first", path);
    if (fd < 0)
        return flux_error_sys(err, -errno, "cannot create %s", path);
    if (write(fd, b.data, b.len) != (ssize_t)b.len || fsync(fd) < 0)
        r = errno ? -errno : -EIO;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    explicit_bzero(b.data, b.len);
    if (r < 0) {
        unlink(path);
        return flux_error_sys(err, r, "cannot write %s", path);
    }
    return 0;
}

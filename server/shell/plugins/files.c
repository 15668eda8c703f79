// SPDX-License-Identifier: LGPL-3.0-only
/* Files that travel in the jobspec (attributes.system.files, RFC 37) are laid out in the job's
 * temporary directory. Names stay inside of it: relative, without "..", through no symbolic link.
 */
#include "plugins.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <flux/base64.h>
#include <flux/jobspec.h>

static bool name_is_safe(const char *name)
{
    if (!*name || *name == '/')
        return false;
    for (const char *p = name; *p;) {
        size_t n = strcspn(p, "/");

        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += n;
        if (*p == '/' && !*++p)
            return false;
    }
    return true;
}

/* The content: text, base64, or any other JSON value as it is written. */
static int get_data(const json_t *file, struct flux_buf *out)
{
    const char *encoding = json_string_value(json_object_get(file, "encoding"));
    const json_t *data = json_object_get(file, "data");
    FLUX_AUTO_STR text = NULL;

    if (!data)
        return 0;
    if (encoding && !strcmp(encoding, "base64") && json_is_string(data))
        return flux_base64_decode(json_string_value(data), out);
    if (encoding && strcmp(encoding, "utf-8"))
        return -ENOTSUP;
    if (json_is_string(data))
        return flux_buf_add(out, json_string_value(data), json_string_length(data));
    text = json_dumps(data, JSON_ENCODE_ANY | JSON_COMPACT);
    return flux_buf_puts(out, text ? text : "");
}

/* The directory that holds `name`, made on the way; *last is its last part. */
static int open_parent(const char *root, const char *name, const char **last)
{
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *slash;

    for (; dir >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
        FLUX_AUTO_STR part = flux_strndup(name, slash - name);
        int parent = dir;

        if (mkdirat(parent, part, 0700) < 0 && errno != EEXIST)
            dir = -errno;
        else if ((dir = openat(parent, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
            dir = -errno;
        close(parent);
    }
    *last = name;
    return dir;
}

static int write_file(int dir, const char *name, mode_t mode, const struct flux_buf *data)
{
    FLUX_AUTO_FD int fd =
        openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < data->len;) {
        ssize_t n = write(fd, data->data + done, data->len - done);

        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? n : 0;
    }
    return fchmod(fd, mode & 0777) < 0 ? -errno : 0;
}

static int make_one(const char *root, const char *name, const json_t *file)
{
    mode_t mode = json_integer_value(json_object_get(file, "mode"));
    FLUX_AUTO_BUF data = FLUX_BUF_INIT(FLUX_JOBSPEC_MAX);
    const char *last;
    FLUX_AUTO_FD int dir = -1;
    int r = get_data(file, &data);

    if (r < 0)
        return r;
    dir = open_parent(root, name, &last);
    if (dir < 0)
        return dir;
    if (S_ISDIR(mode))
        r = mkdirat(dir, last, mode & 0777) < 0 && errno != EEXIST ? -errno : 0;
    else if (S_ISLNK(mode))
        r = symlinkat(data.len ? data.data : "", dir, last) < 0 ? -errno : 0;
    else
        r = write_file(dir, last, mode & 0777 ? mode : 0600, &data);
    return r;
}

static int init(struct flux_shell *sh, void **data, struct flux_error *err)
{
    const json_t *files = flux_jobspec_get(flux_shell_jobspec(sh), "attributes.system.files");
    const char *name;
    json_t *file;

    json_object_foreach ((json_t *)files, name, file) {
        int r = name_is_safe(name) ? make_one(flux_shell_tmpdir(sh), name, file) : -EINVAL;

        if (r < 0)
            return flux_error_sys(err, r, "cannot make '%.160s'", name);
    }
    return 0;
}

const struct flux_shell_plugin shell_plugin_files = {
    .api = FLUX_SHELL_API,
    .name = "files",
    .init = init,
};

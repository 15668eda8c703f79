// SPDX-License-Identifier: LGPL-3.0-only
/* The start document: read it, and take from it what the shell keeps. After start_unpack_job() the
 * layout of the job is known and nothing more is asked from anyone.
 *
 * A shell that the IMP has started runs as somebody who does not trust the document, which comes
 * from the instance owner. What runs, and with what environment, then comes from the request that
 * the user signed, as the IMP has verified it; of the document only what the instance decides is
 * taken: the resources, the id, the broker. */
#include "shell.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <flux/fluid.h>
#include <flux/uri.h>

#define REQUEST_FD "FLUX_IMP_REQUEST_FD"

static int read_all(int fd, const char *what, struct flux_buf *b, struct flux_error *err)
{
    struct stat st;
    size_t want = 65536;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return flux_error_sys(err, -errno, "%s on descriptor %d", what, fd);
    if (S_ISREG(st.st_mode)) {
        if (lseek(fd, 0, SEEK_SET) < 0)
            return flux_error_sys(err, -errno, "%s", what);
        want = st.st_size + 1;
    }
    do {
        if (!flux_buf_reserve(b, want))
            return flux_error_set(err, -EMSGSIZE, "%s of more than %zu MiB", what, b->max >> 20);
        n = read(fd, b->data + b->len, want);
        if (n < 0 && errno != EINTR)
            return flux_error_sys(err, -errno, "%s", what);
        if (n > 0)
            b->len += n;
        want = 4096;
    } while (n != 0);
    b->data[b->len] = '\0';
    return 0;
}

/* The broker is this node's. To any other ssh would lead, which the user has not asked for. */
static int check_broker(const flux_shell_start *start, struct flux_error *err)
{
    struct flux_uri u = {NULL};
    int r = start->local_uri[0] ? flux_uri_parse(start->local_uri, &u, err) : 0;

    if (r == 0 && u.target)
        r = flux_error_set(err, -EPERM, "start document: the broker %.256s is not on this host",
                           start->local_uri);
    flux_uri_done(&u);
    return r;
}

int start_read(int fd, flux_shell_start **ret, struct flux_error *err)
{
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(START_MAX);
    int r = read_all(fd, "start document", &b, err);

    close(fd);
    if (r < 0)
        return r;
    *ret = (flux_shell_start *)protobuf_c_message_unpack(&flux__v1__shell_start__descriptor, NULL,
                                                         b.len, (const uint8_t *)b.data);
    if (!*ret)
        return flux_error_set(err, -EPROTO, "start document is not a ShellStart message");
    r = check_broker(*ret, err);
    if (r < 0)
        flux_shell_start_free(FLUX_GIVE(*ret));
    return r;
}

bool start_is_through_imp(void)
{
    return getenv(REQUEST_FD) != NULL;
}

int start_read_request(struct flux_shell *sh, struct flux_error *err)
{
    const char *text = getenv(REQUEST_FD);
    FLUX_AUTO_BUF b = FLUX_BUF_INIT(FLUX_JOBSPEC_MAX + 8192);
    int fd, r;

    if (!text && !sh->standalone && sh->start->user_id != sh->start->owner_id)
        return flux_error_set(err, -EPERM, "a guest's job can only be started through the IMP");
    if (!text)
        return 0;
    sh->through_imp = true;
    if (sh->start->user_id != getuid())
        return flux_error_set(err, -EPERM, "the start document is for user %u, and this is %u",
                              sh->start->user_id, (unsigned)getuid());
    fd = atoi(text);
    r = fd > 2 ? read_all(fd, "signed request", &b, err)
               : flux_error_set(err, -EBADF, REQUEST_FD "=%.16s is not a descriptor", text);
    if (r < 0)
        return r;
    close(fd);
    unsetenv(REQUEST_FD);
    sh->request = flux_buf_take(&b);
    return 0;
}

/* Names of hosts are filled into commands and paths: {{node.name}}. Of an instance owner who is not
 * to be trusted they must not be a way to write there what the user has not signed. */
static bool is_hostname(const char *name)
{
    return isalnum((unsigned char)name[0]) &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               strlen(name);
}

static int find_node(struct flux_shell *sh, struct flux_error *err)
{
    ssize_t at = flux_rset_find(sh->r, sh->start->broker_rank);

    if (at < 0)
        return flux_error_set(err, -EINVAL, "R has no rank %u", sh->start->broker_rank);
    flux_rset_node(sh->r, at, &sh->node);
    sh->rank = at;
    sh->size = flux_rset_nnodes(sh->r);
    sh->hostname = flux_strdup(sh->start->hostname[0] ? sh->start->hostname : sh->node.host);
    if (sh->through_imp && !is_hostname(sh->hostname))
        return flux_error_set(err, -EPERM,
                              "the start document gives this node a name that is none");
    return 0;
}

static int take_command(struct flux_shell *sh, struct flux_error *err)
{
    size_t n = json_array_size(sh->js->command);

    if (!n)
        return flux_error_set(err, -EINVAL, "jobspec: no command");
    sh->argv = flux_alloc((n + 1) * sizeof(*sh->argv));
    for (size_t i = 0; i < n; i++)
        sh->argv[i] = flux_strdup(json_string_value(json_array_get(sh->js->command, i)));
    return 0;
}

/* A hostfile is the one scheme whose value is elsewhere: a file on this node. */
static int read_hostfile(const char *path, struct flux_buf *list, struct flux_error *err)
{
    FILE *f = path ? fopen(path, "re") : NULL;
    char line[FLUX_HOST_SIZE];

    if (!f)
        return flux_error_sys(err, path ? -errno : -EINVAL, "taskmap: hostfile %s",
                              path ? path : "");
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, " \t\r\n#")] = '\0';
        if (line[0] && flux_buf_printf(list, "%s%s", list->len ? "," : "", line) < 0)
            break;
    }
    fclose(f);
    return list->failed ? flux_error_set(err, -EMSGSIZE, "taskmap: hostfile is too large") : 0;
}

static int make_map(struct flux_shell *sh, struct flux_error *err)
{
    const char *scheme = flux_shell_option_text(sh, "taskmap.scheme", NULL);
    const char *value = flux_shell_option_text(sh, "taskmap.value", NULL);
    FLUX_AUTO_BUF hosts = FLUX_BUF_INIT(0);
    FLUX_AUTO_MEM(unsigned) counts = NULL;
    int r = flux_layout_counts(sh->js, sh->r, &counts, err);

    if (r < 0)
        return r;
    if (scheme && !strcmp(scheme, "hostfile")) {
        r = read_hostfile(value, &hosts, err);
        if (r < 0)
            return r;
        value = hosts.data;
    }
    return flux_layout_map(sh->r, counts, scheme, value, &sh->map, err);
}

static int make_tasks(struct flux_shell *sh)
{
    FLUX_AUTO(idset) mine = flux_taskmap_tasks(sh->map, sh->rank);
    unsigned i = 0;

    sh->ntasks = flux_taskmap_ntasks(sh->map);
    sh->nlocal = flux_idset_count(mine);
    sh->tasks = flux_alloc(sizeof(*sh->tasks) * (sh->nlocal ? sh->nlocal : 1));
    FLUX_IDSET_FOREACH(mine, rank)
    {
        struct flux_shell_task *t = &sh->tasks[i];

        *t = (struct flux_shell_task){.sh = sh, .rank = rank, .index = i++, .status = -1};
        t->pidfd = t->stdin_fd = t->pty = -1;
        for (int k = 0; k < 3; k++)
            t->stdio[k] = -1;
        for (int k = 0; k < STREAMS; k++)
            t->streams[k] = (struct stream){.task = t, .which = k, .fd = -1};
    }
    return 0;
}

int start_unpack_job(struct flux_shell *sh, struct flux_error *err)
{
    const char *jobspec = sh->through_imp ? sh->request : sh->start->jobspec;
    int r = flux_jobspec_decode(jobspec, strlen(jobspec), &sh->js, err);

    if (r < 0)
        return r;
    r = flux_rset_decode(sh->start->resources, &sh->r, err);
    if (r < 0)
        return r;
    sh->t0 = sh->start->start_time > 0 ? sh->start->start_time : flux_walltime();
    r = find_node(sh, err);
    if (r < 0 || (r = take_command(sh, err)) < 0 || (r = make_map(sh, err)) < 0)
        return r;
    return make_tasks(sh);
}

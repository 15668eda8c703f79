// SPDX-License-Identifier: LGPL-3.0-only
/* flux-pam-query UID GID [guests]: does a job of this user run on this node? For pam_flux.so, which
 * starts it as root with nothing but a pipe for the answer: "yes", "no", or what went wrong, on one
 * line. It asks the system instance as that user, so that it is told what he may know, and no more.
 */
#include <grp.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <flux/idset.h>
#include <flux/job.h>
#include <flux/paths.h>
#include <flux/v1/job_list.h>

enum {
    CALL_TIMEOUT = 8,    /* seconds; the module waits a little longer */
    GUEST_JOBS_MAX = 64, /* instances asked for one login */
};

struct uris {
    char *uri[GUEST_JOBS_MAX];
    size_t n;
};

static _Noreturn void answer(const char *text)
{
    printf("%.200s\n", text);
    exit(fflush(stdout) == 0 ? 0 : 1);
}

static uint32_t parse_id(const char *text)
{
    char *end;
    unsigned long id = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || id >= UINT32_MAX)
        answer("not an id");
    return id;
}

/* The real ids may be another's: su and its like are setuid. */
static void become_root(void)
{
    if (geteuid() == 0 &&
        (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
        answer("cannot become root");
}

static void become(uid_t uid, gid_t gid)
{
    if (geteuid() != 0 || uid == 0)
        return; /* a service without privileges asks as who it is */
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0 ||
        setuid(0) == 0)
        answer("cannot become the user");
}

static flux_job_list_list_response *running_jobs(struct flux *h, uint32_t userid,
                                                 struct flux_error *err)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    flux_job_list_list_response *out = NULL;
    struct flux_to to = FLUX_ANY;

    to.timeout = CALL_TIMEOUT;
    in.userid = userid;
    in.states = FLUX_JOB_RUN;
    return flux_job_list_list(h, to, &in, &out, err) < 0 ? NULL : out;
}

/* `first`: on the first node of the job only. */
static bool runs_here(const flux_job_list_job *job, uint32_t rank, bool first)
{
    FLUX_AUTO(idset) ranks = NULL;

    if (job->state != FLUX_JOB_RUN || flux_idset_decode(job->ranks, &ranks, NULL) < 0)
        return false;
    return first ? flux_idset_first(ranks) == rank : flux_idset_contains(ranks, rank);
}

/* The system instance of this node, whatever the environment says. */
static int open_system(struct flux **ret, struct flux_error *err)
{
    FLUX_AUTO_STR rundir = flux_path_get("rundir");
    FLUX_AUTO_STR uri = flux_printf("local://%s/local", rundir);

    return flux_open(uri, ret, err);
}

/* As the user. */
static bool has_job(uint32_t userid, struct flux_error *err)
{
    FLUX_AUTO_HANDLE h = NULL;
    flux_job_list_list_response *jobs;
    bool found = false;

    if (open_system(&h, err) < 0 || !(jobs = running_jobs(h, userid, err)))
        return false;
    for (size_t i = 0; i < jobs->n_jobs && !found; i++)
        found = runs_here(jobs->jobs[i], flux_rank(h), false);
    flux_job_list_list_response_free(jobs);
    return found;
}

/* "ssh://host/path" of an instance whose first node this is, as a local one. */
static char *local_uri(const char *annotations)
{
    json_t *o = json_loads(annotations, 0, NULL);
    const char *uri = json_string_value(json_object_get(json_object_get(o, "user"), "uri"));
    const char *path = NULL;
    char *found = NULL;

    if (uri && strncmp(uri, "local://", 8) == 0)
        path = uri + 8;
    else if (uri && strncmp(uri, "ssh://", 6) == 0)
        path = strchr(uri + 6, '/');
    if (path && path[0] == '/' && strlen(path) < PATH_MAX)
        found = flux_printf("local://%s", path);
    json_decref(o);
    return found;
}

/* As root: instances of the system instance's owner that begin here. */
static void find_instances(struct uris *uris)
{
    FLUX_AUTO_HANDLE h = NULL;
    flux_job_list_list_response *jobs;
    struct flux_error err;

    if (open_system(&h, &err) < 0 || !(jobs = running_jobs(h, flux_owner(h), &err)))
        return;
    for (size_t i = 0; i < jobs->n_jobs && uris->n < GUEST_JOBS_MAX; i++) {
        char *uri = runs_here(jobs->jobs[i], flux_rank(h), true)
                        ? local_uri(jobs->jobs[i]->annotations)
                        : NULL;
        if (uri)
            uris->uri[uris->n++] = uri;
    }
    flux_job_list_list_response_free(jobs);
}

/* As the user: does one of them admit guests? It does if it admits this one. */
static bool is_guest(const struct uris *uris)
{
    struct flux_error err;

    for (size_t i = 0; i < uris->n; i++) {
        FLUX_AUTO_HANDLE h = NULL;
        if (flux_open(uris->uri[i], &h, &err) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct flux_error err = {""};
    struct uris uris = {.n = 0};
    uint32_t uid, gid;
    bool guests = argc == 4 && strcmp(argv[3], "guests") == 0;

    if (argc < 3 || argc > 4 || (argc == 4 && !guests))
        answer("usage: flux-pam-query UID GID [guests]");
    uid = parse_id(argv[1]);
    gid = parse_id(argv[2]);
    become_root();
    if (guests)
        find_instances(&uris);
    become(uid, gid);
    if (has_job(uid, &err) || is_guest(&uris))
        answer("yes");
    answer(err.text[0] ? err.text : "no");
}

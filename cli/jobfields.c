// SPDX-License-Identifier: LGPL-3.0-only
/* Values of job fields. What a job does not have yet is empty, never 0. */
#include "jobfields.h"

#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

#include <flux/fluid.h>

#include "jobargs.h"
#include "uriresolve.h"

#define GETTER(NAME)                                                                               \
    static void get_##NAME(const void *row, const char *name, struct format_value *v)
#define JOB (((const struct job_row *)row)->job)

GETTER(id)
{
    const char *dot = strchr(name, '.');
    int form = dot ? flux_fluid_form(dot + 1) : FLUX_FLUID_F58;
    char text[FLUX_FLUID_MAX];

    if (form < 0 || flux_fluid_encode(JOB->id, (enum flux_fluid_form)form, text, sizeof(text)) < 0)
        return;
    format_set_copy(v, text, strlen(text));
}

GETTER(userid)
{
    format_set_int(v, JOB->userid);
}

GETTER(username)
{
    static uint32_t last = ANY_USER;
    static char text[64];

    if (JOB->userid != last) {
        struct passwd *pw = getpwuid((uid_t)JOB->userid);

        last = JOB->userid;
        if (pw)
            snprintf(text, sizeof(text), "%s", pw->pw_name);
        else
            snprintf(text, sizeof(text), "%u", last);
    }
    format_set_copy(v, text, strlen(text));
}

GETTER(urgency)
{
    format_set_int(v, JOB->urgency);
}

GETTER(priority)
{
    format_set_int(v, JOB->priority);
}

GETTER(dependencies)
{
    FLUX_AUTO_BUF list = FLUX_BUF_INIT(0);

    for (size_t i = 0; i < JOB->n_dependencies; i++)
        flux_buf_printf(&list, "%s%s", i ? "," : "", JOB->dependencies[i]);
    if (list.len > 0)
        format_set_copy(v, list.data, list.len);
}

GETTER(state)
{
    const char *s =
        strchr(name, '_') ? flux_job_state_letter(JOB->state) : flux_job_state_name(JOB->state);

    format_set_string(v, s);
}

GETTER(status)
{
    bool done = JOB->state == FLUX_JOB_INACTIVE;

    if (strchr(name, '_'))
        format_set_string(v, done ? flux_job_result_abbrev((enum flux_job_result)JOB->result)
                                  : flux_job_state_letter(JOB->state));
    else
        format_set_string(v, done ? flux_job_result_name((enum flux_job_result)JOB->result)
                                  : flux_job_state_name(JOB->state));
}

GETTER(emoji)
{
    static const struct {
        uint32_t state, result;
        const char *emoji;
    } table[] = {
        {FLUX_JOB_NEW, 0, "💭"},      {FLUX_JOB_DEPEND, 0, "🔗"},      {FLUX_JOB_PRIORITY, 0, "🤔"},
        {FLUX_JOB_SCHED, 0, "📅"},    {FLUX_JOB_RUN, 0, "🏃"},         {FLUX_JOB_CLEANUP, 0, "🧹"},
        {FLUX_JOB_INACTIVE, 1, "✅"}, {FLUX_JOB_INACTIVE, 2, "🛑"}, {FLUX_JOB_INACTIVE, 4, "🛇"},
        {FLUX_JOB_INACTIVE, 8, "⌛"},
    };
    bool result = strncmp(name, "result", 6) == 0;

    if (result && JOB->state != FLUX_JOB_INACTIVE)
        return;
    for (size_t i = 0; i < FLUX_ARRAY_SIZE(table); i++)
        if (table[i].state == JOB->state &&
            (table[i].result == (uint32_t)JOB->result || JOB->state != FLUX_JOB_INACTIVE))
            format_set_string(v, table[i].emoji);
}

GETTER(result)
{
    format_set_string(v, strchr(name, '_')
                             ? flux_job_result_abbrev((enum flux_job_result)JOB->result)
                             : flux_job_result_name((enum flux_job_result)JOB->result));
}

GETTER(name)
{
    format_set_string(v, JOB->name);
}

GETTER(cwd)
{
    format_set_string(v, JOB->cwd);
}

GETTER(queue)
{
    format_set_string(v, JOB->queue);
}

GETTER(project)
{
    format_set_string(v, JOB->project);
}

GETTER(bank)
{
    format_set_string(v, JOB->bank);
}

static void set_count(struct format_value *v, uint32_t n)
{
    if (n > 0)
        format_set_int(v, n);
}

GETTER(ntasks)
{
    set_count(v, JOB->ntasks);
}

GETTER(ncores)
{
    set_count(v, JOB->ncores);
}

GETTER(ngpus)
{
    set_count(v, JOB->ngpus);
}

GETTER(nnodes)
{
    set_count(v, JOB->nnodes);
}

GETTER(duration)
{
    format_set_real(v, JOB->duration);
}

GETTER(ranks)
{
    format_set_string(v, JOB->ranks);
}

GETTER(nodelist)
{
    format_set_string(v, JOB->nodelist);
}

GETTER(success)
{
    if (JOB->state == FLUX_JOB_INACTIVE)
        format_set_bool(v, JOB->success);
}

GETTER(waitstatus)
{
    if (JOB->has_status)
        format_set_int(v, JOB->waitstatus);
}

/* -128: ended before it had started. */
GETTER(returncode)
{
    if (JOB->has_status)
        format_set_int(v, WIFSIGNALED(JOB->waitstatus) ? -WTERMSIG(JOB->waitstatus)
                                                       : WEXITSTATUS(JOB->waitstatus));
    else if (JOB->state == FLUX_JOB_INACTIVE)
        format_set_int(v, -128);
}

GETTER(exception)
{
    const char *what = strchr(name, '.');

    if (what && strcmp(what, ".occurred") == 0)
        format_set_bool(v, JOB->exception_occurred);
    else if (!JOB->exception_occurred || !what)
        return;
    else if (strcmp(what, ".severity") == 0)
        format_set_int(v, JOB->exception_severity);
    else if (strcmp(what, ".type") == 0)
        format_set_string(v, JOB->exception_type);
    else if (strcmp(what, ".note") == 0)
        format_set_string(v, JOB->exception_note);
}

GETTER(time)
{
    const struct {
        const char *name;
        double t;
    } times[] = {
        {"t_submit", JOB->t_submit},     {"t_depend", JOB->t_depend},
        {"t_priority", JOB->t_priority}, {"t_sched", JOB->t_sched},
        {"t_run", JOB->t_run},           {"t_cleanup", JOB->t_cleanup},
        {"t_inactive", JOB->t_inactive}, {"expiration", JOB->expiration},
    };

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(times); i++)
        if (strcmp(name, times[i].name) == 0 && times[i].t > 0)
            format_set_real(v, times[i].t);
}

static double runtime(const struct job_row *row)
{
    const flux_job_list_job *job = row->job;

    if (job->t_run <= 0)
        return 0;
    if (job->t_cleanup > 0)
        return job->t_cleanup - job->t_run;
    return row->now > job->t_run ? row->now - job->t_run : 0;
}

GETTER(runtime)
{
    format_set_real(v, runtime(row));
}

GETTER(t_remaining)
{
    const struct job_row *r = row;

    if (JOB->state == FLUX_JOB_RUN && JOB->expiration > r->now)
        format_set_real(v, JOB->expiration - r->now);
}

static json_t *annotation(const void *row, const char *path)
{
    struct job_row *r = (struct job_row *)row;
    json_t *o;

    if (!r->parsed && r->job->annotations && *r->job->annotations)
        r->annotations = json_loads(r->job->annotations, 0, NULL);
    r->parsed = true;
    for (o = r->annotations; o && *path;) {
        size_t n = strcspn(path, ".");
        FLUX_AUTO_STR key = flux_strndup(path, n);

        o = json_object_get(o, key);
        path += n + (path[n] == '.');
    }
    return o;
}

static void set_json(struct format_value *v, json_t *o)
{
    FLUX_AUTO_STR text = NULL;

    if (json_is_string(o))
        format_set_string(v, json_string_value(o));
    else if (json_is_integer(o))
        format_set_int(v, json_integer_value(o));
    else if (json_is_real(o))
        format_set_real(v, json_real_value(o));
    else if (json_is_boolean(o))
        format_set_bool(v, json_is_true(o));
    else if (o && !json_is_null(o)) {
        text = json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY);
        format_set_copy(v, text, strlen(text));
    }
}

GETTER(annotations)
{
    set_json(v,
             annotation(row, strncmp(name, "annotations", 11) == 0 ? name + 11 + (name[11] == '.')
                                                                   : name));
}

/* uri.local: ssh://host/path seen from that host is local:///path */
GETTER(uri)
{
    const char *uri = json_string_value(annotation(row, "user.uri"));
    const char *path = uri ? strstr(uri, "://") : NULL;
    FLUX_AUTO_STR local = NULL;

    if (!uri)
        return;
    path = path ? strchr(path + 3, '/') : NULL;
    if (!strchr(name, '.') || !path) {
        format_set_string(v, uri);
        return;
    }
    local = flux_printf("local://%.*s", (int)strcspn(path, "?"), path);
    format_set_copy(v, local, strlen(local));
}

GETTER(contextual_time)
{
    if (JOB->state & FLUX_JOB_PENDING)
        format_set_real(v, JOB->duration);
    else
        format_set_real(v, runtime(row));
}

GETTER(contextual_info)
{
    const struct job_row *r = row;
    double estimate = json_number_value(annotation(row, "sched.t_estimate"));
    char text[96];
    int n;

    if (JOB->state == FLUX_JOB_PRIORITY) {
        format_set_string(v, JOB->urgency == 0 ? "held" : "priority-wait");
    } else if (JOB->state == FLUX_JOB_DEPEND) {
        struct format_value list = {FORMAT_NULL};
        FLUX_AUTO_STR all = NULL;

        get_dependencies(row, name, &list);
        all = flux_printf("depends:%s", list.kind == FORMAT_STRING ? list.s : "");
        format_value_done(&list);
        format_set_copy(v, all, strlen(all));
    } else if (JOB->state == FLUX_JOB_SCHED && (JOB->urgency == 0 || JOB->priority == 0)) {
        format_set_string(v, "held");
    } else if (JOB->state == FLUX_JOB_SCHED && estimate > 0) {
        struct format_value eta = {FORMAT_NULL};

        format_set_real(&eta, estimate > r->now ? (double)(long)(estimate - r->now) : 0);
        format_convert(&eta, 'F', NULL);
        n = snprintf(text, sizeof(text), "eta:%s", estimate > r->now ? eta.s : "now");
        format_set_copy(v, text, (size_t)n);
        format_value_done(&eta);
    } else {
        format_set_string(v, JOB->nodelist);
    }
}

GETTER(inactive_reason)
{
    FLUX_AUTO_STR text = NULL;
    const char *note = JOB->exception_note ? JOB->exception_note : "";

    if (JOB->state != FLUX_JOB_INACTIVE)
        return;
    if (JOB->result == FLUX_JOB_LIST_RESULT_CANCELED)
        text = flux_printf("Canceled%s%s", *note ? ": " : "", note);
    else if (JOB->result == FLUX_JOB_LIST_RESULT_TIMEOUT)
        text = flux_strdup("Timeout");
    else if (JOB->has_status && WIFSIGNALED(JOB->waitstatus))
        text = flux_strdup(strsignal(WTERMSIG(JOB->waitstatus)));
    else if (JOB->exception_occurred && JOB->exception_severity == 0)
        text =
            flux_printf("Exception: type=%s%s%s", JOB->exception_type, *note ? " note=" : "", note);
    else
        text = flux_printf("Exit %d", WEXITSTATUS(JOB->waitstatus));
    format_set_copy(v, text, strlen(text));
}

const struct format_field job_fields[] = {
    {"id", "JOBID", get_id, false},
    {"id.", "JOBID", get_id, false},
    {"userid", "UID", get_userid, false},
    {"username", "USER", get_username, false},
    {"urgency", "URG", get_urgency, false},
    {"priority", "PRI", get_priority, false},
    {"dependencies", "DEPENDENCIES", get_dependencies, false},
    {"status", "STATUS", get_status, false},
    {"status_abbrev", "ST", get_status, false},
    {"status_emoji", "STATUS", get_emoji, false},
    {"name", "NAME", get_name, false},
    {"cwd", "CWD", get_cwd, false},
    {"queue", "QUEUE", get_queue, false},
    {"project", "PROJECT", get_project, false},
    {"bank", "BANK", get_bank, false},
    {"ntasks", "NTASKS", get_ntasks, false},
    {"ncores", "NCORES", get_ncores, false},
    {"ngpus", "NGPUS", get_ngpus, false},
    {"duration", "DURATION", get_duration, false},
    {"nnodes", "NNODES", get_nnodes, false},
    {"ranks", "RANKS", get_ranks, false},
    {"nodelist", "NODELIST", get_nodelist, false},
    {"state", "STATE", get_state, false},
    {"state_single", "S", get_state, false},
    {"state_emoji", "STATE", get_emoji, false},
    {"result", "RESULT", get_result, false},
    {"result_abbrev", "RS", get_result, false},
    {"result_emoji", "RESULT", get_emoji, false},
    {"success", "SUCCESS", get_success, false},
    {"waitstatus", "WSTATUS", get_waitstatus, false},
    {"returncode", "RC", get_returncode, false},
    {"exception.occurred", "EXCEPTION-OCCURRED", get_exception, false},
    {"exception.severity", "EXCEPTION-SEVERITY", get_exception, false},
    {"exception.type", "EXCEPTION-TYPE", get_exception, false},
    {"exception.note", "EXCEPTION-NOTE", get_exception, false},
    {"t_submit", "T_SUBMIT", get_time, false},
    {"t_depend", "T_DEPEND", get_time, false},
    {"t_priority", "T_PRIORITY", get_time, false},
    {"t_sched", "T_SCHED", get_time, false},
    {"t_run", "T_RUN", get_time, false},
    {"t_cleanup", "T_CLEANUP", get_time, false},
    {"t_inactive", "T_INACTIVE", get_time, false},
    {"runtime", "RUNTIME", get_runtime, false},
    {"expiration", "EXPIRATION", get_time, false},
    {"t_remaining", "T_REMAINING", get_t_remaining, false},
    {"annotations", "ANNOTATIONS", get_annotations, false},
    {"annotations.", "ANNOTATIONS", get_annotations, false},
    {"sched", "SCHED", get_annotations, false},
    {"sched.", "SCHED", get_annotations, false},
    {"user", "USER", get_annotations, false},
    {"user.", "USER", get_annotations, false},
    {"uri", "URI", get_uri, false},
    {"uri.local", "URI", get_uri, false},
    {"contextual_info", "INFO", get_contextual_info, false},
    {"contextual_time", "TIME", get_contextual_time, false},
    {"inactive_reason", "INACTIVE-REASON", get_inactive_reason, false},
    {NULL},
};

void job_rows_init(struct job_rows *r, flux_job_list_job **jobs, size_t count)
{
    double now = flux_walltime();

    r->count = count;
    r->rows = flux_alloc(count * sizeof(r->rows[0]) + 1);
    r->pointers = flux_alloc(count * sizeof(r->pointers[0]) + 1);
    for (size_t i = 0; i < count; i++) {
        r->rows[i] = (struct job_row){.job = jobs[i], .now = now};
        r->pointers[i] = &r->rows[i];
    }
}

void job_rows_done(struct job_rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        json_decref(r->rows[i].annotations);
    free(r->rows);
    free(r->pointers);
}

static json_t *value_to_json(const struct format_value *v)
{
    switch (v->kind) {
    case FORMAT_STRING:
        return v->s[0] ? json_string(v->s) : NULL;
    case FORMAT_INT:
        return json_integer(v->i);
    case FORMAT_REAL:
        return json_real(v->d);
    case FORMAT_BOOL:
        return json_boolean(v->i);
    default:
        return NULL;
    }
}

/* Fields that say again, in another form, what others say. */
static bool is_repeated(const char *name)
{
    static const char *const words[] = {"id.",     "_emoji",  "contextual_",
                                        "_abbrev", "_single", "annotations.",
                                        "sched.",  "user.",   "uri"};

    for (size_t i = 0; i < FLUX_ARRAY_SIZE(words); i++)
        if (strstr(name, words[i]))
            return true;
    return strcmp(name, "id") == 0 || strcmp(name, "sched") == 0 || strcmp(name, "user") == 0;
}

json_t *job_to_json(const flux_job_list_job *job)
{
    struct job_row row = {.job = job, .now = flux_walltime()};
    json_t *o = json_pack("{s:I s:{}}", "id", (json_int_t)job->id, "exception");

    for (const struct format_field *f = job_fields; f->name; f++) {
        struct format_value v = {FORMAT_NULL};
        bool exception = strncmp(f->name, "exception.", 10) == 0;
        json_t *value;

        if (is_repeated(f->name))
            continue;
        f->get(&row, f->name, &v);
        value =
            strcmp(f->name, "annotations") == 0 ? json_incref(row.annotations) : value_to_json(&v);
        format_value_done(&v);
        if (value)
            json_object_set_new(exception ? json_object_get(o, "exception") : o,
                                f->name + (exception ? 10 : 0), value);
    }
    json_decref(row.annotations);
    return o;
}

const char *job_color(const void *row)
{
    if (JOB->state != FLUX_JOB_INACTIVE)
        return JOB->state & FLUX_JOB_PENDING ? "\033[90m" : NULL;
    switch (JOB->result) {
    case FLUX_JOB_LIST_RESULT_COMPLETED:
        return "\033[01;32m";
    case FLUX_JOB_LIST_RESULT_CANCELED:
        return "\033[37m";
    default:
        return "\033[01;31m";
    }
}

char *job_address(const flux_job_list_job *job)
{
    json_t *o = job->state == FLUX_JOB_RUN && *job->annotations
                    ? json_loads(job->annotations, 0, NULL)
                    : NULL;
    const char *uri = json_string_value(json_object_get(json_object_get(o, "user"), "uri"));
    char *address = NULL;

    /* What another's job says is no reason to run ssh. */
    if (uri)
        address = job->userid == getuid() ? flux_strdup(uri) : uri_local_form(uri);
    json_decref(o);
    return address;
}

// SPDX-License-Identifier: LGPL-3.0-only
/* flux top: a full-screen view of an instance: what its resources do, and the jobs that run. Enter
 * goes into a job that is an instance, q comes back. A program of its own: the flux command does
 * without curses. */
#include <getopt.h>
#include <locale.h>
#include <ncurses.h>
#include <unistd.h>

#include <flux/fluid.h>
#include <flux/handle.h>
#include <flux/idset.h>
#include <flux/rset.h>
#include <flux/v1/broker.h>
#include <flux/v1/job_list.h>
#include <flux/v1/sched.h>

#include "format/format.h"
#include "jobargs.h"
#include "jobfields.h"
#include "uriresolve.h"

enum { REFRESH_TENTHS = 20, DEEPEST = 16, JOBS_MAX = 1000, TABLE_ROW = 7 };
enum { COLOR_USED = 1, COLOR_DOWN, COLOR_GOOD, COLOR_BAD };

struct level {
    struct flux *h;
    char *title;
    size_t selected, top;
};

struct view {
    struct level levels[DEEPEST];
    size_t depth; /* the present level */
    const char *queue;
    struct format *columns;
    flux_job_list_list_response *jobs;
    struct job_rows rows;
    struct flux_error err;
};

static const char columns_text[] =
    "{id.f58:>12} ?:{queue:<8.8} {username:<8.8} {status_abbrev:>2.2} "
    "{ntasks:>6} {nnodes:>6h} {runtime!F:>8h} {name}";

static struct level *now(struct view *v)
{
    return &v->levels[v->depth];
}

static void drop_jobs(struct view *v)
{
    if (!v->jobs)
        return;
    job_rows_done(&v->rows);
    flux_job_list_list_response_free(v->jobs);
    v->jobs = NULL;
}

static int load_jobs(struct view *v)
{
    flux_job_list_list_request in = FLUX_JOB_LIST_LIST_REQUEST_INIT;
    int r;

    drop_jobs(v);
    in.userid = ANY_USER;
    in.states = FLUX_JOB_RUNNING;
    in.max_entries = JOBS_MAX;
    in.queue = (char *)(v->queue ? v->queue : "");
    r = flux_job_list_list(now(v)->h, FLUX_ANY, &in, &v->jobs, &v->err);
    if (r == 0)
        job_rows_init(&v->rows, v->jobs->jobs, v->jobs->n_jobs);
    return r;
}

static void draw_head(struct view *v)
{
    flux_broker_info_request in = FLUX_BROKER_INFO_REQUEST_INIT;
    flux_broker_info_response *info = NULL;
    struct format_value up = {FORMAT_NULL};

    if (flux_broker_info(now(v)->h, FLUX_RANK(0), &in, &info, &v->err) < 0)
        return;
    format_set_real(&up, info->uptime);
    format_convert(&up, 'F', NULL);
    mvprintw(0, 0, "%s", now(v)->title);
    mvprintw(0, COLS > 40 ? COLS - 40 : 0, "%8s  up %-8s  size %u", info->state, up.s, info->size);
    flux_broker_info_response_free(info);
}

/* nodes [|||||.....  3/10] : used, down, free */
static void draw_bar(int row, const char *name, size_t used, size_t down, size_t total)
{
    int width = COLS - 30 > 60 ? 60 : COLS - 30;

    if (width < 5 || total == 0)
        return;
    mvprintw(row, 0, "%7s [", name);
    for (int i = 0; i < width; i++) {
        size_t at = (size_t)i * total / (size_t)width;
        int color = at < used ? COLOR_USED : at >= total - down ? COLOR_DOWN : 0;

        attron(COLOR_PAIR(color));
        addch(color ? '|' : '.');
        attroff(COLOR_PAIR(color));
    }
    printw("] %zu/%zu", used, total);
}

static struct flux_rset *decode(const char *text)
{
    struct flux_rset *set = NULL;

    if (!text || !*text || flux_rset_decode(text, &set, NULL) < 0)
        set = flux_rset_new();
    return set;
}

static void draw_resources(struct view *v)
{
    flux_sched_status_request in = FLUX_SCHED_STATUS_REQUEST_INIT;
    flux_sched_status_response *out = NULL;
    struct flux_rset *all, *used, *down;

    if (flux_sched_status(now(v)->h, FLUX_ANY, &in, &out, &v->err) < 0)
        return;
    all = decode(out->all);
    used = decode(out->allocated);
    down = decode(out->down);
    draw_bar(1, "nodes", flux_rset_nnodes(used), flux_rset_nnodes(down), flux_rset_nnodes(all));
    draw_bar(2, "cores", flux_rset_ncores(used), flux_rset_ncores(down), flux_rset_ncores(all));
    draw_bar(3, "gpus", flux_rset_ngpus(used), flux_rset_ngpus(down), flux_rset_ngpus(all));
    flux_rset_free(all);
    flux_rset_free(used);
    flux_rset_free(down);
    flux_sched_status_response_free(out);
}

static void draw_stats(struct view *v)
{
    flux_job_list_stats_request in = FLUX_JOB_LIST_STATS_REQUEST_INIT;
    flux_job_list_stats_response *s = NULL;

    in.queue = (char *)(v->queue ? v->queue : "");
    if (flux_job_list_stats(now(v)->h, FLUX_ANY, &in, &s, &v->err) < 0)
        return;
    mvprintw(4, 0, "%u pending  %u running  ", s->depend + s->priority + s->sched,
             s->run + s->cleanup);
    attron(COLOR_PAIR(COLOR_GOOD));
    printw("%u complete  ", s->successful);
    attroff(COLOR_PAIR(COLOR_GOOD));
    attron(COLOR_PAIR(COLOR_BAD));
    printw("%u failed", s->failed + s->canceled + s->timeout);
    attroff(COLOR_PAIR(COLOR_BAD));
    if (v->queue)
        printw("  (queue %s)", v->queue);
    flux_job_list_stats_response_free(s);
}

/* A line cut at the edge of the screen, by columns. */
static void draw_line(int row, const char *line)
{
    mvaddnstr(row, 0, line, (int)format_fit(line, (size_t)COLS));
}

static void draw_jobs(struct view *v)
{
    struct flux_buf out = FLUX_BUF_INIT(0);
    struct level *l = now(v);
    size_t lines = LINES > TABLE_ROW ? (size_t)(LINES - TABLE_ROW) : 1, i = 0;

    if (!v->jobs ||
        format_rows(v->columns, v->rows.pointers, v->rows.count, NULL, true, &out, &v->err) < 0)
        return;
    if (l->selected >= v->rows.count)
        l->selected = v->rows.count ? v->rows.count - 1 : 0;
    if (l->selected < l->top)
        l->top = l->selected;
    if (l->selected >= l->top + lines)
        l->top = l->selected - lines + 1;
    for (char *save = NULL, *line = strtok_r(out.data, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save), i++) {
        bool header = i == 0, selected = i == l->selected + 1;

        if (!header && (i - 1 < l->top || i - 1 >= l->top + lines))
            continue;
        attrset(header || selected ? A_REVERSE : A_NORMAL);
        draw_line(header ? TABLE_ROW - 1 : (int)(TABLE_ROW + i - 1 - l->top), line);
        attrset(A_NORMAL);
    }
    flux_buf_done(&out);
}

static void draw(struct view *v)
{
    erase();
    v->err.text[0] = '\0';
    if (load_jobs(v) == 0) {
        draw_head(v);
        draw_resources(v);
        draw_stats(v);
        draw_jobs(v);
    }
    if (v->err.text[0])
        mvprintw(LINES - 1, 0, "%s", v->err.text);
    refresh();
}

/* Into the selected job, if it is an instance. */
static void enter_job(struct view *v)
{
    struct level *l = now(v);
    FLUX_AUTO_STR uri = NULL;
    struct flux *h = NULL;

    if (!v->jobs || l->selected >= v->rows.count || v->depth + 1 == DEEPEST)
        return;
    uri = job_address(v->jobs->jobs[l->selected]);
    if (!uri || flux_open(uri, &h, &v->err) < 0) {
        beep();
        return;
    }
    v->levels[v->depth + 1] = (struct level){
        .h = h,
        .title = flux_printf("%s/%s", strcmp(l->title, "/") == 0 ? "" : l->title,
                             flux_fluid_f58(v->jobs->jobs[l->selected]->id)),
    };
    v->depth++;
}

/* False: it was the outermost. */
static bool leave_level(struct view *v)
{
    flux_close(now(v)->h);
    free(now(v)->title);
    if (v->depth == 0)
        return false;
    v->depth--;
    return true;
}

static bool handle_key(struct view *v, int key)
{
    struct level *l = now(v);

    switch (key) {
    case 'q':
        return leave_level(v);
    case 'j':
    case KEY_DOWN:
        l->selected++;
        break;
    case 'k':
    case KEY_UP:
        l->selected -= l->selected > 0;
        break;
    case '\n':
    case KEY_ENTER:
        enter_job(v);
        break;
    case 'L' - '@': /* ^L */
        clearok(stdscr, TRUE);
        break;
    }
    return true;
}

static void start_screen(bool color)
{
    setlocale(LC_ALL, "");
    initscr();
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    halfdelay(REFRESH_TENTHS);
    if (!color || !has_colors())
        return;
    start_color();
    use_default_colors();
    init_pair(COLOR_USED, COLOR_YELLOW, -1);
    init_pair(COLOR_DOWN, COLOR_RED, -1);
    init_pair(COLOR_GOOD, COLOR_GREEN, -1);
    init_pair(COLOR_BAD, COLOR_RED, -1);
}

static int fail(const char *text)
{
    fprintf(stderr, "flux-top: %s\n", text);
    return 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"queue", required_argument, NULL, 'q'},
                                            {"color", optional_argument, NULL, 'L'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *no_color = getenv("NO_COLOR");
    bool color = !no_color || !*no_color;
    FLUX_AUTO_STR uri = NULL;
    struct view v = {.depth = 0};
    int c;

    while ((c = getopt_long(argc, argv, "q:h", options, NULL)) != -1) {
        if (c == 'q')
            v.queue = optarg;
        else if (c == 'L')
            color = !optarg || strcmp(optarg, "never") != 0;
        else {
            fprintf(c == 'h' ? stdout : stderr,
                    "Usage: flux-top [-q QUEUE] [--color=WHEN] [TARGET]\n"
                    "  j, k, arrows: select; enter: go into an instance; q: back, quit\n");
            return c != 'h';
        }
    }
    if (argc - optind > 1)
        return fail("expected at most one instance");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return fail("standard input and output must be a terminal; see flux jobs");
    if (argc > optind && uri_resolve(argv[optind], false, &uri, &v.err) < 0)
        return fail(v.err.text);
    if (uri)
        setenv("FLUX_URI", uri, 1);
    if (format_compile(job_fields, columns_text, &v.columns, &v.err) < 0 ||
        flux_open(NULL, &v.levels[0].h, &v.err) < 0)
        return fail(v.err.text);
    v.levels[0].title = flux_strdup(argc > optind ? argv[optind] : "/");
    start_screen(color);
    do
        draw(&v);
    while (handle_key(&v, getch()));
    endwin();
    drop_jobs(&v);
    format_free(v.columns);
    return 0;
}

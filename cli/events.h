// SPDX-License-Identifier: LGPL-3.0-only
/* Printing of eventlog entries, and matching them: job eventlog, wait-event and the like. */
#ifndef FLUX_CLI_EVENTS_H
#define FLUX_CLI_EVENTS_H

#include <flux/eventlog.h>

#include "color.h"
#include "verb.h"

/* Options that event_style_init() reads; a verb lists them in its own table. */
#define EVENT_STYLE_OPTIONS                                                                        \
    {"format", 'f', OPT_STR, "text|json", "Entry format"},                                         \
        {"time-format", 'T', OPT_STR, "raw|iso|offset|human", "Time stamp format"},                \
        {"human", 'H', OPT_FLAG, NULL, "The same as -T human"}, COLOR_OPTION('L')

struct event_style {
    bool json, color;
    enum { EVENT_RAW, EVENT_ISO, EVENT_OFFSET, EVENT_HUMAN } time;
    double first;       /* time stamp of the log's first entry; 0 = not seen yet */
    double minute_base; /* human: the last absolute stamp that was shown */
};

int event_style_init(struct event_style *s, const struct cli *cli, struct flux_error *err);
void event_print(FILE *out, struct event_style *s, const struct flux_eventlog_entry *e);
/* Whether the entry's context has key=value for each of the -m options ("k=v"; v JSON or a string).
 */
bool event_matches(const struct cli *cli, const struct flux_eventlog_entry *e);

#endif

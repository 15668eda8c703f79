// SPDX-License-Identifier: LGPL-3.0-only
/* Simulated execution: attributes.system.exec.test of the jobspec gives a duration (run_duration)
 * and a wait status (wait_status); no process is started. For tests of everything around execution.
 */
#include "exec.h"

#include <flux/fsd.h>
#include <flux/jobspec.h>

bool simulate_wanted(struct running *job, const json_t *jobspec)
{
    json_t *test = flux_jobspec_get(jobspec, "attributes.system.exec.test");
    json_t *duration = json_object_get(test, "run_duration");

    if (!json_is_object(test))
        return false;
    job->simulated = true;
    job->sim_status = json_integer_value(json_object_get(test, "wait_status"));
    job->sim_duration = json_number_value(duration);
    if (json_is_string(duration))
        flux_fsd_parse(json_string_value(duration), &job->sim_duration, NULL);
    return true;
}

static void on_ended(uv_timer_t *timer)
{
    struct running *job = timer->data;

    running_note_status(job, job->sim_status);
    running_finished(job);
}

void simulate_start(struct running *job)
{
    running_started(job);
    uv_timer_start(&job->ended, on_ended, (uint64_t)(job->sim_duration * 1000), 0);
}

void simulate_kill(struct running *job, unsigned signum)
{
    job->sim_status = signum; /* as a wait status: ended by that signal */
    uv_timer_start(&job->ended, on_ended, 0, 0);
}

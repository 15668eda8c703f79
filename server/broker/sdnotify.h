// SPDX-License-Identifier: LGPL-3.0-only
/* Telling systemd how the broker is (attribute broker.sd-notify; sd_notify(3)'s protocol). */
#ifndef BROKER_SDNOTIFY_H
#define BROKER_SDNOTIFY_H

struct broker;

/* Our state has changed: ready once we try to join, stopping from shutdown on, a status line
 * always. */
void sdnotify_state_changed(struct broker *b);

#endif

// SPDX-License-Identifier: LGPL-3.0-only
/* The directories of a broker. */
#ifndef BROKER_PLACES_H
#define BROKER_PLACES_H

struct broker;
struct flux_error;

/* Check the state directory, and make the run directory where it is not there: attributes rundir
 * and rundir-cleanup. A run directory that a failing start leaves empty goes when the program
 * exits. */
int places_make(struct broker *b, struct flux_error *err);
/* Remove those that are to go with the broker. */
void places_remove(struct broker *b);

#endif

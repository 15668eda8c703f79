// SPDX-License-Identifier: LGPL-3.0-only
/* Ways to find out who we are: rank, size, the tree, and how to reach our neighbours in it. Each
 * sets b->rank, b->size and b->topo, opens the overlay (overlay.h) where there is more than one
 * broker, and sets the attributes that only it can know. Blocking: the loop does not run yet. */
#ifndef BROKER_BOOT_H
#define BROKER_BOOT_H

#include "broker.h"

int boot_single(struct broker *b, struct flux_error *err);
/* Under a PMI-1 server (PMI_FD): keys and endpoints are exchanged through it. */
int boot_pmi(struct broker *b, struct flux_error *err);
/* From the [bootstrap] table. */
int boot_config(struct broker *b, struct flux_error *err);

/* The address of this host under which other hosts reach it, as attribute tbon.interface-hint says
 * ("default-route", "hostname", an interface, or a network A.B.C.D/N). Caller frees; NULL: none. */
char *boot_address(const char *hint);

#endif

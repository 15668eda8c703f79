// SPDX-License-Identifier: LGPL-3.0-only
/* Where configuration is: fixed when built, whatever the caller says. */
#ifndef IMP_PLACES_H
#define IMP_PLACES_H

#define PLACES_IMP FLUX_CONFDIR "/imp/conf.d"
#define PLACES_SECURITY FLUX_CONFDIR "/security/conf.d"

#endif

# SPDX-License-Identifier: LGPL-3.0-only
# Generated: the services that a handle offers.
SERVICES = {
}

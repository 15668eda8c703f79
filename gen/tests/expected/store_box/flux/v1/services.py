# SPDX-License-Identifier: LGPL-3.0-only
# Generated: the services that a handle offers.
SERVICES = {
    "store_box": ("golden.v1.store_box_client", "StoreBox"),
}

# SPDX-License-Identifier: LGPL-3.0-only
"""What goes wrong."""


class FluxError(OSError):
    """A call failed: `errno` is the number, `text` the service's own words."""

    def __init__(self, errnum, text):
        super().__init__(errnum, text)
        self.text = text

    def __str__(self):
        return self.text

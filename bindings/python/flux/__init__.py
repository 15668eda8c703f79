# SPDX-License-Identifier: LGPL-3.0-only
"""Flux: connect to an instance and call its services.

    import flux
    h = flux.Flux()
    h.kvs.get(key="a")

What is named here is loaded when it is first used, so that importing the package costs nothing."""

_WHERE = {
    "Flux": "flux.handle",
    "Future": "flux.handle",
    "Stream": "flux.handle",
    "UPSTREAM": "flux.handle",
    "FluxError": "flux.error",
    "JobID": "flux.fluid",
}

__all__ = sorted(_WHERE)


def __getattr__(name):
    import importlib

    if name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
    else:
        try:
            value = importlib.import_module("flux." + name)
        except ModuleNotFoundError as e:
            if e.name != "flux." + name:
                raise
            raise AttributeError(f"module 'flux' has no attribute '{name}'") from None
    globals()[name] = value
    return value


def __dir__():
    return sorted(set(globals()) | set(_WHERE))

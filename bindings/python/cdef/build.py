#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-only
"""Write flux/_libflux.py, cffi's compiled form of the declarations here: at run time nothing is
parsed. build.py OUTPUT"""

import pathlib
import sys

import cffi

HERE = pathlib.Path(__file__).resolve().parent

OPAQUE = """
struct flux; struct flux_future; struct flux_idset; struct flux_hostlist; struct flux_jobspec;
typedef struct uv_loop_s uv_loop_t;
typedef enum { UV_RUN_DEFAULT, UV_RUN_ONCE, UV_RUN_NOWAIT } uv_run_mode;
enum flux_fluid_form { FLUX_FLUID_DEC };
typedef void (*flux_then_f)(struct flux_future *f, void *arg);
"""

ffi = cffi.FFI()
ffi.set_source("flux._libflux", None)
ffi.cdef(OPAQUE + (HERE / "types.cdef").read_text() + (HERE / "functions.cdef").read_text())
ffi.emit_python_code(sys.argv[1])

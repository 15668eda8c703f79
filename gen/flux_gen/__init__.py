# SPDX-License-Identifier: LGPL-3.0-only
"""The generator: proto files in, C and Python stubs, reference and fuzz targets out."""

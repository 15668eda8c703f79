# SPDX-License-Identifier: LGPL-3.0-only
"""Generated: NAME_pb2 has the messages of a service, NAME_client its class; see flux.v1.services."""

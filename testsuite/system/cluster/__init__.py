# SPDX-License-Identifier: LGPL-3.0-only
"""Virtual clusters for tests: see README.md."""
from .image import FLUX_UID, USERS
from .node import Node
from .virtual import Cluster, Clusters, cannot_run

__all__ = ["FLUX_UID", "USERS", "Cluster", "Clusters", "Node", "cannot_run"]

"""Names for the wire's objects, which omero-py ships without types."""

from __future__ import annotations

from typing import Any, TypeAlias

IObject: TypeAlias = Any
"""An instance of a concrete omero.model class."""
RType: TypeAlias = Any
"""An omero.RType, or None for null."""
Parameters: TypeAlias = Any
"""An omero.sys.Parameters or None."""
Proxy: TypeAlias = Any
"""An Ice proxy, narrowed or not."""
Current: TypeAlias = Any
"""An Ice.Current."""

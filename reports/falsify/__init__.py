"""The search for the instance on which a claim is worst; see :mod:`reports.falsify.search`."""

from reports.falsify.found import Found, found
from reports.falsify.instance import Instance
from reports.falsify.plain import made_plain
from reports.falsify.search import Search, searches

__all__ = ["Found", "Instance", "Search", "found", "made_plain", "searches"]

"""
Fernlicht, a fictional provider of edge, bare metal and transit, and its customers all over the world.

Three databases: ``portal`` (accounts, contacts, sessions, tickets, newsletter), ``billing`` (customers,
invoices, payments) and ``ops`` (servers, usage, and sites without people). The map to them is
``datamaps/example``.
"""

from habeas.embedded.company.loader import Progress, fill
from habeas.embedded.company.people import ADA, BRUNO, DemoPerson
from habeas.embedded.company.records import generate, indexes

__all__ = ["ADA", "BRUNO", "DemoPerson", "Progress", "fill", "generate", "indexes"]

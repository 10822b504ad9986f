"""
Fernlicht, a fictional provider of edge, bare metal and transit, and its customers all over the world.

Three databases: ``portal`` (accounts, contacts, sessions, tickets, newsletter), ``billing`` (customers,
invoices, payments) and ``ops`` (servers, usage, and sites, in which nobody appears). The map to them is
``datamaps/example``.
"""

from habeas.company.filling import Progress, fill
from habeas.company.people import ADA, BRUNO, Person
from habeas.company.records import generate, indexes

__all__ = ["ADA", "BRUNO", "Person", "Progress", "fill", "generate", "indexes"]

"""
Documents for authorities, filled with the known facts of an incident: to be sent, or copied into a portal.

The contents for each authority, their order and provisions, are the ``report`` of a policy in
``policies/breaches``. Unknown facts are stated as missing, and never left out.
"""

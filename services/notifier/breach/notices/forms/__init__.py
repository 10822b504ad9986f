"""
Documents for authorities, filled with what is known of an incident: to be sent, or copied into a portal.

What each authority is told, in which order and because of what, is the ``report`` of a policy in
``policies/breaches``. What is not known is said to be missing, and never left out.
"""

"""
Notices of a breach: to people, to customers whose processor the company is, and to authorities.

A notice is laid out once for all people to whom the same is said; after that each costs an address, a name
and an id (:mod:`services.notifier.breach.notices.writer`). What a notice says, in which order and because
of what,
stands in ``policies/breaches``; how it is said, in ``templates/letters/notices``.
"""

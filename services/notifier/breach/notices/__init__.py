"""
Notices of a breach: to people, to customers of a processor, and to authorities.

A notice is laid out once for all people with the same content; after that each costs an address, a name
and an id (:mod:`services.notifier.breach.notices.writer`). The contents of a notice, their order and their
provisions
stand in ``policies/breaches``; the words, in ``templates/letters/notices``.
"""

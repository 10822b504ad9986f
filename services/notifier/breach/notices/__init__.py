"""
Notices of a breach: to people, to customers of a processor, and to authorities.

The contents of a notice, their order and their provisions stand in ``policies/breaches``; the words, in
``templates/letters/notices``.
"""

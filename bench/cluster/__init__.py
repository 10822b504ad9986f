"""
A campaign against docker-compose.cluster.yml from outside: requests of all rights, faults of all kinds.

``project`` brings the cluster up, ``faults`` has the kinds of faults, ``injection`` causes them at random
by a seed, and ``bench.public`` drives the requests and judges what came of them.
"""

"""
Random requests from outside, and a judgement by what the public contract shows.

:mod:`~bench.public.driver` plays people, strangers and upstream systems against a running installation that
it knows by its URLs alone; :mod:`~bench.public.checker` judges what came out: status pages, letters, events,
packages, certificates, and the company's own records before and after. Neither reads Habeas' own databases.

::

    access = PublicAccess(
        api_url="http://127.0.0.1:8080",
        amqp_url="amqp://shop:…@127.0.0.1:5672/",  # of a user that publishes and reads events
        stores_url="mongodb://127.0.0.1:27017/?replicaSet=habeas",  # the company's own records
        letters=MailpitLetters("http://127.0.0.1:8025"),  # or FolderLetters(folder) of `habeas up`
    )
    plans = made_up(await people_of(access), requests=200, seed=1)
    async with PublicDriver(access, plans) as driver:
        await driver.drive(per_second=5)  # returns when the last request is made
        seen = await driver.gathered(within_s=900)  # waits until nothing more happens
    anomalies = judge(seen)

The installation needs :func:`bench.public.access.settings`: limits for one address that plays all people, and
the upstream systems. Its stores must hold the example company (``habeas.embedded.company.fill``), with twice
as many people as requests. The permissions of the broker user are in ``docs/how-to/connect.md`` (Events).
From a shell: ``python -m bench.public --help``.
"""

"""The operations of the ``habeas`` command."""

"""The `habeas` command: the embedded stack, the demo and the operator verbs."""

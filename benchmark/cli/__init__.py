"""The `splatbench` command: parse, call, print. One module a group of verbs."""

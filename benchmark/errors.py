"""The one error that a user is meant to read: what, where, and what to do next."""


class SplatbenchError(Exception):
    """A problem the user can mend; its text is one line, shown without a traceback."""


class InputError(SplatbenchError, ValueError):
    """Something given to us (a file, a name, a value) cannot be used."""


class MissingError(SplatbenchError):
    """Something needed is not installed or not on this machine; the text says how to get it."""


class CellError(SplatbenchError):
    """A cell cannot be finished; its record says `failed` with this reason, other cells go on."""

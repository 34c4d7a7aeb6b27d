# pycolmap carries a zlib of its own; where Pillow then writes a PNG, the interpreter's must have been loaded first.
import zlib  # noqa: F401

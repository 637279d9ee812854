"""The version of this package: the one in its metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("pilot-quantum")
except PackageNotFoundError:  # used from a source tree that was never installed
    __version__ = "0+unknown"

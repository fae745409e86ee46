"""Guerdon: self-hosted redemption of loyalty tokens."""

__version__ = "0.1.0"

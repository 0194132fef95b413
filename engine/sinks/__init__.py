"""Bytes out. A sink has ``name``, ``start``, ``write``, ``position``, ``restore``, ``close``; ``Delivery`` runs it."""

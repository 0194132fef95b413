"""Event → Event: assets, zones and what they mean to the plant."""

from engine.enrich.assets import Asset, AssetFileError, Zone, read_assets
from engine.enrich.enrichment import Enrichment

__all__ = ["Asset", "AssetFileError", "Enrichment", "Zone", "read_assets"]

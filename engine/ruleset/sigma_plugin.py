"""Found by sigma-cli: the wheel carries this file as ``sigma/pipelines/tieline/__init__.py``."""

from engine.ruleset.hunting import tieline_ecs_pipeline, tieline_pipeline

__all__ = ["tieline_ecs_pipeline", "tieline_pipeline"]

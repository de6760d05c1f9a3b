"""The synthetic payment world: people, merchants, terminals, spending, fraud and dirt, as files in a landing folder."""

from local.simulate.settings import World, WorldSettingsError
from local.simulate.simulation import existing_world, simulate
from local.simulate.summary import SimulationSummary

__all__ = ["SimulationSummary", "World", "WorldSettingsError", "existing_world", "simulate"]

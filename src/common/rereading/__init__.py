"""Reads files again in another way: what they gave is withdrawn from all layers first, when a person asks for it."""

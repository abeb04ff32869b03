"""The parts of tools/differ."""

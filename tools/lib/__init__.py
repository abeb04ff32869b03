"""What the tools of this repository share. Python's standard library only."""

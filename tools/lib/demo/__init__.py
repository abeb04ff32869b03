"""What tools/demo is made of."""

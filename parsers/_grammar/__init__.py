"""What formats of several vendors share; knows no vendor."""

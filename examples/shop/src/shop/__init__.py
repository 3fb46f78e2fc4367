"""Cart and texts of a small web shop."""

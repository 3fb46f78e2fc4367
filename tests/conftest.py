"""What every folder of tests shares; that it is here puts this folder on the import path."""

"""How the bundled model is made: a catalogue of small tasks, worded as stubs, and a network."""

FAMILY = "supercharger-tiny"  # what its file calls itself: the folder of prompts/ with its wording

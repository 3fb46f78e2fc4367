"""How the bundled model is made: a catalogue of small tasks, worded as stubs, and a network."""

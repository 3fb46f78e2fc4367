"""What runs in the process of llama.cpp."""

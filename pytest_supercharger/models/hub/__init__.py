"""GGUF files of the Hugging Face hub: by name, from the cache, fetched."""

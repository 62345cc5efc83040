"""GGUF files for llama.cpp, written here with the ``gguf`` package: no checkout of llama.cpp is needed."""

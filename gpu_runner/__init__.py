"""The runner: an own process that trains and serves models. It never imports Django or the platform's apps.

Importing this package is cheap on purpose: the platform imports :mod:`gpu_runner.protocol`, and nothing heavy
(torch, transformers, llama.cpp) is loaded before an engine is really used.
"""

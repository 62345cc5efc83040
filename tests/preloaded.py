"""What the process that starts commands does once it has imported the libraries; see ``tests/commands.py``."""

import gc

import jieba

jieba.setLogLevel("WARNING")
jieba.initialize()
gc.freeze()  # a command does not look through the libraries for what it may free

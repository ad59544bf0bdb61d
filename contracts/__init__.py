"""The words every part of mallsense speaks: the model of a mall, messages, topics, events. No I/O."""

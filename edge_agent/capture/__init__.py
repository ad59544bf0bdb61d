"""Radios that listen: monitor mode, channels, packet sockets with a kernel filter, a watchdog."""

"""What a node and its broker are installed from, rendered from the site file.

Pure functions make files: a site and a node go in, `{path: File}` comes out (`raspberry_pi_os`, `balena`).
Commands write them (`tree`), keep the mall's secrets (`mall_secrets`), and speak with balena's cloud
(`balena_account`).
"""

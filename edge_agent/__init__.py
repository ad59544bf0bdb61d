"""What runs on a node: sources -> pseudonyms -> spool -> MQTT; health; configuration."""

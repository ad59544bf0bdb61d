"""What a node and its broker are installed from, rendered from the site file."""

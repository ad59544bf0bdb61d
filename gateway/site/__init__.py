"""The model of a mall as people work with it: checked, drawn, and imported from the formats malls have."""

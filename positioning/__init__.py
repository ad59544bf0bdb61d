"""Pure computing: radio model, calibration, fixes, tracks, zones and visits. No I/O and no clock."""

"""Taking somebody's history out of the store: every record that a device or a car has left there.

Pseudonyms are no tags of anything: they stand inside packed rows and bodies of requests, too. So rows of the
time around are unpacked, and written again without what is to go. It is done in pieces, so that the gateway
goes on meanwhile. A device that is in the mall is written again by the engine: who erases does it again after
it has left (`file.present` tells).
"""

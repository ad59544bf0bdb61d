"""Reading plates on a node, offline: find, straighten, recognise, and say how sure the reading is.

`reader.PlateReader` puts the parts together; docs/plates.md tells what it reads and how well. Needs the extra
`camera`. Nothing here writes a plate to a log.
"""

"""History in InfluxDB: 1.x, 2.x and 3.x, written as line protocol and read as InfluxQL."""

-- What was learned of the hosts that files come from.
CREATE TABLE host_fact (
    name TEXT PRIMARY KEY,
    bandwidth REAL CHECK (bandwidth > 0),
    latency_s REAL CHECK (latency_s >= 0),
    measured_at REAL NOT NULL,
    ranges INTEGER CHECK (ranges IN (0, 1)),
    ranges_at REAL NOT NULL,
    bound TEXT NOT NULL,
    several INTEGER CHECK (several IN (0, 1)),
    several_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Made when the catalogue is in: sorting it once takes half the time of keeping it sorted.

CREATE UNIQUE INDEX target_stem ON target (stem);

CREATE INDEX job_pending ON job (survey, sky) WHERE state = 'pending';
CREATE INDEX job_failed ON job (survey, target) WHERE state = 'failed';
CREATE INDEX job_waiting ON job (due) WHERE state IN ('pending', 'located');
CREATE INDEX cutout_wanted ON cutout (survey, product) WHERE state = 'wanted';

-- One row per run: a run that was resumed or extended has written several.
CREATE OR REPLACE VIEW runs_latest AS
SELECT *
FROM runs
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY created_at DESC) = 1;

-- One row per run: what was asked last. A run that was resumed, extended or judged anew has several.
-- Rows without a sequence are an earlier release's: older than those with one, and in order of time.
CREATE OR REPLACE VIEW runs_latest AS
SELECT *
FROM runs
QUALIFY row_number() OVER (
    PARTITION BY run_id ORDER BY sequence DESC NULLS LAST, created_at DESC
) = 1;

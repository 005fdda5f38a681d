-- One row per run, problem, strategy and K: the run's last computation over verdicts of the harness
-- that `results` shows. Rows without a sequence are an earlier release's, and in order of time.
CREATE OR REPLACE VIEW selections_latest AS
SELECT s.*
FROM selections AS s
LEFT JOIN runs_latest AS r USING (run_id)
WHERE r.sequence IS NULL OR r.harness_id IS NULL OR s.harness_id = r.harness_id
QUALIFY
    rank() OVER (PARTITION BY s.run_id ORDER BY s.sequence DESC NULLS LAST) = 1
    AND row_number() OVER (
        PARTITION BY s.run_id, s.suite, s.level, s.problem_id, s.strategy, s.k
        ORDER BY s.sequence DESC NULLS LAST, s.computed_at DESC
    ) = 1;
